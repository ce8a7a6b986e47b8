"""The calls that the org answers, one module for each corner of the REST API; `sandbox.py` puts them together."""

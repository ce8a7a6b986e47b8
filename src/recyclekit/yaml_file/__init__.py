"""YAML files for people: read safely, with positions, and validated with every error at once."""

from __future__ import annotations

from recyclekit.yaml_file.reading import MAX_BYTES, MAX_DEPTH, MAX_NODES, Document, Position, Where, load, parse
from recyclekit.yaml_file.validating import did_you_mean, examine, listing, validate

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "Document",
    "Position",
    "Where",
    "did_you_mean",
    "examine",
    "listing",
    "load",
    "parse",
    "validate",
]

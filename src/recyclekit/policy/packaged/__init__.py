"""The policies that ship with the package, as YAML files; no code."""

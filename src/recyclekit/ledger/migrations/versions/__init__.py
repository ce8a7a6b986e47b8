"""One module per change of the schema, numbered; a released one never changes."""

"""A first project file drafted from CSV exports: what their headings and values say, and what a person must decide."""

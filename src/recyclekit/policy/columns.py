"""Reading a canonical table whose unmapped columns are absent: the column, or nulls of its declared type."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from recyclekit.models.tables import SCHEMAS, Table


def column_or_null(present: Collection[str], table: Table, name: str) -> pl.Expr:
    """Return the column where the frame has it, else a null of the declared type under that name."""
    if name in present:
        return pl.col(name)
    return pl.lit(None, dtype=SCHEMAS[table].columns()[name].dtype).alias(name)

"""Rows of a SQLite file as a frame: whole columns at a time, below SQLAlchemy, whose import alone costs more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

import polars as pl

_ROWS_AT_ONCE = 2_000  # what stays in the processor's cache


def fetch(
    connection: sqlite3.Connection, query: str, values: Mapping[str, object], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """Return a query's rows as a frame with this schema.

    A few rows at a time: columns made in SQLite, as JSON, take a tenth less of a processor and twice the memory.
    """
    cursor = connection.execute(query, dict(values))
    parts: list[pl.DataFrame] = []
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        parts.append(_frame(schema, zip(*rows, strict=True)))
    return pl.concat(parts) if parts else _frame(schema, [()] * len(schema))


def _frame(schema: Mapping[str, pl.DataType], columns: Iterable[tuple[object, ...]]) -> pl.DataFrame:
    texts = [
        pl.Series(name, values, dtype=pl.String if dtype == pl.Date else dtype)
        for (name, dtype), values in zip(schema.items(), columns, strict=True)
    ]
    dates = [name for name, dtype in schema.items() if dtype == pl.Date]
    frame = pl.DataFrame(texts)
    return frame.with_columns(pl.col(dates).str.to_date("%Y-%m-%d")) if dates else frame

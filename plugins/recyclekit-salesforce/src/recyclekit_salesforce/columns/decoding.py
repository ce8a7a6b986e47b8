"""Query answers to frames of String columns: JSON pages, and Bulk CSV without a Python object per cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from recyclekit.errors import RetryableError

BOOLEANS = frozenset({"boolean"})
NUMBERS = frozenset({"double", "currency", "percent", "int", "long"})


def from_records(records: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> pl.DataFrame:
    """Return records of a JSON page as String columns.

    Args:
        records: of the answer.
        fields: name → type, as describe gives it. A field that a record lacks is null there.
    """
    return pl.DataFrame([_column(name, kind, [one.get(name) for one in records]) for name, kind in fields.items()])


def _column(name: str, kind: str, values: list[Any]) -> pl.Series:
    if kind in BOOLEANS:
        return pl.Series(name, values, dtype=pl.Boolean).cast(pl.String)
    if kind in NUMBERS:
        return pl.Series(name, [None if value is None else number(value) for value in values], dtype=pl.String)
    try:
        texts = pl.Series(name, values, dtype=pl.String)
    except (TypeError, pl.exceptions.PolarsError):  # a compound value, or a type that describe does not say
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
    # As Bulk writes it: one way in both, or formats found in one reading would not hold for the other.
    return texts.str.replace("+0000", "Z", literal=True) if kind == "datetime" else texts


def number(value: object) -> str:
    """Return a number as text, whole ones without a fraction."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def from_csv(content: bytes, fields: Sequence[str], expected: int | None) -> pl.DataFrame:
    """Return a part of a Bulk query's result as String columns; cells may hold line breaks, empty is null.

    Raises:
        RetryableError: it holds another number of records than its header says; the same part can be had again.
    """
    if _is_cut_off(content):
        raise RetryableError("A part of a Bulk result is cut off in the middle of a record.")
    try:
        frame = pl.read_csv(io.BytesIO(content), infer_schema=False) if content.strip() else pl.DataFrame()
    except pl.exceptions.PolarsError as error:
        raise RetryableError("A part of a Bulk result cannot be read.", why=type(error).__name__) from None
    if expected is not None and frame.height != expected:
        what = f"A part of a Bulk result holds {frame.height} records instead of {expected}."
        raise RetryableError(what, why="The answer was cut off.")
    missing = [name for name in fields if name not in frame.columns]
    if missing and frame.height:
        raise RetryableError(f"A part of a Bulk result lacks the column {missing[0]}.")
    if not frame.height:
        return pl.DataFrame(schema=dict.fromkeys(fields, pl.String))
    return frame.select(pl.when(pl.col(name) != "").then(pl.col(name)) for name in fields)


def _is_cut_off(content: bytes) -> bool:
    """Whether the last record is not whole: an open quote, or a last line with fewer cells than the heading."""
    if content.count(b'"') % 2:
        return True
    if content.endswith(b"\n") or not content.strip():
        return False
    first, last = content[: content.find(b"\n") + 1], content[content.rfind(b"\n") + 1 :]
    heading, cells = (next(csv.reader([line.decode("utf-8", "replace")]), []) for line in (first or last, last))
    return len(cells) != len(heading)

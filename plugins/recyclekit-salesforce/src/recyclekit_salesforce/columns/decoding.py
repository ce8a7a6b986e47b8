"""Query answers to frames of String columns: JSON pages, and Bulk CSV without a Python object per cell."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from recyclekit.errors import RetryableError

_READ_AS: Mapping[str, type[pl.DataType]] = {
    "boolean": pl.Boolean,
    **dict.fromkeys(("double", "currency", "percent", "int", "long"), pl.Float64),
}
"""Type of a field → how its JSON values are read; every other is a text."""


def from_records(records: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> pl.DataFrame:
    """Return records of a JSON page as String columns.

    Args:
        records: of the answer.
        fields: name → type, as describe gives it. A field that a record lacks is null there.
    """
    schema = {name: _READ_AS.get(kind, pl.String) for name, kind in fields.items()}
    try:
        frame = pl.from_dicts(records, schema=schema) if records else pl.DataFrame(schema=schema)
    except (TypeError, pl.exceptions.PolarsError):  # values of another type than describe says, or of any
        texts = {name: [_text(one.get(name)) for one in records] for name in fields}
        frame = pl.DataFrame(texts, schema=dict.fromkeys(fields, pl.String))
    return alike(frame, fields)


def alike(frame: pl.DataFrame, fields: Mapping[str, str]) -> pl.DataFrame:
    """Return a part of a Bulk result with numbers and times written as on a page: 1 for 1.0, Z for +0000.

    Formats that are found in one way of reading must hold for the other: plans and drift checks are compared.
    """
    return frame.with_columns(_as_text(name, kind, _READ_AS.get(kind, pl.String)) for name, kind in fields.items())


def _as_text(name: str, kind: str, dtype: type[pl.DataType]) -> pl.Expr:
    text = pl.col(name).cast(pl.String)
    if dtype is pl.Float64:
        return text.str.strip_suffix(".0")
    return text.str.replace("+0000", "Z", literal=True) if kind == "datetime" else text


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def from_csv(content: bytes, fields: Sequence[str], expected: int | None) -> pl.DataFrame:
    """Return a part of a Bulk query's result as String columns; cells may hold line breaks, empty is null.

    Raises:
        RetryableError: it holds another number of records than its header says; the same part can be had again.
    """
    if _is_cut_off(content):
        raise RetryableError("A part of a Bulk result is cut off in the middle of a record.")
    try:
        frame = pl.read_csv(content, infer_schema=False) if content and not content.isspace() else pl.DataFrame()
    except pl.exceptions.PolarsError as error:
        raise RetryableError("A part of a Bulk result cannot be read.", why=type(error).__name__) from None
    if expected is not None and frame.height != expected:
        what = f"A part of a Bulk result holds {frame.height} records instead of {expected}."
        raise RetryableError(what, why="The answer was cut off.")
    missing = [name for name in fields if name not in frame.columns]
    if missing and frame.width:
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

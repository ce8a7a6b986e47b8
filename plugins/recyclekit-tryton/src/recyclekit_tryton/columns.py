"""Tryton's JSON records as String columns named by dotted paths; dates and numbers arrive as small objects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from recyclekit.models.snapshot import LINE


def frame(rows: Sequence[Mapping[str, Any]], columns: Collection[str]) -> pl.DataFrame:
    """Return one row per record: the given columns, in order, and the record's id as its line."""
    data: dict[str, list[Any]] = {name: [text(at(row, name)) for row in rows] for name in dict.fromkeys(columns)}
    lines = pl.Series(LINE, [row["id"] for row in rows], dtype=pl.UInt64)
    return pl.DataFrame(data, schema=dict.fromkeys(data, pl.String)).insert_column(0, lines)


def at(row: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a dotted path; of a list of records the first that has it."""
    value: Any = row
    for name in path.split("."):
        if isinstance(value, list):
            value = next((inner for inner in value if isinstance(inner, Mapping) and inner.get(name)), None)
        value = value.get(name) if isinstance(value, Mapping) else None
        if value is None:
            return None
    return value


def text(value: Any) -> str | None:
    """Return a value as the text that normalize reads: ISO dates, UTC times, plain decimals, true and false."""
    if value is None or value in ("", []):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return _of_class(value)
    return str(value)


def _of_class(value: Mapping[str, Any]) -> str | None:
    kind = value.get("__class__")
    if kind == "date":
        return date(value["year"], value["month"], value["day"]).isoformat()
    if kind == "datetime":
        return moment(value).isoformat() + "Z"
    if kind == "Decimal":
        return str(value["decimal"])
    return None if "id" not in value else str(value["id"])


def moment(value: Mapping[str, Any]) -> datetime:
    """Return Tryton's time, which is UTC and says nothing of it."""
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return datetime(*(value.get(part, 0) for part in parts))  # noqa: DTZ001  # Tryton's times are naive UTC


def of_moment(at_moment: datetime) -> dict[str, Any]:
    """Return a time as Tryton's JSON holds it, for domains."""
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{part: getattr(at_moment, part) for part in parts}}

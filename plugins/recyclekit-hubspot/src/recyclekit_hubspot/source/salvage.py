"""A page that does not fit its shape, taken apart record by record: what is a record is kept, the rest counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from recyclekit.errors import RetryableError
from recyclekit_hubspot.columns import ID, PAGE


def salvage(body: bytes, properties: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """Return a page's records as String columns, and how many of its results are none.

    Raises:
        RetryableError: it is no page at all.
    """
    try:
        results = orjson.loads(body)["results"]
    except (ValueError, KeyError, TypeError):
        raise RetryableError("HubSpot gave a page that cannot be read.") from None
    names = list(dict.fromkeys([*properties, ID]))
    rows = [row for one in results if (row := _row(one, names)) is not None]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(pl.lit(0, pl.UInt32).alias(PAGE)), len(results) - len(rows)


def _row(record: Any, names: Sequence[str]) -> dict[str, str | None] | None:
    if not isinstance(record, Mapping) or not isinstance(record.get("properties"), Mapping):
        return None
    values = {**record["properties"], ID: record.get("id") or record["properties"].get(ID)}
    return {name: _text(values.get(name)) for name in names} if values[ID] else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()

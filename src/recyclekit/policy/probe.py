"""A few made-up deals, spread over what the facts can be: to try conditions on, and to find overlaps between rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import polars as pl

from recyclekit.policy.facts import FACTS, FACTS_SCHEMA, Fact

AS_OF = date(2026, 4, 1)
_DAYS = (-400, -180, -60, -1, 0, 30, 365)


@lru_cache(maxsize=1)
def probe() -> pl.DataFrame:
    """Return nine deals with the columns FACTS: values of every kind, and one deal of which nothing is known."""
    rows = 9
    columns = {name: [_value(fact, row) for row in range(rows - 1)] + [None] for name, fact in FACTS.items()}
    return pl.DataFrame(columns, schema=FACTS_SCHEMA)


def _value(fact: Fact, row: int) -> Any:
    if fact.values:
        return fact.values[row % len(fact.values)]
    dtype = fact.dtype
    if dtype == pl.Boolean:
        return (False, True, None)[row % 3]
    if dtype == pl.Date:
        return AS_OF + timedelta(days=_DAYS[row % len(_DAYS)])
    if dtype.is_temporal():
        return datetime(2026, 4, 1, 3, tzinfo=UTC) + timedelta(days=_DAYS[row % len(_DAYS)])
    if dtype.is_numeric():
        return (0, 1, 3, 59, 60, 100)[row % 6]
    return ("a", "B", "価格", "x1")[row % 4]

"""One made-up deal of every kind, to try a condition on while it is compiled."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import polars as pl

from recyclekit.policy.facts import FACTS, FACTS_SCHEMA, Fact

AS_OF: Final = date(2026, 4, 1)
_DAYS: Final = (-400, -180, -60, -1, 0, 30, 365)
_NUMBERS: Final = (0, 1, 3, 59, 60, 100)


@lru_cache(maxsize=1)
def probe() -> pl.DataFrame:
    """Return nine deals with the columns FACTS: values of every kind, and one deal of which nothing is known."""
    rows = 8
    columns = {name: [spread(fact)[row % len(spread(fact))] for row in range(rows)] for name, fact in FACTS.items()}
    return pl.DataFrame({name: [*values, None] for name, values in columns.items()}, schema=FACTS_SCHEMA)


def spread(fact: Fact) -> tuple[Any, ...]:
    """Return values over all that a fact can be."""
    if fact.values:
        return fact.values
    dtype = fact.dtype
    if dtype == pl.Boolean:
        return (False, True, None)
    if dtype == pl.Date:
        return tuple(AS_OF + timedelta(days=n) for n in _DAYS)
    if dtype.is_temporal():
        return tuple(datetime(2026, 4, 1, 3, tzinfo=UTC) + timedelta(days=n) for n in _DAYS)
    return _NUMBERS if dtype.is_numeric() else ("a", "B", "価格", "x1")

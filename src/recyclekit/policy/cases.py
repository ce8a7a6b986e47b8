"""Made-up deals on which two conditions can be told apart: to find overlaps between rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product
from random import Random
from typing import Any, Final

import polars as pl

from recyclekit.policy.compile import Condition
from recyclekit.policy.facts import FACTS, FACTS_SCHEMA, Fact
from recyclekit.policy.probe import AS_OF, spread

_CASES: Final = 4_000
_LITERAL: Final = re.compile(r"'((?:[^']|'')*)'|(?<![\w.])(\d+(?:\.\d+)?)")
_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def cases(conditions: Sequence[Condition]) -> pl.DataFrame:
    """Return lost and stalled deals on which these conditions can be told apart: their own limits and words included.

    All pairs of status and reason, each with many random draws of the rest; the draws are the same every time.
    """
    numbers, words, days = _literals(conditions)
    read = {name for condition in conditions for name in condition.reads}
    values = {
        name: _values(name, fact, numbers, words, days) if name in read else [None] for name, fact in FACTS.items()
    }
    pairs = [("lost", reason) for reason in values["reason"]] + [("stalled", None)] * 5
    draw = Random(20260401)  # noqa: S311  # no secret: the same cases every time
    rows = []
    for status, reason in [pair for pair, _ in product(pairs, range(_CASES // len(pairs) + 1))]:
        row = {name: draw.choice(options) for name, options in values.items()}
        row |= {"status": status, "crm_state": "lost" if status == "lost" else "open", "reason": reason}
        row |= {"reason_source": _source(status, reason, draw), "as_of": AS_OF, "maximum_cycles": 3}
        rows.append(row)
    return pl.DataFrame(rows, schema=FACTS_SCHEMA, orient="row")


def _source(status: str, reason: str | None, draw: Random) -> str | None:
    if status != "lost":
        return None
    return draw.choice(("picklist", "text")) if reason else draw.choice(("unclear", "none"))


def _literals(conditions: Sequence[Condition]) -> tuple[list[float], list[str], list[date]]:
    """Return the numbers, texts and dates that the conditions name."""
    found = [match for condition in conditions for match in _LITERAL.finditer(condition.sql)]
    texts = [match[1].replace("''", "'") for match in found if match[1] is not None]
    return (
        sorted({float(match[2]) for match in found if match[2]}),
        sorted({text.strip("%") for text in texts if not _ISO.fullmatch(text)}),
        sorted({date.fromisoformat(text) for text in texts if _ISO.fullmatch(text)}),
    )


def _values(name: str, fact: Fact, numbers: Sequence[float], words: Sequence[str], days: Sequence[date]) -> list[Any]:
    values: list[Any] = [*spread(fact), None]
    if fact.values or name == "deal_id":
        return values
    if fact.dtype.is_numeric():
        near = [max(number + step, 0) for number in numbers for step in (-1, 0, 1)]
        values += near if fact.dtype.is_float() else [int(n) for n in near if n < 100 or fact.dtype == pl.Int32]
    elif fact.dtype == pl.Date:
        values += [day + timedelta(days=step) for day in days for step in (-1, 0, 1)]
        values += [AS_OF - timedelta(days=int(n)) for n in numbers if n < 10_000]
    elif fact.dtype == pl.String:
        values += words
    return values

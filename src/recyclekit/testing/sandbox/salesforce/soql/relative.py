"""Date literals: which days TODAY, LAST_MONTH and LAST_N_DAYS:30 mean. Weeks begin on Sunday, as in the vendor's US."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from recyclekit.testing.sandbox.salesforce.soql.syntax import Relative

Days = tuple[date, date]
"""The first day and the day after the last."""
Reading = Callable[[date, int], Days]
"""Today and n → the days meant."""


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _shift(unit: str, today: date, by: int) -> date:
    """Return the first day of the unit that lies `by` units from today's."""
    match unit:
        case "DAY":
            return today + timedelta(days=by)
        case "WEEK":
            return today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=by)
        case "MONTH":
            return _add_months(today, by)
        case "QUARTER":
            return _add_months(today.replace(day=1, month=(today.month - 1) // 3 * 3 + 1), by * 3)
        case _:
            return date(today.year + by, 1, 1)


def _span(unit: str, first: int, after: int) -> Reading:
    return lambda today, _: (_shift(unit, today, first), _shift(unit, today, after))


def _last(unit: str) -> Reading:
    """LAST_N_DAYS takes today in; the longer units end with the last whole one."""
    return lambda today, n: (_shift(unit, today, -n), _shift(unit, today, 1 if unit == "DAY" else 0))


def _next(unit: str) -> Reading:
    return lambda today, n: (_shift(unit, today, 1), _shift(unit, today, 1 + n))


def _ago(unit: str) -> Reading:
    return lambda today, n: (_shift(unit, today, -n), _shift(unit, today, 1 - n))


_LONGER = ("WEEK", "MONTH", "QUARTER", "YEAR")
_FIXED: dict[str, Reading] = {
    "YESTERDAY": _span("DAY", -1, 0),
    "TODAY": _span("DAY", 0, 1),
    "TOMORROW": _span("DAY", 1, 2),
    "LAST_90_DAYS": _span("DAY", -90, 1),
    "NEXT_90_DAYS": _span("DAY", 1, 91),
    **{f"LAST_{unit}": _span(unit, -1, 0) for unit in _LONGER},
    **{f"THIS_{unit}": _span(unit, 0, 1) for unit in _LONGER},
    **{f"NEXT_{unit}": _span(unit, 1, 2) for unit in _LONGER},
}
_COUNTED: dict[str, Reading] = {
    **{f"LAST_N_{unit}S": _last(unit) for unit in ("DAY", *_LONGER)},
    **{f"NEXT_N_{unit}S": _next(unit) for unit in ("DAY", *_LONGER)},
    **{f"N_{unit}S_AGO": _ago(unit) for unit in ("DAY", *_LONGER)},
}

NEEDS_COUNT = frozenset(_COUNTED)
RELATIVE = frozenset(_FIXED) | NEEDS_COUNT


def days(literal: Relative, today: date) -> Days:
    """Return the days that a literal means on that day."""
    return (_FIXED.get(literal.name) or _COUNTED[literal.name])(today, literal.count or 0)

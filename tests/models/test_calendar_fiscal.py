"""Fiscal years against plain Python, and the notation's errors."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.errors import InputError
from recyclekit.models.calendar import FiscalCalendar, next_decision

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


def _year_begins_on(day: date, text: str) -> bool:
    """Say whether a budget period begins on a day, from the definition alone."""
    kind, _, rest = text.rpartition(":")
    if kind == "":
        return day.day == 1 and day.month == int(rest)
    if kind == "quarter":
        return day.day == 1 and (day.month - int(rest)) % 3 == 0
    _, rule, month = text.split(":")
    how, weekday = rule.split("-")
    end = day - timedelta(days=1)
    if end.weekday() != WEEKDAYS.index(weekday):
        return False
    if how == "last":
        return end.month == int(month) and (end + timedelta(days=7)).month != int(month)
    months = {(d.year, d.month): date(d.year, d.month, calendar.monthrange(d.year, d.month)[1])
              for d in (end + timedelta(days=n) for n in range(-3, 4))}  # fmt: skip
    return any(month_end.month == int(month) and abs((month_end - end).days) <= 3 for month_end in months.values())


NOTATIONS = st.one_of(
    st.integers(1, 12).map(str),
    st.integers(1, 12).map("quarter:{}".format),
    st.builds("52/53:{}-{}:{}".format, st.sampled_from(["last", "nearest"]), st.sampled_from(WEEKDAYS),
              st.integers(1, 12)),
)  # fmt: skip


@given(NOTATIONS, DAYS, st.integers(0, 52))
def test_the_next_decision_is_the_first_day_that_qualifies(text: str, on: date, weeks: int) -> None:
    found = FiscalCalendar.parse(text).next_decision(on, weeks)
    lead = timedelta(weeks=weeks)
    assert found >= on
    assert _year_begins_on(found + lead, text)
    assert not any(_year_begins_on(on + lead + timedelta(days=n), text) for n in range((found - on).days))


@pytest.mark.parametrize(
    ("text", "on", "weeks", "expected"),
    [
        ("4", date(2026, 11, 22), 8, date(2027, 2, 4)),  # Japan: eight weeks before 1 April
        ("4", date(2026, 2, 5), 8, date(2026, 2, 4) + timedelta(days=365)),  # one day late: the year after
        ("10", date(2026, 11, 22), 0, date(2027, 10, 1)),  # the federal year of the United States
        ("quarter:4", date(2026, 11, 22), 0, date(2027, 1, 1)),
        ("52/53:last-sat:1", date(2026, 11, 22), 0, date(2027, 1, 31)),  # after Saturday 30 January
        ("52/53:nearest-sat:1", date(2023, 12, 1), 0, date(2024, 2, 4)),  # 3 February 2024 is nearest
        (" ４月 ", date(2026, 4, 1), 0, date(2026, 4, 1)),
    ],
)
def test_known_budget_decisions(text: str, on: date, weeks: int, expected: date) -> None:
    assert FiscalCalendar.parse(text).next_decision(on, weeks) == expected


def test_a_retail_year_has_52_or_53_weeks() -> None:
    for text in ("52/53:last-sat:1", "52/53:nearest-sat:1", "52/53:nearest-sun:12"):
        starts = [FiscalCalendar.parse(text).starts(year)[0] for year in range(2000, 2041)]
        assert {(b - a).days for a, b in pairwise(starts)} == {364, 371}


@pytest.mark.parametrize(
    "text", ["", "0", "13", "quarter:", "quarter:13", "52/53:first-sat:1", "52/53:last-xyz:1", "April"]
)
def test_another_notation_says_what_is_understood(text: str) -> None:
    with pytest.raises(InputError, match=r"not understood.*quarter:4.*52/53:last-sat:1"):
        FiscalCalendar.parse(text)


def test_a_column_of_notations_is_read_at_once() -> None:
    texts = pl.Series("fiscal_year", ["4", None, "10", "soon", "4"])
    dates, unknown = next_decision(date(2026, 11, 22), texts, weeks=1)
    april, october = date(2027, 3, 25), date(2027, 9, 24)
    assert dates.to_list() == [april, None, october, None, april]
    assert unknown == ["soon"]


@given(NOTATIONS, st.lists(DAYS, max_size=8))
def test_a_series_agrees_with_single_days(text: str, days: list[date]) -> None:
    fiscal = FiscalCalendar.parse(text)
    together = fiscal.next_decisions(pl.Series(days, dtype=pl.Date)).to_list()
    assert together == [fiscal.next_decision(day) for day in days]

"""Business days against plain Python, day by day."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.errors import InputError
from recyclekit.models.calendar import BusinessCalendar, yearly

YEARS = (2024, 2026)
JAPAN = BusinessCalendar.build("JP", yearly("12-29", "01-03", YEARS), years=YEARS)
DAYS = st.dates(date(2023, 6, 1), date(2027, 6, 30))


@st.composite
def calendars(draw: st.DrawFn) -> tuple[BusinessCalendar, set[date], set[int]]:
    off = draw(st.sets(st.dates(date(2025, 1, 1), date(2025, 12, 31)), max_size=40))
    weekend = draw(st.sets(st.integers(0, 6), max_size=6))
    return BusinessCalendar.build(None, sorted(off), weekend=weekend, years=(2025, 2025)), off, weekend


def _works(day: date, off: set[date], weekend: set[int]) -> bool:
    return day.year != 2025 or (day not in off and day.weekday() not in weekend)


def _oracle(day: date, count: int, off: set[date], weekend: set[int]) -> date:
    while not _works(day, off, weekend):
        day += timedelta(days=1)
    step = timedelta(days=1 if count > 0 else -1)
    for _ in range(abs(count)):
        day += step
        while not _works(day, off, weekend):
            day += step
    return day


def test_golden_week_and_year_end_are_days_off_in_japan() -> None:
    assert JAPAN.next_working_day(date(2025, 5, 3)) == date(2025, 5, 7)  # Saturday, three holidays and a substitute
    assert JAPAN.next_working_day(date(2025, 12, 27)) == date(2026, 1, 5)
    assert not JAPAN.is_working_day(date(2024, 2, 12))
    assert JAPAN.is_working_day(date(2025, 5, 2))
    assert JAPAN.between(date(2025, 4, 28), date(2025, 5, 8)) == 5  # 28, 30 April; 1, 2, 7 May


def test_countries_have_holidays_of_their_own() -> None:
    states = BusinessCalendar.build("US", years=YEARS)
    assert states.next_working_day(date(2025, 7, 4)) == date(2025, 7, 7)
    assert JAPAN.is_working_day(date(2025, 7, 4))
    china = BusinessCalendar.build("CN", years=YEARS)
    assert china.is_working_day(date(2025, 1, 26))  # a Sunday that is worked for a longer spring festival


def test_an_unknown_country_says_what_is_expected() -> None:
    with pytest.raises(InputError, match=r"'XX'.*ISO 3166-1"):
        BusinessCalendar.build("XX", years=YEARS)


def test_nulls_stay_null_and_names_stay() -> None:
    rolled = JAPAN.roll_forward(pl.Series("due", [None, date(2025, 5, 3), None], dtype=pl.Date))
    assert rolled.name == "due"
    assert rolled.to_list() == [None, date(2025, 5, 7), None]
    assert JAPAN.roll_forward(pl.Series([], dtype=pl.Date)).to_list() == []
    assert JAPAN.roll_forward(pl.Series([None], dtype=pl.Date)).to_list() == [None]


def test_days_outside_the_table_are_left_where_they_are() -> None:
    far = pl.Series([date(1970, 1, 1), date(2999, 1, 1)])
    assert JAPAN.roll_forward(far).to_list() == far.to_list()


def test_a_calendar_that_is_always_closed_ends_with_its_table() -> None:
    closed = BusinessCalendar.build(None, [(date(2025, 1, 1), date(2025, 12, 31))], years=(2025, 2025))
    assert closed.next_working_day(date(2025, 3, 1)) == date(2026, 1, 1)


@pytest.mark.parametrize(("first", "last"), [("12-29", "01-03"), ("08-11", "08-16"), ("02-29", "02-29")])
def test_a_yearly_period_comes_every_year(first: str, last: str) -> None:
    periods = yearly(first, last, (2024, 2025))
    assert [start.year for start, _ in (p for p in periods if isinstance(p, tuple))] == [2023, 2024, 2025]
    assert all(isinstance(p, tuple) and p[0] <= p[1] for p in periods)


@given(calendars(), DAYS, st.integers(-30, 30))
def test_adding_working_days_agrees_with_counting_them(
    case: tuple[BusinessCalendar, set[date], set[int]], day: date, count: int
) -> None:
    calendar, off, weekend = case
    assert calendar.add_working_days(pl.Series([day]), count).to_list() == [_oracle(day, count, off, weekend)]
    assert calendar.is_working_day(day) == _works(day, off, weekend)


@given(calendars(), DAYS, DAYS)
def test_the_days_between_agree_with_counting_them(
    case: tuple[BusinessCalendar, set[date], set[int]], one: date, other: date
) -> None:
    calendar, off, weekend = case
    start, end = min(one, other), max(one, other)
    days = (start + timedelta(days=n) for n in range((end - start).days))
    assert calendar.between(start, end) == sum(_works(day, off, weekend) for day in days)


@given(calendars())
def test_an_ordinal_leads_back_to_its_day(case: tuple[BusinessCalendar, set[date], set[int]]) -> None:
    calendar, _, _ = case
    nth = np.arange(-50, 600)
    assert calendar.ordinal(calendar.day_at(nth)).tolist() == nth.tolist()

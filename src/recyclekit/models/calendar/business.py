"""Business days: public holidays of a country and a company's own days off, as one table that is only gathered from.

Every operation goes through the ordinal of a day: how many working days lie before it. A million dates cost two
gathers. Outside the years of the table no day is known to be off, so every one counts as a working day there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from recyclekit.errors import InputError

Days = npt.NDArray[np.int32]
"""Days since 1970-01-01, the physical form of a Polars Date."""
Closed = date | tuple[date, date]
"""A day off, or a first and last day off (both included)."""

_EPOCH = date(1970, 1, 1)
_SATURDAY_SUNDAY = frozenset({5, 6})


def day_number(day: date) -> int:
    """Return days since 1970-01-01."""
    return (day - _EPOCH).days


def day_of_number(number: int) -> date:
    """Return the date of a day number."""
    return _EPOCH + timedelta(days=number)


def days_of(dates: pl.Series) -> Days:
    """Return day numbers of a Date series without nulls."""
    return dates.cast(pl.Date).to_physical().to_numpy().astype(np.int32, copy=False)


def dates_of(days: npt.NDArray[Any], name: str = "") -> pl.Series:
    """Return day numbers as a Date series."""
    return pl.Series(name, days.astype(np.int32, copy=False)).cast(pl.Date)


@dataclass(frozen=True, slots=True, eq=False)
class BusinessCalendar:
    """Working days of `first` to `last`: build it once per country and run, with `build`."""

    first: int  # day number of the table's first day
    last: int
    ordinals: Days  # per day of the table, and the day after it: working days of the table before that day
    working: Days  # day numbers of the table's working days, ascending

    @classmethod
    def build(
        cls,
        country: str | None,
        closed: Sequence[Closed] = (),
        *,
        weekend: Collection[int] | None = None,
        years: tuple[int, int],
    ) -> BusinessCalendar:
        """Make the table for the years `years[0]` to `years[1]`, both included.

        Args:
            country: ISO 3166-1 alpha-2 code of the public holidays; None for none.
            closed: further days off.
            weekend: weekdays off, Monday = 0; default: the country's own (Saturday and Sunday where none is given).
            years: first and last year of the table.

        Raises:
            InputError: the country's public holidays are not known.
        """
        first, last = day_number(date(years[0], 1, 1)), day_number(date(years[1], 12, 31))
        is_open = _country_table(country, years, None if weekend is None else frozenset(weekend)).copy()
        for entry in closed:
            start, end = entry if isinstance(entry, tuple) else (entry, entry)
            is_open[max(day_number(start) - first, 0) : max(day_number(end) - first + 1, 0)] = False
        ordinals = np.concatenate(([0], np.cumsum(is_open))).astype(np.int32)
        return cls(first, last, ordinals, (np.flatnonzero(is_open) + first).astype(np.int32))

    # -- on day numbers, for levelling ------------------------------------------------------------

    def ordinal(self, days: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return how many working days of the table lie before each day (negative before the table)."""
        day = np.asarray(days, dtype=np.int64)
        inside = self.ordinals[np.clip(day - self.first, 0, self.last - self.first + 1)].astype(np.int64)
        return inside + np.minimum(day - self.first, 0) + np.maximum(day - self.last - 1, 0)

    def day_at(self, ordinals: npt.ArrayLike) -> Days:
        """Return the day number of the working day with that ordinal: the inverse of `ordinal`."""
        nth = np.asarray(ordinals, dtype=np.int64)
        count = len(self.working)
        before, after = np.minimum(nth, 0), np.maximum(nth - count + 1, 0)
        inside = self.working[np.clip(nth, 0, count - 1)] if count else np.zeros_like(nth)
        outside = np.where(nth < 0, self.first + before, self.last + after)
        return np.where((nth >= 0) & (nth < count), inside, outside).astype(np.int32)

    # -- on dates ------------------------------------------------------------

    def is_working_day(self, day: date) -> bool:
        """Return whether people work on that day."""
        return bool(self.day_at(self.ordinal(day_number(day))) == day_number(day))

    def next_working_day(self, day: date) -> date:
        """Return the day itself where people work on it, else the next one on which they do."""
        return day_of_number(int(self.day_at(self.ordinal(day_number(day)))))

    def roll_forward(self, dates: pl.Series) -> pl.Series:
        """Return each date, or the next working day after it; null stays null."""
        return self.add_working_days(dates, 0)

    def add_working_days(self, dates: pl.Series, count: int) -> pl.Series:
        """Return the `count`-th working day after each date rolled forward; null stays null, negative goes back."""
        days = days_of(dates.cast(pl.Date).fill_null(_EPOCH))
        moved = dates_of(self.day_at(self.ordinal(days) + count), dates.name)
        return moved.set(dates.is_null(), None) if dates.null_count() else moved

    def between(self, start: date, end: date) -> int:
        """Return the number of working days from `start` to `end`, the end not included."""
        return int(self.ordinal(day_number(end)) - self.ordinal(day_number(start)))


def yearly(first: str, last: str, years: tuple[int, int]) -> list[Closed]:
    """Return a period of every year, such as 12-29 to 01-03, as days off; 02-29 is 28 February in other years."""
    periods: list[Closed] = []
    for year in range(years[0] - 1, years[1] + 1):
        start = _day_of_year(year, first)
        periods.append((start, _day_of_year(year if last >= first else year + 1, last)))
    return periods


def _day_of_year(year: int, month_day: str) -> date:
    month, day = int(month_day[:2]), int(month_day[3:])
    ends = (date(year, 12, 31) if month == 12 else date(year, month + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day, ends))


@lru_cache(maxsize=64)
def _country_table(
    country: str | None, years: tuple[int, int], weekend: frozenset[int] | None
) -> npt.NDArray[np.bool_]:
    first = day_number(date(years[0], 1, 1))
    days = np.arange(first, day_number(date(years[1], 12, 31)) + 1)
    weekdays = (days + 3) % 7  # 1970-01-01 was a Thursday
    if country is None:
        return ~np.isin(weekdays, list(_SATURDAY_SUNDAY if weekend is None else weekend))
    from recyclekit.models.calendar.public import public_holidays  # loads `holidays`: only where dates are planned

    try:
        public = public_holidays(country, range(years[0], years[1] + 1))
    except NotImplementedError as error:
        raise InputError(
            f"The public holidays of country {country!r} are not known.",
            why="An ISO 3166-1 code of two capital letters is expected, such as JP or US.",
            fix="Correct the code, or leave it out to use the home country's.",
        ) from error
    table = ~np.isin(weekdays, list(public.weekend if weekend is None else weekend))
    if weekend is None:
        _set(table, [day_number(day) - first for day in public.weekend_workdays], value=True)
    _set(table, [day_number(day) - first for day in public], value=False)
    return table


def _set(table: npt.NDArray[np.bool_], places: Sequence[int], *, value: bool) -> None:
    table[[place for place in places if 0 <= place < len(table)]] = value

"""Fiscal years: what their notation means, and when the next budget is decided."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from recyclekit.errors import InputError
from recyclekit.models.calendar.business import dates_of, day_number, day_of_number, days_of

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RETAIL = re.compile(r"52/53:(last|nearest)-([a-z]{3}):(\d{1,2})")
_MONTHS = re.compile(r"(quarter:)?(\d{1,2})月?")
_UNDERSTOOD = (
    "Understood are the first month of the year (4), quarters (quarter:4), and a year of 52 or 53 weeks that ends on"
    " the last or nearest weekday of a month (52/53:last-sat:1, 52/53:nearest-sat:1)."
)


@dataclass(frozen=True, slots=True)
class FiscalCalendar:
    """When budgets are decided: on the first day of every fiscal year, or of each of its quarters.

    Attributes:
        month: first month of the year; for a 52/53-week year the month at whose end it ends.
        quarterly: whether budgets are decided per quarter.
        ends: None, or `last` / `nearest` for a 52/53-week year.
        weekday: on which a 52/53-week year ends, Monday = 0.
    """

    month: int
    quarterly: bool = False
    ends: str | None = None
    weekday: int = 5

    @classmethod
    def parse(cls, text: str) -> FiscalCalendar:
        """Read a notation such as `4`, `quarter:4` or `52/53:last-sat:1`; width, case and blanks do not matter.

        Raises:
            InputError: it is none of these; says what is understood.
        """
        plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).casefold()
        if retail := _RETAIL.fullmatch(plain):
            how, weekday, month = retail.groups()
            if weekday in _WEEKDAYS and 1 <= int(month) <= 12:
                return cls(int(month), ends=how, weekday=_WEEKDAYS.index(weekday))
        elif (months := _MONTHS.fullmatch(plain)) and 1 <= int(months[2]) <= 12:
            return cls(int(months[2]), quarterly=months[1] is not None)
        raise InputError(f"The fiscal year {text[:40]!r} is not understood.", why=_UNDERSTOOD)

    def starts(self, year: int) -> list[date]:
        """Return the first days of the periods that begin in that cycle of twelve months, ascending."""
        if self.ends is not None:
            return [self._retail_end(year) + timedelta(days=1)]
        months = range(self.month, self.month + 12, 3) if self.quarterly else (self.month,)
        return sorted(date(year, (month - 1) % 12 + 1, 1) for month in months)

    def _retail_end(self, year: int) -> date:
        last = date(year + self.month // 12, self.month % 12 + 1, 1) - timedelta(days=1)
        end = last - timedelta(days=(last.weekday() - self.weekday) % 7)
        return end + timedelta(days=7) if self.ends == "nearest" and (last - end).days > 3 else end

    def next_decision(self, on: date, weeks: int = 0) -> date:
        """Return the first day, on or after `on`, that lies so many weeks before a budget decision."""
        return day_of_number(int(days_of(self.next_decisions(pl.Series([on], dtype=pl.Date), weeks))[0]))

    def next_decisions(self, on: pl.Series, weeks: int = 0) -> pl.Series:
        """Return `next_decision` of each date of a series without nulls."""
        days = days_of(on)
        if not len(days):
            return on.cast(pl.Date)
        low, high = day_of_number(int(days.min())).year, day_of_number(int(days.max())).year
        years = range(max(low - 1, 1), min(high + 3 + weeks // 52, 9999) + 1)
        decisions = np.array([day_number(day) - 7 * weeks for year in years for day in self.starts(year)])
        return dates_of(decisions[np.searchsorted(decisions, days)], on.name)


def next_decision(on: date, fiscal_years: pl.Series, weeks: int = 0) -> tuple[pl.Series, list[str]]:
    """Return the next decision per fiscal-year notation, and the notations that are not understood (null like null).

    Args:
        on: the first day that may be returned.
        fiscal_years: String series; few distinct values, each read once.
        weeks: how long before the decision.
    """
    known: dict[str, date] = {}
    unknown: list[str] = []
    for text in fiscal_years.unique().drop_nulls().sort():
        try:
            known[text] = FiscalCalendar.parse(text).next_decision(on, weeks)
        except InputError:
            unknown.append(text)
    dates = fiscal_years.replace_strict(
        list(known), pl.Series(list(known.values()), dtype=pl.Date), default=None, return_dtype=pl.Date
    )
    return dates, unknown

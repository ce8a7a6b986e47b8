"""The day and window that each due touch would like, on the business days of its customer's country."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from recyclekit.errors import InputError
from recyclekit.models.calendar.business import BusinessCalendar, Closed, dates_of, day_number, days_of, yearly
from recyclekit.models.calendar.settings import CalendarSettings, closed_days
from recyclekit.policy.notes import Note, noted
from recyclekit.policy.spec import PolicySpec
from recyclekit.policy.step_book import StepBook
from recyclekit.policy.timing import ASSUMED, Assumed, FiscalDefaults, wish_dates

_YEARS_AHEAD = 5
"""Public holidays further away are not looked up: they are not fixed yet, and building them takes time."""

ASSUMPTIONS = {
    Assumed.FISCAL_UNKNOWN: Note.FISCAL_UNKNOWN,
    Assumed.FISCAL_UNREADABLE: Note.FISCAL_UNREADABLE,
    Assumed.CONTRACT_TERM: Note.CONTRACT_TERM,
    Assumed.NO_DATE_NAMED: Note.NO_DATE_NAMED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    """What touches would like, row by row.

    Attributes:
        wished, earliest, latest: Date; a business day of the customer's country, and its window.
        calendar: index into `calendars`, the home country's first.
        assumed: what the date rests on where the fact was not known.
        notes: columns of notes.
    """

    wished: pl.Series
    earliest: pl.Series
    latest: pl.Series
    calendar: pl.Series
    calendars: tuple[BusinessCalendar, ...]
    assumed: pl.Series
    notes: list[pl.Series | None]


def wish(touches: pl.DataFrame, spec: PolicySpec, book: StepBook, settings: CalendarSettings, as_of: date) -> Wished:
    """Find each touch's wished day: the date that sales named, else the track's timing, never before the as-of day.

    Args:
        touches: track, is_next, last_due, step_row, named_on, previous_end, closed_on, last_contact_on,
            contract_ends_on, fiscal_year, country.
        spec: the policy.
        book: its steps.
        settings: the project's calendar.
        as_of: the business date.
    """
    raw, is_named, assumed = _raw(touches, spec, book, settings, as_of)
    past = raw < as_of
    due = pl.select(pl.max_horizontal(raw, pl.lit(as_of))).to_series()
    places, calendars, is_unknown = _calendars(touches["country"], due, spec, settings, as_of)
    later, earlier = (book.column(name, touches["step_row"]).to_numpy() for name in ("later", "earlier"))
    wished, earliest, latest = (np.empty(len(due), dtype=np.int32) for _ in range(3))
    days, today = days_of(due), day_number(as_of)
    for index, calendar in enumerate(calendars):
        rows = (places == index).arg_true().to_numpy()
        nth = calendar.ordinal(days[rows])
        wished[rows], latest[rows] = calendar.day_at(nth), calendar.day_at(nth + later[rows])
        earliest[rows] = calendar.day_at(np.maximum(nth - earlier[rows], calendar.ordinal(today)))
    np.minimum(latest, day_number(date.max), out=latest)
    on = dates_of(wished)
    # Before a date that was agreed on, nobody calls.
    first = pl.select(pl.when(is_named).then(on).otherwise(dates_of(np.minimum(earliest, wished)))).to_series()
    language = spec.language
    notes = [
        noted(Note.PAST, language, past, raw),
        noted(Note.CLOSED, language, on > due, due),
        noted(Note.COUNTRY, language, is_unknown),
        *(noted(note, language, (assumed == code).fill_null(value=False)) for code, note in ASSUMPTIONS.items()),
    ]
    return Wished(
        wished=on, earliest=first, latest=dates_of(latest), calendar=places, calendars=calendars, assumed=assumed,
        notes=notes,
    )  # fmt: skip


def _raw(
    touches: pl.DataFrame, spec: PolicySpec, book: StepBook, settings: CalendarSettings, as_of: date
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return the date as it stands, whether sales named it, and what it rests on."""
    used_up = pl.when("is_next").then("last_due").otherwise("previous_end")
    named = touches.select(pl.when(pl.col("named_on") > used_up.fill_null(date.min)).then("named_on")).to_series()
    gap = book.column("after_days", touches["step_row"]).cast(pl.Int64)
    follow = (
        touches.with_columns(gap=gap)
        .select(pl.when("is_next").then(pl.col("last_due") + pl.duration(days="gap")))
        .to_series()
    )
    known = pl.select(pl.coalesce(named, follow)).to_series()
    open_rows = known.is_null().arg_true()
    timed = touches.select("track", "closed_on", "last_contact_on", "contract_ends_on", "fiscal_year", "country")[
        open_rows
    ]
    fiscal = _fiscal(spec, settings)
    wished = np.empty(len(timed), dtype=np.int32)
    assumed = [pl.DataFrame(schema={"at": pl.UInt32, "assumed": ASSUMED})]
    for track in timed["track"].unique().sort():
        rows = (timed["track"] == track).arg_true()
        found = wish_dates(timed[rows], spec.tracks[track].timing, as_of, fiscal)
        wished[rows.to_numpy()] = days_of(found["wished"])
        assumed.append(found.select(at=open_rows.gather(rows), assumed="assumed").drop_nulls())
    raw = known.to_physical().fill_null(0).to_numpy().astype(np.int32, copy=True)
    raw[open_rows.to_numpy()] = wished
    rests_on = pl.concat(assumed)
    codes = pl.repeat(None, touches.height, dtype=pl.String, eager=True)
    if rests_on.height:
        codes = codes.scatter(rests_on["at"], rests_on["assumed"].cast(pl.String))
    return dates_of(raw), named.is_not_null(), codes.cast(ASSUMED)


def home_country(spec: PolicySpec, settings: CalendarSettings) -> str:
    """Return the country whose public holidays hold where an account says nothing."""
    return settings.country or spec.calendar.country


def _fiscal(spec: PolicySpec, settings: CalendarSettings) -> FiscalDefaults:
    home = home_country(spec, settings)
    by_country = dict(spec.calendar.fiscal_years)
    if settings.fiscal_year is not None:
        by_country[home] = settings.fiscal_year
    return FiscalDefaults(home=by_country.get(home, "1"), by_country=by_country)


def _calendars(
    countries: pl.Series, due: pl.Series, spec: PolicySpec, settings: CalendarSettings, as_of: date
) -> tuple[pl.Series, tuple[BusinessCalendar, ...], pl.Series]:
    """Return each row's calendar, the calendars (home first), and where a country's holidays are not known."""
    latest = due.max()
    last = latest.year + 1 if isinstance(latest, date) else as_of.year
    years = as_of.year, max(as_of.year, min(last, as_of.year + _YEARS_AHEAD))
    built = [home_calendar(spec, settings, years)]
    codes: dict[str, int] = {home_country(spec, settings): 0}
    unknown: list[str] = []
    for country in countries.unique().drop_nulls().sort():
        if country not in codes:
            try:
                built.append(BusinessCalendar.build(country, _closed(spec, settings, years), years=years))
                codes[country] = len(built) - 1
            except InputError:
                unknown.append(country)
    places = countries.replace_strict(list(codes), list(codes.values()), default=0, return_dtype=pl.Int64)
    return places.fill_null(0), tuple(built), countries.is_in(unknown).fill_null(value=False)


def home_calendar(spec: PolicySpec, settings: CalendarSettings, years: tuple[int, int]) -> BusinessCalendar:
    """Return the home country's calendar with the company's days off and the quiet periods.

    Raises:
        InputError: the policy or the project names a country without known public holidays.
    """
    return BusinessCalendar.build(home_country(spec, settings), _closed(spec, settings, years), years=years)


def _closed(spec: PolicySpec, settings: CalendarSettings, years: tuple[int, int]) -> Sequence[Closed]:
    quiet = [day for period in spec.calendar.quiet for day in yearly(period.first, period.last, years)]
    return [*spec.calendar.company_days, *closed_days(settings.closed, years), *quiet]

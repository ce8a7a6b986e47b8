"""Which owner makes each touch, and on which day of its window: the roster's room shared out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from recyclekit.models.calendar.business import BusinessCalendar, Days, dates_of, days_of
from recyclekit.models.levelling import NOBODY, Places, Wishes, level, reachable
from recyclekit.models.roster import Owner, Roster, capacity


@dataclass(frozen=True, slots=True)
class Placed:
    """Per touch: `on` (Date, null where its window is full), `owner` (null likewise)."""

    on: pl.Series
    owner: pl.Series


def place(
    touches: pl.DataFrame, roster: Roster, calendars: tuple[BusinessCalendar, ...], taken: pl.DataFrame
) -> Placed:
    """Give each touch a day and an owner, the most valuable first (amount, then `known_as`).

    Args:
        touches: known_as (an id), amount, role, person (an owner whom sales named), before (the owner of the one
            before), needs_person, wished, earliest, latest, calendar (index into `calendars`).
        roster: a role without owners takes everything on its wished day, under the role's own name.
        calendars: the home country's first; owners work by that one.
        taken: owner, due_on of the touches that are planned already.
    """
    on, owner = days_of(touches["wished"]).astype(np.int64), touches["role"]
    groups = touches.select(
        pl.when("needs_person").then(
            pl.coalesce(pl.col("person").replace_strict(roster.roles, default=None, return_dtype=pl.String), "role")
        )
    ).to_series()
    names = [owner.id for owners in roster.owners.values() for owner in owners]
    rows_of = {name: n for n, name in enumerate(names)}
    who = np.full(touches.height, NOBODY, dtype=np.int64)
    is_placed = np.ones(touches.height, dtype=bool)
    for role, owners in roster.owners.items():
        rows = (groups == role).fill_null(value=False).arg_true()
        if owners and len(rows):
            ranked = rows.gather(_by_value(touches[rows]))
            days, by = _level(touches[ranked], owners, calendars, taken)
            places = ranked.to_numpy()
            found = by != NOBODY
            on[places], is_placed[places] = days, found
            who[places[found]] = rows_of[owners[0].id] + by[found]
    return Placed(
        pl.select(pl.when(pl.Series(is_placed)).then(dates_of(on))).to_series(),
        pl.select(pl.when(pl.Series(is_placed)).then(pl.coalesce(_names(names, who), owner))).to_series(),
    )


def _names(names: list[str], rows: Places) -> pl.Series:
    found = pl.Series(rows).cast(pl.Int64)
    return pl.Series(names, dtype=pl.String).gather(
        pl.select(pl.when(found != NOBODY).then(found).cast(pl.UInt32)).to_series()
    )


def _by_value(touches: pl.DataFrame) -> pl.Series:
    amount = pl.col("amount").fill_nan(None)
    return touches.select(pl.arg_sort_by(amount, "known_as", descending=[True, False], nulls_last=True)).to_series()


def _level(
    touches: pl.DataFrame, owners: tuple[Owner, ...], calendars: tuple[BusinessCalendar, ...], taken: pl.DataFrame
) -> tuple[Places, Places]:
    """Return day number and owner per touch, NOBODY where its window is full; `touches` are most valuable first."""
    window = {name: days_of(touches[name]) for name in ("wished", "earliest", "latest")}
    free_of_names = Wishes(
        **window, place=touches["calendar"].to_numpy().astype(np.int64), named=np.zeros(0, dtype=np.int64)
    )
    days = reachable(free_of_names)
    room = capacity(owners, days, calendars[0])
    reach = np.searchsorted(days, window["earliest"]), np.searchsorted(days, window["latest"])
    named = _named(touches, owners, room, reach)
    _spend(room, owners, days, taken)
    open_days = np.stack([calendar.day_at(calendar.ordinal(days)) == days for calendar in calendars])
    wishes = Wishes(**window, place=free_of_names.place, named=named)
    index, by = level(wishes, room, days, open_days)
    return np.where(index == NOBODY, NOBODY, days[index]), by


def _named(
    touches: pl.DataFrame, owners: tuple[Owner, ...], room: npt.NDArray[np.int64], reach: tuple[Places, Places]
) -> Places:
    """Return the owner who must make each touch: whom sales named, else who made the one before and is not away."""
    rows = {owner.id: row for row, owner in enumerate(owners)}
    person, before = (
        touches[name].replace_strict(rows, default=NOBODY, return_dtype=pl.Int64).fill_null(NOBODY).to_numpy()
        for name in ("person", "before")
    )
    at_work = np.concatenate((np.zeros((len(owners), 1), dtype=np.int64), np.cumsum(room > 0, axis=1)), axis=1)
    first, last = reach
    is_there = at_work[before, last + 1] > at_work[before, first]
    return np.where(person != NOBODY, person, np.where(is_there, before, NOBODY))


def _spend(room: npt.NDArray[np.int64], owners: tuple[Owner, ...], days: Days, taken: pl.DataFrame) -> None:
    """Take what is planned already off the room; never below zero."""
    rows = {owner.id: row for row, owner in enumerate(owners)}
    ours = taken.filter(pl.col("owner").is_in(list(rows)) & pl.col("due_on").is_not_null())
    if ours.is_empty() or not len(days):
        return
    due = days_of(ours["due_on"])
    at = np.minimum(np.searchsorted(days, due), len(days) - 1)
    hit = days[at] == due
    owner = ours["owner"].replace_strict(rows, return_dtype=pl.Int64).to_numpy()
    np.subtract.at(room, (owner[hit], at[hit]), 1)
    np.maximum(room, 0, out=room)

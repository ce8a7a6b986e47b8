"""Levelling: which touch falls on which day and owner, when owners are full. Arrays in, arrays out.

The rule, in words: the most valuable touch chooses first, and takes its wished day or the nearest later day of its
window; whoever finds no place that way takes the nearest earlier day that is still free, again most valuable first.
Choosing one after the other gives the same result as going through the days in order and giving each day's places to
the most valuable touches that wait (by induction over value), and that needs no loop over touches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recyclekit.models.calendar.business import Days
from recyclekit.models.roster import Capacity

Places = npt.NDArray[np.int64]
_Board = tuple[Capacity, Places, npt.NDArray[np.bool_]]  # room by owner and day, places by day, open days by calendar
NOBODY = -1
"""In `Wishes.named`: any owner will do; in a result: no place was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Touches to place, most valuable first; arrays of equal length, days as day numbers.

    Attributes:
        wished: the day that each would have if nobody were full.
        earliest, latest: its window, both included.
        named: row of the only owner who may make it, or NOBODY where any of the owners may.
        place: row of `open_days` of the calendar that its day must be open in.
    """

    wished: Days
    earliest: Days
    latest: Days
    named: Places
    place: Places


def reachable(wishes: Wishes) -> Days:
    """Return all days that lie in some window, ascending: the axis of the tables that `level` takes."""
    if not len(wishes.wished):
        return np.zeros(0, dtype=np.int32)
    low, high = int(wishes.earliest.min()), int(wishes.latest.max())
    begins, ends = wishes.earliest - low, wishes.latest - low + 1
    covered = np.cumsum(np.bincount(begins, minlength=high - low + 2) - np.bincount(ends, minlength=high - low + 2))
    return (np.flatnonzero(covered) + low).astype(np.int32)


def level(wishes: Wishes, free: Capacity, days: Days, open_days: npt.NDArray[np.bool_]) -> tuple[Places, Places]:
    """Place touches; return per touch the index of its day in `days` and the row of its owner, NOBODY where none is.

    Args:
        wishes: the touches.
        free: owners by days, how many more touches each takes; spent in place.
        days: what `reachable` gave.
        open_days: calendars by days, whether customers of that calendar may be contacted.
    """
    wished = np.searchsorted(days, wishes.wished)
    places = free.sum(axis=0)
    everyone = np.arange(len(wished))
    on = _sweep(everyone, (wished, np.searchsorted(days, wishes.latest)), wishes, (free, places, open_days))
    left = everyone[(on == NOBODY) & (wishes.earliest < wishes.wished)]
    if len(left):
        # Backwards in time is forwards on the mirrored axis.
        end = len(days) - 1
        window = end - wished + 1, end - np.searchsorted(days, wishes.earliest)
        mirrored = _sweep(left, window, wishes, (free[:, ::-1], places[::-1], open_days[:, ::-1]))
        on = np.where(mirrored == NOBODY, on, end - mirrored)
    return on, _name_owners(on, wishes.named, free)


def _sweep(who: Places, window: tuple[Places, Places], wishes: Wishes, board: _Board) -> Places:
    """Go through the days once; `who` waits within its window of days, most valuable (smallest) first."""
    (start, end), (free, places, open_days) = window, board
    on = np.full(len(start), NOBODY, dtype=np.int64)
    arrivals = who[np.argsort(start[who], kind="stable")]
    bounds = np.searchsorted(start[arrivals], np.arange(len(places) + 1))
    waiting = np.zeros(0, dtype=np.int64)
    for day in range(len(places)):
        new = arrivals[bounds[day] : bounds[day + 1]]
        if not len(new) and not len(waiting):
            continue
        waiting = np.sort(np.concatenate((waiting, new)), kind="stable") if len(new) else waiting
        taken = _fill(waiting[open_days[wishes.place[waiting], day]], wishes.named, free[:, day], places[day])
        places[day] -= len(taken)
        on[taken] = day
        waiting = waiting[(on[waiting] == NOBODY) & (end[waiting] > day)]
    return on


def _fill(candidates: Places, named: Places, free: Capacity, places: int) -> Places:
    """Return the first candidates that fit into one day, spending `free` only for those with a named owner.

    Which owner makes the others is left open until the end, so that nobody blocks a place that only one can use.
    """
    only = named[candidates]
    is_named = only != NOBODY
    if is_named.any():
        fits = ~is_named
        fits[is_named] = _rank(only[is_named]) < free[only[is_named]]
        candidates, only = candidates[fits], only[fits]
    candidates, only = candidates[:places], only[:places]
    free -= np.bincount(only[only != NOBODY], minlength=len(free))
    return candidates


def _name_owners(on: Places, named: Places, free: Capacity) -> Places:
    """Return the owner of each placed touch: the named one, else in turn whoever has most room; spend `free`."""
    by = np.where(on == NOBODY, NOBODY, named)
    open_ended = np.flatnonzero((on != NOBODY) & (named == NOBODY))
    by_day = open_ended[np.argsort(on[open_ended], kind="stable")]
    for group in np.split(by_day, np.flatnonzero(np.diff(on[by_day])) + 1) if len(by_day) else ():
        by[group] = _deal_out(free[:, on[group[0]]], len(group))
    return by


def _rank(groups: Places) -> Places:
    """Return how many equal values lie before each element."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    ranks = np.empty_like(groups)
    ranks[order] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return ranks


def _deal_out(free: Capacity, count: int) -> Places:
    """Return owners for so many touches in turn, always the one with most room (the first of equals); spend `free`."""
    low, high = 0, int(free.max())
    while low < high:  # the highest level of room such that the room above it suffices
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.maximum(free - middle, 0).sum() >= count else (low, middle - 1)
    above = np.maximum(free - low, 0)
    owners = np.repeat(np.arange(len(free)), above)
    room = free[owners] - (np.arange(len(owners)) - np.repeat(np.cumsum(above) - above, above))
    dealt = owners[np.lexsort((owners, -room))][:count]
    free -= np.bincount(dealt, minlength=len(free))
    return dealt

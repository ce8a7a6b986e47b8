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
    windows = np.unique(np.stack([wishes.earliest, wishes.latest], axis=1), axis=0)
    return np.unique(np.concatenate([np.arange(first, last + 1, dtype=np.int32) for first, last in windows]))


def level(wishes: Wishes, free: Capacity, days: Days, open_days: npt.NDArray[np.bool_]) -> tuple[Places, Places]:
    """Place touches; return per touch the index of its day in `days` and the row of its owner, NOBODY where none is.

    Args:
        wishes: the touches.
        free: owners by days, how many more touches each takes; spent in place.
        days: what `reachable` gave.
        open_days: calendars by days, whether customers of that calendar may be contacted.
    """
    wished = np.searchsorted(days, wishes.wished)
    everyone = np.arange(len(wished))
    on, by = _sweep(everyone, (wished, np.searchsorted(days, wishes.latest)), wishes, free, open_days)
    left = everyone[(on == NOBODY) & (wishes.earliest < wishes.wished)]
    if len(left):
        # Backwards in time is forwards on the mirrored axis.
        end = len(days) - 1
        window = end - wished + 1, end - np.searchsorted(days, wishes.earliest)
        mirrored, others = _sweep(left, window, wishes, free[:, ::-1], open_days[:, ::-1])
        on, by = np.where(mirrored == NOBODY, on, end - mirrored), np.where(mirrored == NOBODY, by, others)
    return on, by


def _sweep(
    who: Places, window: tuple[Places, Places], wishes: Wishes, free: Capacity, open_days: npt.NDArray[np.bool_]
) -> tuple[Places, Places]:
    """Go through the days once; `who` waits within its window of days, most valuable (smallest) first."""
    start, end = window
    on, by = (np.full(len(start), NOBODY, dtype=np.int64) for _ in range(2))
    arrivals = who[np.argsort(start[who], kind="stable")]
    bounds = np.searchsorted(start[arrivals], np.arange(free.shape[1] + 1))
    waiting = np.zeros(0, dtype=np.int64)
    for day in range(free.shape[1]):
        new = arrivals[bounds[day] : bounds[day + 1]]
        if not len(new) and not len(waiting):
            continue
        waiting = np.sort(np.concatenate((waiting, new)), kind="stable") if len(new) else waiting
        taken, owners = _fill(waiting[open_days[wishes.place[waiting], day]], wishes.named, free[:, day])
        on[taken], by[taken] = day, owners
        waiting = waiting[(on[waiting] == NOBODY) & (end[waiting] > day)]
    return on, by


def _fill(candidates: Places, named: Places, free: Capacity) -> tuple[Places, Places]:
    """Give one day's places to the first candidates that fit; return them with their owners and spend `free`."""
    only = named[candidates]
    is_named = only != NOBODY
    if is_named.any():
        fits = ~is_named
        fits[is_named] = _rank(only[is_named]) < free[only[is_named]]
        candidates, only, is_named = candidates[fits], only[fits], is_named[fits]
    places = int(free.sum())
    candidates, owners, is_named = candidates[:places], only[:places].copy(), is_named[:places]
    free -= np.bincount(owners[is_named], minlength=len(free))
    owners[~is_named] = _deal_out(free, int((~is_named).sum()))
    return candidates, owners


def _rank(groups: Places) -> Places:
    """Return how many equal values lie before each element."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    ranks = np.empty_like(groups)
    ranks[order] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return ranks


def _deal_out(free: Capacity, count: int) -> Places:
    """Return owners for so many touches in turn, always the one with most room (the first of equals); spend `free`."""
    if not count:
        return np.zeros(0, dtype=np.int64)
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

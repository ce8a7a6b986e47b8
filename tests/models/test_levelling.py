"""Levelling against a plain loop that serves one touch after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.models.levelling import NOBODY, Wishes, level, reachable

DAYS = 12
OWNERS = 3


@st.composite
def cases(draw: st.DrawFn) -> tuple[Wishes, np.ndarray, np.ndarray]:
    count = draw(st.integers(0, 25))
    rows = [
        draw(st.tuples(st.integers(2, 8), st.integers(0, 3), st.integers(0, 3), st.integers(-1, OWNERS - 1),
                       st.integers(0, 1)))
        for _ in range(count)
    ]  # fmt: skip
    table = np.array(rows, dtype=np.int64).reshape(count, 5)
    named = table[:, 3] if draw(st.booleans()) else np.full(count, NOBODY)
    wishes = Wishes(
        wished=table[:, 0].astype(np.int32), earliest=np.maximum(table[:, 0] - table[:, 2], 1).astype(np.int32),
        latest=(table[:, 0] + table[:, 1]).astype(np.int32), named=named, place=table[:, 4],
    )  # fmt: skip
    free = np.array(draw(st.lists(st.lists(st.integers(0, 3), min_size=DAYS, max_size=DAYS), min_size=OWNERS,
                                  max_size=OWNERS)), dtype=np.int64)  # fmt: skip
    is_open = np.array(draw(st.lists(st.lists(st.booleans(), min_size=DAYS, max_size=DAYS), min_size=2, max_size=2)))
    return wishes, free, is_open


def _fits(day: int, who: list[int], wishes: Wishes, free: np.ndarray) -> bool:
    named = [int(wishes.named[n]) for n in who if wishes.named[n] != NOBODY]
    return len(who) <= free[:, day].sum() and all(named.count(owner) <= free[owner, day] for owner in named)


def _one_by_one(wishes: Wishes, free: np.ndarray, is_open: np.ndarray) -> list[int]:
    """Serve the most valuable first; later days, then, for whoever is left, earlier ones."""
    by_day: dict[int, list[int]] = {day: [] for day in range(DAYS)}
    on = [NOBODY] * len(wishes.wished)
    for direction in (1, -1):
        for n in range(len(on)):
            wished, last = int(wishes.wished[n]), int(wishes.latest[n] if direction == 1 else wishes.earliest[n])
            first = wished if direction == 1 else wished - 1
            for day in range(first, last + direction, direction) if on[n] == NOBODY else ():
                if is_open[wishes.place[n], day] and _fits(day, [*by_day[day], n], wishes, free):
                    by_day[day].append(n)
                    on[n] = day
                    break
    return on


@given(cases())
def test_it_places_as_one_after_the_other_would(case: tuple[Wishes, np.ndarray, np.ndarray]) -> None:
    wishes, free, is_open = case
    days = reachable(wishes)
    before = free[:, days].copy()
    left = before.copy()
    on, by = level(wishes, left, days, is_open[:, days])
    expected = _one_by_one(wishes, free, is_open)
    assert [int(days[n]) if n != NOBODY else NOBODY for n in on] == expected
    spent = np.zeros_like(before)
    placed = on != NOBODY
    np.add.at(spent, (by[placed], on[placed]), 1)
    assert ((by == NOBODY) == (on == NOBODY)).all()
    assert (spent <= before).all()
    assert (before - spent == left).all()
    is_named = (wishes.named != NOBODY) & placed
    assert (by[is_named] == wishes.named[is_named]).all()


def test_owners_are_served_by_the_room_that_they_have_left() -> None:
    wishes = Wishes(
        wished=np.zeros(6, dtype=np.int32), earliest=np.zeros(6, dtype=np.int32), latest=np.zeros(6, dtype=np.int32),
        named=np.full(6, NOBODY), place=np.zeros(6, dtype=np.int64),
    )  # fmt: skip
    _, by = level(wishes, np.array([[1], [3], [2]]), reachable(wishes), np.ones((1, 1), dtype=bool))
    assert by.tolist() == [1, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("owners", [1, 20])
def test_a_million_places_a_day_need_no_million_steps(owners: int) -> None:
    count = 50_000
    wishes = Wishes(
        wished=np.zeros(count, dtype=np.int32), earliest=np.zeros(count, dtype=np.int32),
        latest=np.zeros(count, dtype=np.int32), named=np.full(count, NOBODY), place=np.zeros(count, dtype=np.int64),
    )  # fmt: skip
    free = np.full((owners, 1), 1_000_000_000, dtype=np.int64)
    _, by = level(wishes, free, reachable(wishes), np.ones((1, 1), dtype=bool))
    assert set(np.bincount(by).tolist()) == {count // owners}


def test_nothing_to_place_is_no_case_of_its_own() -> None:
    none = np.zeros(0, dtype=np.int32)
    wishes = Wishes(wished=none, earliest=none, latest=none, named=none.astype(np.int64), place=none.astype(np.int64))
    on, by = level(wishes, np.zeros((2, 0), dtype=np.int64), reachable(wishes), np.zeros((1, 0), dtype=bool))
    assert len(on) == len(by) == 0

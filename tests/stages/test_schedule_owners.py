"""Stage 4: who makes the touches when owners are full or away."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recyclekit.models.roster import Owner, Roster
from recyclekit.stages.schedule import Scheduled
from tests.stages.scheduling import AS_OF, World, one, policy, track, writes

LANE = track("same_day", {"name": "call"}, {"name": "mail", "channel": "mail", "after_days": 7}, window={"later": 2})


def _world(*owners: Owner, lane: dict[str, Any] = LANE, **rest: tuple[Owner, ...]) -> World:
    return World(
        policy=policy(tracks={"only": lane}, reason_tracks={}),
        roster=Roster(owners={"inside_sales": owners, **rest}),
    )


def _owners(plan: Scheduled) -> dict[str, tuple[str | None, date | None]]:
    rows = plan.decisions.select("deal_id", "owner", "next_approach_on").rows()
    return {deal: (owner, on) for deal, owner, on in rows}


def test_a_role_without_owners_takes_everything_under_its_own_name() -> None:
    world = World(policy=policy(tracks={"only": LANE}, reason_tracks={})).add("A", "only").add("B", "only")
    assert _owners(world.plan()) == {"A": ("inside_sales", AS_OF), "B": ("inside_sales", AS_OF)}


def test_the_most_valuable_deal_gets_its_day_and_the_others_move_within_their_window() -> None:
    world = _world(Owner(id="sato", per_day=1))
    for deal, amount in (("small", 1.0), ("none", None), ("large", 9.0), ("middle", 5.0)):
        world.add(deal, "only", amount=amount)
    plan = world.plan()
    assert _owners(plan) == {
        "large": ("sato", AS_OF),
        "middle": ("sato", AS_OF + timedelta(days=1)),
        "small": ("sato", AS_OF + timedelta(days=2)),
        "none": (None, None),
    }
    assert one(plan, "small")["note"] == "moved from 2026-11-24: owners are full"
    left = one(plan, "none")
    assert (left["bucket"], left["note"]) == ("waiting", "no capacity until 2026-11-26")
    assert not writes(plan, "create_task", "none")
    assert not writes(plan, "set_fields", "none")


def test_what_could_not_be_placed_is_tried_again() -> None:
    world = _world(Owner(id="sato", per_day=1))
    for n in range(5):
        world.add(f"D{n}", "only")
    world.apply(world.plan())
    again = world.plan(AS_OF + timedelta(days=2), "r2")
    owned = _owners(again)
    assert owned["D3"][1] == date(2026, 11, 27)
    assert owned["D4"][1] == date(2026, 11, 30)


def test_touches_move_over_weekends_absences_and_owners_days_off() -> None:
    away = Owner(id="sato", per_day=1, days=("tue", "wed", "fri"), absent=("2026-11-25",))
    world = _world(away, lane=track("same_day", window={"later": 3})).add("A", "only").add("B", "only").add("C", "only")
    assert [on for _, on in _owners(world.plan()).values()] == [AS_OF, date(2026, 11, 27), None]


def test_a_window_may_reach_back_but_never_before_today() -> None:
    lane = track({"after": {"days": 2, "since": "as_of"}}, window={"later": 1, "earlier": 5})
    world = _world(Owner(id="sato", per_day=1), lane=lane)
    for n in range(5):
        world.add(f"D{n}", "only")
    assert [on and (on - AS_OF).days for _, on in _owners(world.plan()).values()] == [2, 3, 1, 0, None]


def test_an_agreed_date_is_never_brought_forward() -> None:
    lane = track("same_day", window={"later": 0, "earlier": 5})
    world = _world(Owner(id="sato", per_day=1), lane=lane)
    agreed = date(2026, 12, 10)
    world.add("A", "only", next_approach_on=agreed).add("B", "only", next_approach_on=agreed)
    assert [on for _, on in _owners(world.plan()).values()] == [agreed, None]


def test_a_person_named_by_sales_makes_the_touch_where_they_are_an_owner() -> None:
    world = _world(Owner(id="sato", per_day=9), Owner(id="ito", per_day=1), marketing=(Owner(id="kato", per_day=1),))
    world.add("A", "only", approach_person="ito").add("B", "only", approach_person="kato")
    world.add("C", "only", approach_person="the boss").add("D", "only", approach_person="ito")
    plan = world.plan()
    assert _owners(plan) == {
        "A": ("ito", AS_OF), "B": ("kato", AS_OF), "C": ("sato", AS_OF), "D": ("ito", AS_OF + timedelta(days=1)),
    }  # fmt: skip
    assert one(plan, "C")["note"] == "the person named by sales is not among the owners"


def test_capacity_that_is_planned_already_counts() -> None:
    world = _world(Owner(id="sato", per_day=2)).add("A", "only")
    world.apply(world.plan())
    world.add("B", "only").add("C", "only")
    plan = world.plan(run="r2")
    assert _owners(plan) == {
        "A": ("sato", AS_OF), "B": ("sato", AS_OF), "C": ("sato", AS_OF + timedelta(days=1)),
    }  # fmt: skip


def test_capacity_of_a_deal_that_left_is_free_again() -> None:
    world = _world(Owner(id="sato", per_day=1)).add("A", "only")
    world.apply(world.plan())
    world.add("B", "only")
    world.decide("A", status="won", verdict="none", track=None)
    assert _owners(world.plan(run="r2"))["B"] == ("sato", AS_OF)


def test_a_to_do_that_asks_takes_no_capacity() -> None:
    world = _world(Owner(id="rep-1", per_day=1)).add("A", None, verdict="review", closed_on=AS_OF)
    world.apply(world.plan())
    assert _owners(world.add("B", "only").plan(run="r2"))["B"] == ("rep-1", AS_OF)


def test_who_made_the_first_touch_makes_the_next() -> None:
    world = _world(Owner(id="sato", per_day=5), Owner(id="ito", per_day=3)).add("A", "only", approach_person="ito")
    world.apply(world.plan())
    world.deals["A"]["approach_person"] = None
    assert _owners(world.plan(date(2026, 11, 30), "r2"))["A"] == ("ito", date(2026, 12, 1))


def test_somebody_else_steps_in_for_an_owner_who_is_away() -> None:
    world = _world(Owner(id="sato", per_day=5), Owner(id="ito", per_day=3)).add("A", "only", approach_person="ito")
    world.apply(world.plan())
    world.deals["A"]["approach_person"] = None
    away = Owner(id="ito", per_day=3, absent=("2026-12-01/2026-12-20",))
    world.roster = Roster(owners={"inside_sales": (Owner(id="sato", per_day=5), away)})
    assert _owners(world.plan(date(2026, 11, 30), "r2"))["A"] == ("sato", date(2026, 12, 1))


def test_an_enrolment_takes_nobodys_time() -> None:
    lane = track("same_day", {"name": "enrol", "channel": "newsletter"})
    world = _world(Owner(id="sato", per_day=1), lane=lane).add("A", "only").add("B", "only")
    assert _owners(world.plan()) == {"A": ("inside_sales", AS_OF), "B": ("inside_sales", AS_OF)}


def test_full_owners_do_not_end_a_running_cycle() -> None:
    world = _world(Owner(id="sato", per_day=1)).add("A", "only", amount=1.0)
    world.apply(world.plan())
    world.roster = Roster(owners={"inside_sales": (Owner(id="sato", per_day=0),)})
    plan = world.plan(date(2026, 11, 30), "r2")
    assert one(plan, "A")["bucket"] == "waiting"
    assert plan.actions.is_empty()
    assert plan.ended_cycles.is_empty()


def _one_by_one(world: World, deals: list[tuple[str, float, int, str | None]]) -> dict[str, date | None]:
    """Serve the most valuable deal first; owners of a day are chosen only once the day is known."""
    caps = {owner.id: owner.per_day or 0 for owner in world.roster.of("inside_sales")}
    days = [AS_OF + timedelta(days=n) for n in range(30) if (AS_OF + timedelta(days=n)).weekday() < 5]
    taken: dict[date, list[str | None]] = {day: [] for day in days}
    found: dict[str, date | None] = {}
    for deal, _, wished, person in sorted(deals, key=lambda row: (-row[1], row[0])):
        start = next(n for n, day in enumerate(days) if day >= AS_OF + timedelta(days=wished))
        found[deal] = None
        for day in days[start : start + 3]:
            who = [*taken[day], person]
            fits = len(who) <= sum(caps.values()) and all(who.count(name) <= cap for name, cap in caps.items())
            if fits:
                taken[day], found[deal] = who, day
                break
    return found


DEALS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([None, None, "sato", "ito"])), max_size=18
)


@settings(max_examples=40, deadline=None)
@given(DEALS, st.integers(0, 2), st.integers(1, 2), st.randoms(use_true_random=False))
def test_levelling_serves_one_deal_after_the_other(
    deals: list[tuple[int, int, str | None]], sato: int, ito: int, order: random.Random
) -> None:
    world = _world(Owner(id="sato", per_day=sato), Owner(id="ito", per_day=ito))
    rows = [(f"D{n:02}", float(amount), wished, person) for n, (amount, wished, person) in enumerate(deals)]
    order.shuffle(rows)
    for deal, amount, wished, person in rows:
        day = AS_OF + timedelta(days=wished)
        world.add(deal, "only", amount=amount, next_approach_on=day, approach_person=person)
    plan = world.plan()
    assert {deal: on for deal, (_, on) in _owners(plan).items()} == _one_by_one(world, rows)
    load = Counter((owner, on) for owner, on in _owners(plan).values() if on)
    assert all(count <= {"sato": sato, "ito": ito}[str(owner)] for (owner, _), count in load.items())


def test_the_order_of_rows_changes_nothing() -> None:
    rows = [(f"D{n:02}", float(n % 5)) for n in range(60)]
    plans = []
    for seed in range(3):
        print(f"seed {seed}")
        random.Random(seed).shuffle(rows)
        world = _world(Owner(id="sato", per_day=7), Owner(id="ito", per_day=5))
        for deal, amount in rows:
            world.add(deal, "only", amount=amount)
        plan = world.plan()
        plans.append((plan.decisions.sort("deal_id"), plan.actions.sort("key")))
    assert all(decisions.equals(plans[0][0]) and actions.equals(plans[0][1]) for decisions, actions in plans)


@pytest.mark.parametrize("missing", [0.0, None, float("nan")])
def test_a_deal_without_a_known_value_comes_last(missing: float | None) -> None:
    world = _world(Owner(id="sato", per_day=1)).add("A", "only", amount=missing).add("B", "only", amount=1.0)
    assert _owners(world.plan())["B"][1] == AS_OF

"""Stage 4: what stays as planned, what comes next, and when a cycle ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recyclekit.models.calendar import CalendarSettings
from recyclekit.models.memory import CYCLES, Memory
from tests.stages.scheduling import AS_OF, World, kinds, one, policy, track, writes

TWO_STEPS = track(
    {"after": {"days": 10, "since": "as_of"}}, {"name": "call"}, {"name": "mail", "channel": "mail", "after_days": 7}
)
OTHER = track("same_day")


def _world() -> World:
    return World(policy=policy(tracks={"two": TWO_STEPS, "other": OTHER}, reason_tracks={}))


def _ended(world: World) -> list[tuple[Any, ...]]:
    return world.memory.cycles.select("deal_id", "cycle", "ended_on", "ended_why").rows()


def test_a_second_plan_right_after_apply_is_empty() -> None:
    world = _world().add("A", "two").add("B", "two", hook="来期の予算が決まったら").add("C", None, verdict="none")
    first = world.plan()
    world.apply(first)
    second = world.plan(run="r2")
    assert first.by_kind == {"create_task": 2, "set_fields": 2}
    assert second.actions.is_empty()
    assert second.by_bucket == first.by_bucket
    assert second.decisions.drop("fingerprint").equals(first.decisions.drop("fingerprint"))


def test_a_touch_to_come_stays_as_it_was_planned() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    planned = one(world.plan(), "A")
    for days in range(1, 11):
        plan = world.plan(AS_OF + timedelta(days=days), f"r{days}")
        assert plan.actions.is_empty()
        assert one(plan, "A") == planned


def test_a_changed_named_date_does_not_move_what_is_planned() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    world.deals["A"]["next_approach_on"] = date(2027, 6, 1)
    assert world.plan(run="r2").actions.is_empty()


def test_after_the_first_touch_comes_the_second() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    plan = world.plan(date(2026, 12, 5), "r2")  # the call was due on the 4th
    made = one(plan, "A")
    assert (made["step"], made["channel"], made["next_approach_on"], made["cycle"]) == (
        "mail", "mail", date(2026, 12, 11), 1,
    )  # fmt: skip
    assert [(w["key"], w["change"]) for w in writes(plan, "create_task")] == [("main:A:1:mail", "~")]
    (fields,) = writes(plan, "set_fields")
    assert fields["payload"] == {"recycle_next_on": "2026-12-11", "recycle_channel": "mail"}
    assert fields["before"] == {"recycle_next_on": "2026-12-04", "recycle_channel": "phone"}


def test_a_date_that_sales_names_after_a_touch_is_for_the_next_one() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    world.deals["A"]["next_approach_on"] = date(2027, 3, 1)
    assert one(world.plan(date(2026, 12, 5), "r2"), "A")["next_approach_on"] == date(2027, 3, 1)


def test_a_step_that_is_long_overdue_is_due_today() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    assert one(world.plan(date(2027, 2, 1), "r2"), "A")["next_approach_on"] == date(2027, 2, 1)


def _through(world: World) -> date:
    """Carry a deal through both steps; return the day after the last."""
    world.apply(world.plan())
    world.apply(world.plan(date(2026, 12, 5), "r2"), date(2026, 12, 5))
    return date(2026, 12, 12)


def test_after_the_last_touch_the_track_is_done_and_the_deal_rests() -> None:
    world = _world().add("A", "two")
    day = _through(world)
    world.decide("A", verdict="wait", rule="between_cycles", wait_until=date(2027, 6, 9))
    plan = world.plan(day, "r3")
    assert plan.ended_cycles.rows() == [("A", 1, date(2026, 12, 11), "track_done")]
    assert one(plan, "A")["bucket"] == "waiting"
    assert one(plan, "A")["note"] == "track done on 2026-12-11"
    (cleared,) = writes(plan, "set_fields")
    assert cleared["change"] == "-"
    assert set(cleared["payload"].values()) == {None}
    assert kinds(plan) == ["set_fields"]  # what was done is not taken back
    world.apply(plan, day)
    assert _ended(world) == [("A", 1, date(2026, 12, 11), "track_done")]
    assert world.plan(day, "r4").actions.is_empty()


@pytest.mark.parametrize("recorded", [True, False])
def test_the_next_cycle_has_a_new_number_and_new_keys(recorded: bool) -> None:
    world = _world().add("A", "two", next_approach_on=date(2026, 12, 1))
    day = _through(world)
    if recorded:
        world.decide("A", verdict="wait")
        world.apply(world.plan(day, "r3"), day)
    world.decide("A", verdict="recycle", cycle=2)
    later = date(2027, 6, 9)
    plan = world.plan(later, "r4")
    made = one(plan, "A")
    assert (made["cycle"], made["step"]) == (2, "call")
    assert made["next_approach_on"] == date(2027, 6, 21)  # the date named in the first cycle is used up
    assert [w["key"] for w in writes(plan, "create_task")] == ["main:A:2:call"]
    assert {w["change"] for w in writes(plan, "create_task")} == {"+"}
    world.apply(plan, later)
    assert _ended(world) == [("A", 1, date(2026, 12, 8), "track_done"), ("A", 2, None, None)]


def test_a_revived_deal_is_cleared_and_its_open_task_removed() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    world.decide("A", status="open", verdict="none", track=None, rule=None, reason=None)
    plan = world.plan(run="r2")
    assert kinds(plan) == ["remove_task", "set_fields"]
    (removed,) = writes(plan, "remove_task")
    assert removed["key"] == "main:A:1:call:remove:r2"
    assert removed["payload"]["key"] == "main:A:1:call"
    assert plan.changes == {"+": 0, "~": 0, "-": 1}
    assert one(plan, "A")["bucket"] == "none"
    world.apply(plan)
    assert _ended(world) == [("A", 1, AS_OF, "revived")]
    assert world.plan(run="r3").actions.is_empty()


@pytest.mark.parametrize(
    ("done", "days", "removed"), [(None, 0, 1), (None, 30, 0), (True, 0, 0), (False, 30, 1), (True, 30, 0)]
)
def test_a_task_is_removed_only_while_nobody_has_done_it(done: bool | None, days: int, removed: int) -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    if done is not None:
        at = datetime.fromisoformat("2026-11-25T10:00:00+00:00")
        world.activities = [{"deal_id": "A", "kind": "task", "at": at, "key": "main:A:1:call", "done": done}]
    world.decide("A", status="won", verdict="none", track=None)
    assert len(writes(world.plan(AS_OF + timedelta(days=days), "r2"), "remove_task")) == removed


def test_a_newsletter_is_ended_when_its_deal_leaves() -> None:
    letters = track("same_day", {"name": "enrol", "channel": "newsletter", "list": "news"}, {"name": "call",
                    "after_days": 90})  # fmt: skip
    world = World(policy=policy(tracks={"news": letters}, reason_tracks={})).add("A", "news")
    plan = world.plan()
    assert kinds(plan) == ["enrol", "set_fields"]
    (enrolled,) = writes(plan, "enrol")
    assert enrolled["payload"]["list"] == "news"
    assert enrolled["payload"]["from_on"] == str(AS_OF)
    world.apply(plan)
    world.apply(world.plan(date(2026, 12, 1), "r2"), date(2026, 12, 1))
    world.decide("A", verdict="exclude", rule="opted_out", track=None)
    gone = world.plan(date(2026, 12, 2), "r3")
    assert kinds(gone) == ["remove_task", "unenrol", "set_fields"]


def test_another_track_ends_the_cycle_and_begins_the_next() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    world.decide("A", track="other", reason="no_budget")
    plan = world.plan(run="r2")
    assert kinds(plan) == ["remove_task", "create_task", "set_fields"]
    assert set(plan.actions["change"]) == {"~"}
    made = one(plan, "A")
    assert (made["cycle"], made["next_approach_on"]) == (2, AS_OF)
    world.apply(plan)
    assert _ended(world) == [("A", 1, AS_OF, "changed"), ("A", 2, None, None)]
    assert world.plan(run="r3").actions.is_empty()


def test_another_reason_on_the_same_track_changes_only_the_reason() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    world.decide("A", reason="timing", rule="recycle_timing")
    (fields,) = writes(world.plan(run="r2"), "set_fields")
    assert fields["payload"] == {"recycle_reason": "timing", "recycle_rule": "recycle_timing"}
    assert fields["change"] == "~"


def test_a_deal_with_a_write_in_doubt_is_left_alone() -> None:
    world = _world().add("A", "two").add("B", "two").add("C", "two")
    world.apply(world.plan())
    world.add("D", "two")
    world.decide("B", status="won", verdict="none", track=None)
    world.memory = replace(world.memory, in_doubt=frozenset({"A", "B", "D"}))
    plan = world.plan(date(2026, 12, 7), "r2")
    assert set(plan.actions["deal_id"]) == {"C"}
    assert {one(plan, deal)["bucket"] for deal in ("A", "D")} == {"waiting"}
    assert one(plan, "D")["note"] == "a write is in doubt: left alone until it is settled"
    assert plan.ended_cycles.is_empty()


def test_a_cycle_without_a_touch_begins_with_its_first_step() -> None:
    world = _world().add("A", "two")
    cycle = ("A", 1, "two", "timing", AS_OF, None, None)
    world.memory = Memory(cycles=pl.DataFrame([cycle], schema=CYCLES, orient="row"))
    plan = world.plan()
    assert [w["key"] for w in writes(plan, "create_task")] == ["main:A:1:call"]
    assert set(plan.actions["change"]) == {"~"}


def test_a_cycle_that_was_forgotten_leaves_its_number_free_only_if_nothing_remains() -> None:
    world = _world().add("A", "two")
    undone = ("A", 1, "two", "timing", AS_OF, AS_OF, "undone")
    world.memory = Memory(cycles=pl.DataFrame([undone], schema=CYCLES, orient="row"))
    assert one(world.plan(), "A")["cycle"] == 2


def test_a_step_that_the_policy_no_longer_has_is_followed_by_one_that_was_not_made() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    renamed = track("same_day", {"name": "phone"}, {"name": "mail", "channel": "mail", "after_days": 7})
    world.policy = policy(tracks={"two": renamed}, reason_tracks={})
    assert one(world.plan(run="r2"), "A")["step"] == "call"  # what is planned stays
    assert world.plan(run="r2").actions.is_empty()
    assert one(world.plan(date(2026, 12, 7), "r3"), "A")["step"] == "phone"


def test_own_fields_that_the_source_cannot_show_are_written_once() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    blind = world.snapshot()
    hidden = replace(blind, deals=blind.deals.drop(pl.selectors.starts_with("recycle_")))
    world.snapshot = lambda: hidden  # type: ignore[method-assign]
    assert world.plan(run="r2").actions.is_empty()


def test_somebody_elses_value_in_our_field_is_put_right() -> None:
    world = _world().add("A", "two")
    world.apply(world.plan())
    world.deals["A"]["recycle_owner"] = "someone"
    (fields,) = writes(world.plan(run="r2"), "set_fields")
    assert (fields["payload"], fields["before"]) == ({"recycle_owner": "inside_sales"}, {"recycle_owner": "someone"})


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_whatever_happens_no_key_is_planned_twice_and_a_second_plan_is_empty(data: st.DataObject) -> None:
    """Days pass, deals change their decision; every plan is applied, and planning again at once finds nothing."""
    world = _world()
    world.calendar = CalendarSettings(country="JP")
    for n in range(3):
        world.add(f"D{n}", "two")
    day, seen = AS_OF, set[str]()
    for run in range(data.draw(st.integers(1, 6))):
        day += timedelta(days=data.draw(st.integers(0, 20)))
        for n in range(3):
            verdict, lane = data.draw(st.sampled_from([("recycle", "two"), ("recycle", "other"), ("none", None),
                                                       ("wait", "two"), ("exclude", None)]))  # fmt: skip
            world.decide(f"D{n}", verdict=verdict, track=lane, status="open" if verdict == "none" else "lost")
        plan = world.plan(day, f"r{run}")
        keys = set(plan.actions["key"])
        assert not keys & seen
        assert sum(plan.by_bucket.values()) == 3
        seen |= keys
        world.apply(plan, day)
        again = world.plan(day, f"r{run}b")
        assert again.actions.is_empty()
        assert again.by_bucket == plan.by_bucket


# -- tasks that stay open ---------------------------------------------------------------------------------------------

THREE_STEPS = track(
    "same_day",
    {"name": "call"},
    {"name": "mail", "channel": "mail", "after_days": 7},
    {"name": "meet", "after_days": 7},
)


def _shown(world: World, *steps: str, done: bool | None = False) -> None:
    at = datetime.fromisoformat("2026-11-24T10:00:00+00:00")
    world.activities = [
        {"deal_id": "A", "kind": "task", "at": at, "key": f"main:A:{step}", "done": done} for step in steps
    ]


def _after_two_steps(world: World) -> date:
    world.apply(world.plan())
    world.apply(world.plan(date(2026, 11, 25), "r2"), date(2026, 11, 25))
    return date(2026, 12, 2)


def test_an_open_task_stays_for_its_owner_until_the_touch_after_it_is_past_too() -> None:
    world = World(policy=policy(tracks={"three": THREE_STEPS}, reason_tracks={})).add("A", "three")
    world.apply(world.plan())
    _shown(world, "1:call")
    assert kinds(world.plan(date(2026, 11, 25), "r2")) == ["create_task", "set_fields"]
    day = _after_two_steps(world)
    _shown(world, "1:call", "1:mail")
    plan = world.plan(day, "r3")
    assert kinds(plan) == ["remove_task", "create_task", "set_fields"]
    (gone,) = writes(plan, "remove_task")
    assert (gone["key"], gone["change"]) == ("main:A:1:call:remove:r3", "~")
    assert (gone["payload"]["key"], gone["payload"]["overtaken"]) == ("main:A:1:call", True)
    assert plan.changes == {"+": 0, "~": 1, "-": 0}
    world.apply(plan, day)
    assert world.plan(day, "r4").actions.is_empty()  # even where a person's change kept the task open


@pytest.mark.parametrize("done", [True, None])
def test_what_is_done_or_not_shown_is_left_alone(done: bool | None) -> None:
    world = World(policy=policy(tracks={"three": THREE_STEPS}, reason_tracks={})).add("A", "three")
    day = _after_two_steps(world)
    _shown(world, "1:call", "1:mail", done=done)
    assert writes(world.plan(day, "r3"), "remove_task") == []


def test_the_next_cycle_takes_back_what_the_last_one_left_open() -> None:
    world = _world().add("A", "two")
    day = _through(world)
    world.decide("A", verdict="wait")
    world.apply(world.plan(day, "r3"), day)
    _shown(world, "1:call", "1:mail")
    world.decide("A", verdict="recycle", cycle=2)
    plan = world.plan(date(2027, 6, 9), "r4")
    assert [(w["payload"]["key"], w["change"]) for w in writes(plan, "remove_task")] == [
        ("main:A:1:call", "+"), ("main:A:1:mail", "+"),
    ]  # fmt: skip
    assert plan.changes == {"+": 1, "~": 0, "-": 0}

"""Which deals a plan hands back to sales: those that are open since their buyer moved, with what was tried."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.stages.scheduling import AS_OF, World, kinds, policy, track

TWO = track("same_day", {"name": "call"}, {"name": "mail", "channel": "mail", "after_days": 7})
LETTERS = track(
    "same_day",
    {"name": "enrol", "channel": "newsletter", "list": "news"},
    {"name": "call", "after_days": 90},
)
ALIVE: dict[str, Any] = {"status": "open", "verdict": "none", "track": None, "rule": None, "reason": None}
LATER = AS_OF + timedelta(days=3)


def _stalled(name: str = "two") -> World:
    world = World(policy=policy(tracks={"two": TWO, "letters": LETTERS}, reason_tracks={}))
    world.add("A", name, status="stalled", crm_state="open", reason=None, reason_source=None, rule="stalled")
    world.apply(world.plan())
    return world


def _lost() -> World:
    world = World(policy=policy(tracks={"two": TWO}, reason_tracks={})).add("A", "two")
    world.apply(world.plan())
    return world


def test_a_stalled_deal_with_a_new_contact_is_handed_back_with_what_was_tried() -> None:
    world = _stalled()
    world.decide("A", **ALIVE, inactive_days=1, activity_source="email")
    plan = world.plan(LATER, "r2")
    (found,) = plan.handed_back.to_dicts()
    assert (found["deal_id"], found["cycle"], found["track"], found["reason"]) == ("A", 1, "two", None)
    assert (found["signal"], found["source"], found["contact_on"]) == ("contact", "email", LATER - timedelta(days=1))
    assert (found["opened_on"], found["ended_on"], found["ended_why"]) == (AS_OF, LATER, "revived")
    assert found["steps"] == ["call"]
    world.apply(plan, LATER)
    again = world.plan(LATER, "r3")
    assert again.actions.is_empty()
    assert again.handed_back.is_empty()


def test_a_task_that_is_taken_back_was_not_tried() -> None:
    world = _stalled()
    world.decide("A", **ALIVE, inactive_days=0, activity_source="call")
    plan = world.plan(AS_OF, "r2")
    assert kinds(plan) == ["remove_task", "set_fields"]
    assert plan.handed_back["steps"].to_list() == [[]]
    at = datetime.fromisoformat("2026-11-24T10:00:00+00:00")
    world.activities = [{"deal_id": "A", "kind": "task", "at": at, "key": "main:A:1:call", "done": True}]
    assert world.plan(AS_OF, "r2").handed_back["steps"].to_list() == [["call"]]


def test_a_letter_that_was_ordered_was_tried() -> None:
    world = _stalled("letters")
    world.decide("A", **ALIVE, inactive_days=1, activity_source="email")
    plan = world.plan(LATER, "r2")
    assert "unenrol" in kinds(plan)
    assert plan.handed_back["steps"].to_list() == [["enrol"]]


@pytest.mark.parametrize(("inactive", "contact"), [(100, None), (1, LATER - timedelta(days=1)), (None, None)])
def test_a_lost_deal_that_is_open_again_is_handed_back(inactive: int | None, contact: date | None) -> None:
    world = _lost()
    status = "open" if inactive is not None else "undated"
    world.decide("A", **{**ALIVE, "status": status}, inactive_days=inactive, activity_source="call")
    (found,) = world.plan(LATER, "r2").handed_back.to_dicts()
    assert (found["signal"], found["source"], found["contact_on"]) == ("reopened", "crm_state", contact)
    assert found["reason"] == "priority_pending"


def test_a_deal_that_moves_as_its_last_step_passes_is_handed_back_and_its_track_counts_as_done() -> None:
    world = _stalled()
    second = AS_OF + timedelta(days=8)
    world.apply(world.plan(second, "r2"), second)
    day = second + timedelta(days=5)
    world.decide("A", **ALIVE, inactive_days=1, activity_source="meeting")
    (found,) = world.plan(day, "r3").handed_back.to_dicts()
    assert found["steps"] == ["call", "mail"]
    assert found["ended_why"] == "track_done"


@pytest.mark.parametrize(
    "now",
    [
        {"status": "won", "verdict": "none", "track": None, "rule": None},
        {"status": "stalled", "verdict": "exclude", "track": None, "rule": "opted_out"},
        {"status": "stalled", "verdict": "review", "track": None, "rule": "reason_unclear"},
        {"status": "stalled", "verdict": "recycle", "track": "letters"},
    ],
    ids=["won", "excluded", "review", "other track"],
)
def test_what_needs_no_seller_is_not_handed_back(now: dict[str, Any]) -> None:
    world = _stalled()
    world.decide("A", **now, inactive_days=1, activity_source="call")
    plan = world.plan(LATER, "r2")
    assert "-" in set(plan.actions["change"]) or now["verdict"] == "recycle"
    assert plan.handed_back.is_empty()


@pytest.mark.parametrize("inactive", [50, None])
def test_a_stalled_deal_that_only_another_policy_calls_open_is_not_handed_back(inactive: int | None) -> None:
    world = _stalled()
    world.decide("A", **ALIVE, inactive_days=inactive, activity_source="call")
    plan = world.plan(LATER, "r2")
    assert "set_fields" in kinds(plan)
    assert plan.handed_back.is_empty()

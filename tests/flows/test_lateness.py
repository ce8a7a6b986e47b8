"""Whose turn is over: too late, or done by another run since; a run stands in for a younger one that was cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Completed

from recyclekit_flows.lateness import judged

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def due(ago: timedelta, began: timedelta | None = None) -> FlowRun:
    """Return a scheduled run that was due so long ago; it began so long ago and ended well, or was cancelled."""
    start, state = (None, Cancelled()) if began is None else (NOW - began, Completed())
    expected = NOW - ago
    return FlowRun(flow_id=uuid4(), name="nightly", expected_start_time=expected, start_time=start, state=state)


@pytest.mark.parametrize(("ago", "most"), [(3 * HOUR, None), (HOUR, HOUR), (timedelta(0), HOUR)])
def test_a_run_that_is_not_too_late_has_its_turn(ago: timedelta, most: timedelta | None) -> None:
    assert judged(due(ago), most, [], NOW) == ""


def test_a_run_that_is_too_late_says_how_late_and_what_happens_instead() -> None:
    said = judged(due(3 * HOUR), HOUR, [], NOW)
    assert "due at 2026-11-20 06:00 UTC and began 3 h 00 min late; more than 60 min is too late" in said
    assert "the next scheduled run" in said


def test_of_thirty_missed_runs_all_but_the_first_that_works_step_aside() -> None:
    worked = due(30 * HOUR, began=timedelta(minutes=5))
    for n in range(1, 30):
        assert "one run does the work of all" in judged(due(n * HOUR), None, [worked], NOW)


def test_a_run_that_ended_well_before_this_one_was_due_is_no_reason() -> None:
    yesterday = due(25 * HOUR, began=24 * HOUR)
    assert judged(due(HOUR), None, [yesterday], NOW) == ""


def test_a_late_run_stands_in_for_a_younger_one_that_was_cancelled_for_it() -> None:
    assert judged(due(9 * HOUR), HOUR, [due(HOUR / 2)], NOW) == ""
    assert judged(due(9 * HOUR), HOUR, [due(2 * HOUR)], NOW) != "", "that one would be too late itself"

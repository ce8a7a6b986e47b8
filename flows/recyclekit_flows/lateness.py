"""Whether a scheduled run still has its turn: a server that was down for a night does one run, not thirty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext
from prefect.states import Cancelled
from pydantic import Field

from recyclekit import clock

Minutes = Annotated[int, Field(ge=1)]
SKIPPED = "Skipped"
"""The name of the state in which a run ends whose turn is over; nothing was read and nothing written."""
_LOOKED_AT = 20


def out_of_turn(max_lateness_minutes: int | None) -> State[Any] | None:
    """Return the state in which the flow run at hand must end at once; None where it has its turn.

    Only a run's first attempt can be out of turn: whoever retries or resumes one means it.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or run.run_count > 1 or run.expected_start_time is None:
        return None
    most = None if max_lateness_minutes is None else timedelta(minutes=max_lateness_minutes)
    said = judged(run, most, _siblings(run, clock.now(), most), clock.now())
    return Cancelled(name=SKIPPED, message=said) if said else None


def judged(run: FlowRun, most: timedelta | None, siblings: Sequence[FlowRun], now: datetime) -> str:
    """Return a sentence where a run's turn is over; empty where it may run.

    Args:
        run: about to begin.
        most: how late it may be; None: however late.
        siblings: other scheduled runs of its deployment that have ended well, or have not begun.
        now: the time.
    """
    due = run.expected_start_time
    assert due is not None
    done = next((one for one in siblings if _is_done(one) and (one.start_time or due) > due), None)
    if done is not None:
        return (
            f"This run was due at {due:%Y-%m-%d %H:%M} UTC, and {done.name} has begun and ended well since. "
            "Nothing was read or written: one run does the work of all that were missed."
        )
    # A deployment that runs one at a time cancels a younger run while this one begins: then this one stands in for it.
    if most is None or now - due <= most or any(_is_in_time(one, most, now) for one in siblings):
        return ""
    return (
        f"This run was due at {due:%Y-%m-%d %H:%M} UTC and began {_minutes(now - due)} late; more than "
        f"{_minutes(most)} is too late (max_lateness_minutes). Nothing was read or written: the next scheduled run "
        "does its work."
    )


def _is_in_time(run: FlowRun, most: timedelta, now: datetime) -> bool:
    due = run.expected_start_time
    return not _is_done(run) and due is not None and now - most <= due <= now


def _is_done(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_completed()


def _siblings(run: FlowRun, now: datetime, most: timedelta | None) -> Sequence[FlowRun]:
    if not run.auto_scheduled or run.deployment_id is None or run.expected_start_time is None:
        return []
    ours = FlowRunFilterDeploymentId(any_=[run.deployment_id])
    ended = FlowRunFilter(
        deployment_id=ours,
        state=_in(StateType.COMPLETED),
        start_time=FlowRunFilterStartTime(after_=run.expected_start_time),
    )
    waiting = FlowRunFilter(
        deployment_id=ours,
        state=_in(StateType.SCHEDULED, StateType.PENDING, StateType.CANCELLED),
        expected_start_time=FlowRunFilterExpectedStartTime(after_=now - (most or timedelta()), before_=now),
    )
    with get_client(sync_client=True) as client:
        found = [
            *client.read_flow_runs(flow_run_filter=ended, sort=FlowRunSort.START_TIME_DESC, limit=_LOOKED_AT),
            *client.read_flow_runs(flow_run_filter=waiting, limit=_LOOKED_AT),
        ]
    return [one for one in found if one.auto_scheduled and one.id != run.id]


def _in(*types: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))


def _minutes(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 120 else f"{minutes} min"

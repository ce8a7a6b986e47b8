"""Whether a scheduled run still has its turn: a server that was down for a night does one run, not thirty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
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
    said = too_late(run.expected_start_time, clock.now(), most) or _done_since(run)
    return Cancelled(name=SKIPPED, message=said) if said else None


def too_late(due: datetime, now: datetime, most: timedelta | None) -> str:
    """Return a sentence where a run begins too long after it was due; empty where it may run."""
    late = now - due
    if most is None or late <= most:
        return ""
    return (
        f"This run was due at {due:%Y-%m-%d %H:%M} UTC and began {_minutes(late)} late; more than {_minutes(most)} is "
        "too late (max_lateness_minutes). Nothing was read or written: the next scheduled run does its work."
    )


def superseded(run: FlowRun, others: Sequence[FlowRun]) -> str:
    """Return a sentence where another scheduled run did this one's work: it began after this one was due."""
    for other in others:
        if other.auto_scheduled and other.id != run.id:
            return (
                f"This run was due at {run.expected_start_time:%Y-%m-%d %H:%M} UTC, and {other.name} has begun and "
                "ended well since. Nothing was read or written: one run does the work of all that were missed."
            )
    return ""


def _done_since(run: FlowRun) -> str:
    if not run.auto_scheduled or run.deployment_id is None or run.expected_start_time is None:
        return ""
    completed = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED]))
    wanted = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
        state=completed,
        start_time=FlowRunFilterStartTime(after_=run.expected_start_time),
    )
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.START_TIME_DESC, limit=_LOOKED_AT)
    return superseded(run, found)


def _minutes(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 120 else f"{minutes} min"

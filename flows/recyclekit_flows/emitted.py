"""The pipeline's events as Prefect's: names and figures for automations, never a person.

| event | when |
|---|---|
| recyclekit.run.planned | a plan was made |
| recyclekit.run.waiting | it waits for a person's word |
| recyclekit.run.approved, recyclekit.run.rejected | that was given |
| recyclekit.run.applied | a run ended and nothing failed (records that changed meanwhile are skipped) |
| recyclekit.run.partially-failed | it ended with writes that failed, are in doubt or were not sent |
| recyclekit.run.undone | an undo ended so |
| recyclekit.deals.handed-back | a run gave deals to sales again whose buyer moved, once all writes of it were proven |
| recyclekit.guard.tripped | a change guard of the policy stopped a plan |
| recyclekit.quota.spent | the other side's quota stopped a run |
"""

from __future__ import annotations

from collections.abc import Mapping

from prefect.events import emit_event

from recyclekit.events import (
    ApprovalAsked,
    ApprovalGiven,
    DealsHandedBack,
    Event,
    GuardTripped,
    QuotaSpent,
    RunEnded,
    RunPartiallyFailed,
    RunPlanned,
)
from recyclekit.models.run import RunKind, RunState

RESOURCE = "recyclekit.run"
"""Events are about `recyclekit.run.<id of the run>`; the pipeline is related to them."""


def emit(event: Event) -> None:
    """Hand an event on to Prefect's server, where automations wait for it; those of stages are not for them."""
    match event:
        case RunPlanned(figures=figures):
            _emit("run.planned", event, figures)
        case ApprovalAsked(cause=cause, figures=figures):
            _emit("run.waiting", event, {"cause": cause, **figures})
        case ApprovalGiven(verdict=verdict, figures=figures):
            _emit(f"run.{verdict}", event, figures)
        case RunPartiallyFailed(figures=figures):
            _emit("run.partially-failed", event, figures)
        case RunEnded(kind=RunKind.UNDO, figures=figures) if not _unwell(figures):
            _emit("run.undone", event, figures)
        case RunEnded(outcome=RunState.SUCCESS | RunState.PARTIAL, figures=figures) if not _unwell(figures):
            _emit("run.applied", event, figures)
        case DealsHandedBack(figures=figures, deals=deals):
            ids = [deal["deal"] for deal in deals]
            more = figures["deals"] - len(deals)
            _emit("deals.handed-back", event, {**figures, "ids": ids, "more": more, "handed_back": list(deals)})
        case GuardTripped(guards=guards):
            _emit("guard.tripped", event, {"guards": list(guards)})
        case QuotaSpent():
            _emit("quota.spent", event, {})
        case _:
            pass


def _unwell(figures: Mapping[str, int]) -> bool:
    return any(figures.get(name) for name in ("failed", "in_doubt", "unsent"))


_Told = (
    RunPlanned | ApprovalAsked | ApprovalGiven | RunPartiallyFailed | RunEnded | DealsHandedBack | GuardTripped
    | QuotaSpent
)  # fmt: skip


def _emit(name: str, event: _Told, payload: Mapping[str, object]) -> None:
    resource = {
        "prefect.resource.id": f"{RESOURCE}.{event.run}",
        "prefect.resource.name": event.run,
        "recyclekit.pipeline": event.pipeline,
    }
    related = [
        {
            "prefect.resource.id": f"recyclekit.pipeline.{event.pipeline}",
            "prefect.resource.role": "pipeline",
            "prefect.resource.name": event.pipeline,
        }
    ]
    emit_event(f"recyclekit.{name}", resource=resource, related=related, payload={"run": event.run, **payload})

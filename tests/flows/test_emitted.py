"""Which of the pipeline's events reach Prefect, under which names, and with nothing but ids, words and counts."""

from __future__ import annotations

from typing import Any

import pytest

from recyclekit.errors import GuardError, QuotaError, RecyclekitError
from recyclekit.events import (
    ApprovalAsked,
    ApprovalGiven,
    Event,
    GuardTripped,
    QuotaSpent,
    RunPlanned,
    StageEnded,
    StageStarted,
)
from recyclekit.models.run import Outcome, RunKind, RunState
from recyclekit.observing.telling import tell_ended, telling
from recyclekit_flows import emitted

DONE = Outcome(run="r1", state=RunState.SUCCESS, planned=3, applied=3)
HALF = Outcome(run="r1", state=RunState.PARTIAL, planned=3, applied=1, failed=(("d", "why"),), in_doubt=(("e", "?"),))
MOVED = Outcome(run="r1", state=RunState.PARTIAL, planned=3, applied=2, skipped=(("d", "changed since"),))
CUT = Outcome(run="r1", state=RunState.ABORTED, planned=3, applied=1, unsent=2)
BACK = Outcome(run="r2", state=RunState.SUCCESS, planned=3, applied=3, kind=RunKind.UNDO)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was handed to Prefect."""
    found: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(emitted, "emit_event", lambda name, **more: found.append((name, more)))
    return found


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (RunPlanned(run="r1", pipeline="main", figures={"deals": 3}), "recyclekit.run.planned"),
        (ApprovalAsked(run="r1", pipeline="main", cause="guard"), "recyclekit.run.waiting"),
        (ApprovalGiven(run="r1", pipeline="main", verdict="approved"), "recyclekit.run.approved"),
        (ApprovalGiven(run="r1", pipeline="main", verdict="rejected"), "recyclekit.run.rejected"),
        (GuardTripped(run="r1", pipeline="main", guards=("too many",)), "recyclekit.guard.tripped"),
        (QuotaSpent(run="r1", pipeline="main"), "recyclekit.quota.spent"),
    ],
)
def test_an_event_is_about_its_run_and_related_to_its_pipeline(event: Event, name: str, sent: list[Any]) -> None:
    emitted.emit(event)
    ((said, more),) = sent
    assert said == name
    assert more["resource"]["prefect.resource.id"] == "recyclekit.run.r1"
    assert more["related"][0]["prefect.resource.id"] == "recyclekit.pipeline.main"
    assert more["payload"]["run"] == "r1"


@pytest.mark.parametrize(
    ("outcome", "names"),
    [
        (DONE, ["recyclekit.run.applied"]),
        (MOVED, ["recyclekit.run.applied"]),
        (HALF, ["recyclekit.run.partially-failed"]),
        (CUT, ["recyclekit.run.partially-failed"]),
        (BACK, ["recyclekit.run.undone"]),
    ],
    ids=["done", "moved", "half", "cut", "undone"],
)
def test_how_a_run_ended_is_told_once(outcome: Outcome, names: list[str], sent: list[Any]) -> None:
    tell_ended(emitted.emit, "main", outcome)
    assert [name for name, _ in sent] == names
    assert "why" not in str(sent), "what the other side said stays out"


@pytest.mark.parametrize("stop", [GuardError("stopped"), QuotaError("spent")], ids=["guard", "quota"])
def test_what_stops_a_run_is_told_and_goes_on(stop: RecyclekitError, sent: list[Any]) -> None:
    with pytest.raises(type(stop)), telling(emitted.emit, "r1", "main", ("too many",)):
        raise stop
    assert [name.split(".")[1] for name, _ in sent] == ["guard" if isinstance(stop, GuardError) else "quota"]


def test_stages_are_not_for_automations(sent: list[Any]) -> None:
    emitted.emit(StageStarted(run="r1", stage="extract"))
    emitted.emit(StageEnded(run="r1", stage="extract", seconds=1.0))
    assert sent == []

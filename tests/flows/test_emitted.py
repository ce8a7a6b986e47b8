"""Which of the pipeline's events reach Prefect, under which names, and with nothing but ids, words and counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
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
from recyclekit.models.hand_back import HandBack
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


def _returned(number: int) -> HandBack:
    return HandBack(
        run="r1", deal_id=f"D{number}", cycle=1, track="stalled", reason=None, opened_on=date(2026, 11, 20),
        steps=("call",), signal="contact" if number else "reopened", source="email", contact_on=date(2026, 11, 25),
    )  # fmt: skip


def test_deals_that_a_run_handed_back_are_told_in_one_event_with_their_packets(sent: list[Any]) -> None:
    tell_ended(emitted.emit, "main", replace(DONE, handed_back=tuple(map(_returned, range(120)))))
    more = sent[0][1]
    assert [name for name, _ in sent] == ["recyclekit.deals.handed-back", "recyclekit.run.applied"]
    payload = more["payload"]
    assert (payload["run"], payload["deals"], payload["reopened"], payload["contact"]) == ("r1", 120, 1, 119)
    assert (len(payload["ids"]), payload["ids"][:2], payload["more"]) == (100, ["D0", "D1"], 20)
    assert payload["handed_back"][1] == {
        "deal": "D1", "cycle": 1, "track": "stalled", "reason": None, "steps": ["call"], "signal": "contact",
        "source": "email", "contact_on": "2026-11-25",
    }  # fmt: skip


def test_a_run_that_is_cut_short_tells_what_it_handed_back_and_an_undo_tells_nothing_of_it(sent: list[Any]) -> None:
    tell_ended(emitted.emit, "main", replace(CUT, handed_back=(_returned(1),)))
    assert [name for name, _ in sent] == ["recyclekit.deals.handed-back", "recyclekit.run.partially-failed"]
    sent.clear()
    tell_ended(emitted.emit, "main", replace(BACK, handed_back=(_returned(1),)))
    assert [name for name, _ in sent] == ["recyclekit.run.undone"]


@pytest.mark.parametrize("stop", [GuardError("stopped"), QuotaError("spent")], ids=["guard", "quota"])
def test_what_stops_a_run_is_told_and_goes_on(stop: RecyclekitError, sent: list[Any]) -> None:
    with pytest.raises(type(stop)), telling(emitted.emit, "r1", "main", ("too many",)):
        raise stop
    assert [name.split(".")[1] for name, _ in sent] == ["guard" if isinstance(stop, GuardError) else "quota"]


def test_stages_are_not_for_automations(sent: list[Any]) -> None:
    emitted.emit(StageStarted(run="r1", stage="extract"))
    emitted.emit(StageEnded(run="r1", stage="extract", seconds=1.0))
    assert sent == []

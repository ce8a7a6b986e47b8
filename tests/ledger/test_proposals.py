"""Proposals: a plan waits whole in the ledger, one word decides on it, and what was approved is what is written."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from sqlalchemy import text

from recyclekit import clock
from recyclekit.errors import DecidedError, ExitCode, LedgerError, RecyclekitError, StalePlanError, UnknownRunError
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.memory import ENDED_CYCLES
from recyclekit.models.plan import Manifest, Plan, PolicyStamp
from recyclekit.models.proposal import Cause, Door, ProposalState, Verdict
from recyclekit.models.run import RunState
from recyclekit.models.snapshot import dead_letters
from tests.ledger.deeds import TODAY, a_plan, a_run, receipts, task
from tests.reports.plans import hand_backs

WEEK = timedelta(days=7)
YES = Verdict(approve=True, door=Door.SHELL)
NO = Verdict(approve=False, door=Door.SHELL)
LETTER = {
    "stage": "normalize",
    "table": "deals",
    "record_id": "D9",
    "line": 3,
    "code": "bad_date",
    "reason": "'Ms Ito'",
}


def a_whole_plan(run: str = "r1", *deals: str, pipeline: str = "main") -> Plan:
    manifest = Manifest(
        run=run, pipeline=pipeline, as_of=TODAY, made_at=datetime.now(UTC), policy=a_run().policy or PolicyStamp(
            name="p", version="1", hash="0"), deals=9, dead_letters=1, by_status={}, by_reason={}, by_verdict={},
        by_rule={}, by_track={}, by_bucket={}, actions={}, calls=1, sums_close=True, guards=["too many"],
    )  # fmt: skip
    return Plan(
        manifest=manifest,
        actions=a_plan(*(task(deal, pipeline=pipeline) for deal in deals or ("D1", "D2"))),
        decisions=pl.DataFrame({"anything": [1]}),
        dead_letters=dead_letters([LETTER]),
        ended_cycles=pl.DataFrame(
            [{"deal_id": "D7", "cycle": 1, "ended_on": TODAY, "ended_why": "track_done"}], schema=ENDED_CYCLES
        ),
    )


def test_a_plan_comes_back_exactly_as_it_was_proposed_but_for_what_shows_values(ledger: SqlLedger) -> None:
    plan = replace(a_whole_plan(), handed_back=hand_backs({"deal_id": "D7"}))
    ledger.propose(plan, Cause.APPROVAL, WEEK, "f-1")
    back = ledger.proposed("r1")
    assert back.handed_back.equals(plan.handed_back)
    assert back.handed_back.schema == plan.handed_back.schema
    assert back.manifest == plan.manifest
    assert back.actions.equals(plan.actions)
    assert back.actions.schema == plan.actions.schema
    assert back.ended_cycles.equals(plan.ended_cycles)
    assert back.dead_letters.drop("reason").equals(plan.dead_letters.drop("reason"))
    assert "Ito" not in str(back.dead_letters.to_dicts())


def test_a_proposal_is_found_by_its_run_by_the_runs_beginning_and_by_its_flow_run(ledger: SqlLedger) -> None:
    ledger.propose(a_whole_plan("r2-abcd"), Cause.GUARD, WEEK, "f-1")
    for wanted in ("r2-abcd", "r2-", "f-1", "f-"):
        found = ledger.proposal(wanted)
        assert found is not None
        assert (found.run, found.flow_run, found.cause) == ("r2-abcd", "f-1", Cause.GUARD)
    assert ledger.proposal("g") is None
    assert ledger.proposal("") is None


def test_proposing_the_same_plan_again_changes_nothing(ledger: SqlLedger) -> None:
    plan = a_whole_plan()
    first, _ = ledger.propose(plan, Cause.APPROVAL, WEEK)
    ledger.decide("r1", YES)
    again, replaced = ledger.propose(plan, Cause.APPROVAL, WEEK)
    assert (again.sha256, again.state, list(replaced)) == (first.sha256, ProposalState.APPROVED, [])


def test_a_newer_plan_takes_the_place_of_one_that_waits_in_its_pipeline_only(ledger: SqlLedger) -> None:
    ledger.propose(a_whole_plan("r1"), Cause.APPROVAL, WEEK, "f-1")
    ledger.propose(a_whole_plan("o1", pipeline="other"), Cause.APPROVAL, WEEK)
    _, replaced = ledger.propose(a_whole_plan("r2"), Cause.APPROVAL, WEEK)
    assert [one.flow_run for one in replaced] == ["f-1"]
    assert {one.run: str(one.state) for one in ledger.proposals()} == {
        "r1": "superseded", "r2": "waiting", "o1": "waiting"
    }  # fmt: skip
    with pytest.raises(StalePlanError, match="newer"):
        ledger.decide("r1", YES)
    with pytest.raises(StalePlanError, match="no longer kept"):
        ledger.proposed("r1")


def test_an_approved_plan_that_nobody_began_to_write_is_replaced_too_but_not_one_that_is_being_written(
    ledger: SqlLedger,
) -> None:
    ledger.propose(a_whole_plan("r1"), Cause.APPROVAL, WEEK)
    ledger.decide("r1", YES)
    _, replaced = ledger.propose(a_whole_plan("r2"), Cause.APPROVAL, WEEK)
    assert [one.run for one in replaced] == ["r1"]
    ledger.decide("r2", YES)
    ledger.begin(ledger.acquire("main", "r2"), a_run("r2"), a_whole_plan("r2").actions, dead_letters())
    _, replaced = ledger.propose(a_whole_plan("r3"), Cause.APPROVAL, WEEK)
    assert list(replaced) == []


def test_the_first_word_counts_and_the_same_word_again_is_no_error(ledger: SqlLedger) -> None:
    ledger.propose(a_whole_plan(), Cause.APPROVAL, WEEK)
    limited = Verdict(approve=True, door=Door.PREFECT, limit=5, without=("b", "a"))
    assert ledger.decide("r1", limited).state is ProposalState.APPROVED
    again = ledger.decide("r1", Verdict(approve=True, door=Door.SHELL, limit=5, without=("a", "b")))
    assert again.verdict is not None
    assert again.verdict.door is Door.PREFECT
    for other in (YES, NO):
        with pytest.raises(DecidedError, match=r"approved \(at most 5 deals, without a, b\) before, from Prefect") as e:
            ledger.decide("r1", other)
        assert e.value.exit_code is ExitCode.GUARD


def test_a_rejected_plan_is_no_longer_kept_and_cannot_be_approved(ledger: SqlLedger) -> None:
    ledger.propose(a_whole_plan(), Cause.APPROVAL, WEEK)
    assert ledger.decide("r1", NO).state is ProposalState.REJECTED
    assert ledger.decide("r1", NO).state is ProposalState.REJECTED
    with pytest.raises(DecidedError, match="rejected before"):
        ledger.decide("r1", YES)
    with pytest.raises(StalePlanError):
        ledger.proposed("r1")
    found = ledger.proposal("r1")
    assert found is not None
    assert found.verdict == NO
    assert found.decided_at is not None


def test_a_plan_that_waited_too_long_has_expired(ledger: SqlLedger) -> None:
    ledger.propose(a_whole_plan(), Cause.APPROVAL, timedelta(0))
    found = ledger.proposal("r1")
    assert found is not None
    assert found.state is ProposalState.EXPIRED
    with pytest.raises(StalePlanError, match="waited too long"):
        ledger.decide("r1", YES)
    with pytest.raises(UnknownRunError):
        ledger.decide("r9", YES)


def test_of_many_who_decide_at_once_one_is_first(ledger: SqlLedger) -> None:
    ledger.propose(a_whole_plan(), Cause.APPROVAL, WEEK)
    together = threading.Barrier(6)

    def say(limit: int) -> int | None:
        together.wait(30)
        try:
            return ledger.decide("r1", Verdict(approve=True, door=Door.SHELL, limit=limit)).verdict.limit  # type: ignore[union-attr]  # decided
        except RecyclekitError:
            return None

    with ThreadPoolExecutor(6) as threads:
        said = list(threads.map(say, range(1, 7)))
    found = ledger.proposal("r1")
    assert found is not None
    assert found.verdict is not None
    assert [limit for limit in said if limit is not None] == [found.verdict.limit]


@pytest.mark.parametrize(("ending", "state"), [(RunState.SUCCESS, "applied"), (RunState.ABORTED, "approved")])
def test_a_proposal_is_applied_once_its_run_has_ended_well(ledger: SqlLedger, ending: RunState, state: str) -> None:
    plan = a_whole_plan()
    ledger.propose(plan, Cause.APPROVAL, WEEK)
    ledger.decide("r1", YES)
    lease = ledger.acquire("main", "r1")
    ledger.begin(lease, a_run(), plan.actions, plan.dead_letters)
    keys = plan.actions["key"].to_list()
    ledger.mark_sent(lease, "r1", keys)
    ledger.settle(lease, "r1", receipts(keys))
    ledger.end(lease, "r1", ending)
    found = ledger.proposal("r1")
    assert found is not None
    assert str(found.state) == state


def test_a_plan_that_was_tampered_with_is_refused(ledger: SqlLedger) -> None:
    ledger.propose(a_whole_plan(), Cause.APPROVAL, WEEK)
    change = "UPDATE proposals SET manifest = replace(manifest, 'too many', 'just fine')"
    ledger.store.write("tamper", lambda connection: connection.execute(text(change)))
    with pytest.raises(LedgerError, match="not what was proposed"):
        ledger.proposed("r1")


def test_looking_at_proposals_makes_no_ledger(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert ledger.proposals() == []
    assert ledger.proposal("r1") is None

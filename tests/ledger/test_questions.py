"""Questions about runs have exact answers, however many runs came after. On both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from recyclekit.errors import UnknownRunError
from recyclekit.ledger.schema import runs
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.run import RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from tests.ledger.deeds import a_plan, a_run, all_pending, receipts, task

LATER = 3_000


@pytest.fixture
def aged(ledger: SqlLedger) -> SqlLedger:
    """A run left behind, one taken back, one refused in part and one that went well; then years of good runs."""
    lease = ledger.acquire("main", "r1")
    ledger.begin(lease, replace(a_run("left"), flow_run="flow-1"), a_plan(task("D1")), dead_letters())
    ledger.begin(lease, replace(a_run("undone"), flow_run="flow-2"), a_plan(task("D2")), dead_letters())
    ledger.begin(lease, replace(a_run("undone-u"), kind=RunKind.UNDO, of_run="undone"), a_plan(), dead_letters())
    ledger.end(lease, "undone-u", RunState.SUCCESS)
    ledger.begin(lease, a_run("other"), a_plan(task("D3", pipeline="other")), dead_letters())
    ledger.begin(lease, replace(a_run("good"), flow_run="flow-1"), a_plan(task("D4")), dead_letters())
    keys = all_pending(ledger, "good")
    ledger.mark_sent(lease, "good", keys)
    ledger.settle(lease, "good", receipts(keys))
    ledger.end(lease, "good", RunState.SUCCESS)
    years = [
        {"run": f"later-{n}", "pipeline": "main", "kind": RunKind.APPLY, "state": RunState.SUCCESS, "planned": 1,
         "started_at": datetime(2026, 1, 1, tzinfo=UTC), "plan_sha256": "", "counts": '{"done": 1}'}
        for n in range(LATER)
    ]  # fmt: skip
    ledger.store.write("years", lambda connection: connection.execute(insert(runs), years).rowcount)
    return ledger


def test_what_was_left_behind_is_found_behind_any_number_of_later_runs(aged: SqlLedger) -> None:
    assert [run.run for run in aged.unfinished("main")] == ["other", "left"]
    assert [run.run for run in aged.unfinished("nowhere")] == []


def test_an_undo_is_found_by_the_run_that_it_took_back(aged: SqlLedger) -> None:
    assert [run.run for run in aged.undos("undone")] == ["undone-u"]
    assert list(aged.undos("left")) == []
    assert list(aged.undos("undo")) == [], "the whole id"


def test_what_a_flow_run_began_is_its_newest_run_that_stands(aged: SqlLedger) -> None:
    found = aged.begun_by("main", "flow-1")
    assert found is not None
    assert found.run == "good"
    assert aged.begun_by("main", "flow-2") is None, "it was taken back"
    assert aged.begun_by("main", "flow-") is None
    assert aged.begun_by("nowhere", "flow-1") is None


def test_a_run_is_known_by_its_whole_id_alone(aged: SqlLedger) -> None:
    found = aged.known("left")
    assert found is not None
    assert found.counts == {"planned": 1}
    assert aged.known("lef") is None


def test_of_several_that_begin_alike_the_only_one_of_a_kind_is_meant(aged: SqlLedger) -> None:
    assert aged.run("undo", RunKind.APPLY).run == "undone"
    assert aged.run("undone-", RunKind.APPLY).run == "undone-u", "one alone is meant, whatever it is"
    with pytest.raises(UnknownRunError, match="may mean 2"):
        aged.run("undo")
    with pytest.raises(UnknownRunError, match="may mean 500"):
        aged.run("later-", RunKind.APPLY)


def test_a_ledger_that_is_not_there_has_no_answers(ledger: SqlLedger) -> None:
    assert ledger.known("r1") is None
    assert list(ledger.undos("r1")) == []
    assert list(ledger.unfinished("main")) == []
    assert ledger.begun_by("main", "flow-1") is None

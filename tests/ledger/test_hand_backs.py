"""Hand-backs in the ledger: true once every write of them is proven, told once, taken back by an undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from recyclekit.errors import StalePlanError
from recyclekit.ledger.house import House
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.hand_back import HANDED_BACK
from recyclekit.models.inverse import inverse
from recyclekit.models.run import ReceiptState, RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from recyclekit.models.tombstone import Erasable
from tests.ledger.deeds import DONE, FAILED, SKIPPED, a_plan, a_run, fields, receipts, task

DAY = date(2026, 2, 1)


def hand_back(deal: str, **given: Any) -> dict[str, object]:
    return {
        "deal_id": deal, "cycle": 1, "track": "timing", "reason": "timing", "opened_on": date(2026, 1, 1),
        "steps": ["first"], "signal": "reopened", "source": "crm_state", "contact_on": None, "ended_on": DAY,
        "ended_why": "revived", **given,
    }  # fmt: skip


def leaves(deal: str) -> list[dict[str, object]]:
    removed = {**task(deal), "key": f"main:{deal}:1:first:remove:r2", "kind": "remove_task", "change": "-"}
    return [removed, fields(deal, "r2", change="-")]


def opened(ledger: SqlLedger, *deals: str) -> None:
    """Let a first run open a cycle of each deal."""
    lease = ledger.acquire("main", "r1")
    ledger.begin(lease, a_run(), a_plan(*map(task, deals)), dead_letters())
    _send(ledger, lease, "r1", [f"main:{deal}:1:first" for deal in deals])
    assert ledger.end(lease, "r1", RunState.SUCCESS) == []
    ledger.release(lease)


def returning(ledger: SqlLedger, *rows: dict[str, object], back: Sequence[dict[str, object]]) -> Lease:
    lease = ledger.acquire("main", "r2")
    handed_back = pl.DataFrame(list(back), schema=HANDED_BACK, orient="row")
    ledger.begin(lease, a_run("r2", as_of=DAY), a_plan(*rows), dead_letters(), handed_back)
    return lease


def _send(
    ledger: SqlLedger, lease: Lease, run: str, keys: Sequence[str], state: ReceiptState = ReceiptState.DONE
) -> None:
    ledger.mark_sent(lease, run, keys)
    ledger.settle(lease, run, receipts(keys, state))


def cycles(ledger: SqlLedger) -> list[tuple[Any, ...]]:
    return ledger.memory("main").cycles.select("deal_id", "ended_on", "ended_why").rows()


def test_a_deal_is_handed_back_once_all_its_writes_are_proven_and_told_once(ledger: SqlLedger) -> None:
    opened(ledger, "D1", "D2")
    lease = returning(ledger, *leaves("D1"), *leaves("D2"), back=[hand_back("D1"), hand_back("D2")])
    _send(ledger, lease, "r2", ["main:D1:1:first:remove:r2", "main:D1:1:fields:r2", "main:D2:1:fields:r2"])
    assert [one.deal_id for one in ledger.end(lease, "r2", RunState.ABORTED)] == ["D1"]
    assert ledger.end(lease, "r2", RunState.ABORTED) == []
    _send(ledger, lease, "r2", ["main:D2:1:first:remove:r2"], FAILED)
    assert ledger.end(lease, "r2", RunState.PARTIAL) == []
    ledger.reopen(lease, "r2")
    _send(ledger, lease, "r2", ["main:D2:1:first:remove:r2"])
    assert [one.deal_id for one in ledger.end(lease, "r2", RunState.SUCCESS)] == ["D2"]
    known = ledger.hand_backs("r2")
    assert [(one.deal_id, one.steps, one.handed_at is not None) for one in known] == [
        ("D1", ("first",), True),
        ("D2", ("first",), True),
    ]
    assert cycles(ledger) == [("D1", DAY, "revived"), ("D2", DAY, "revived")]
    assert [one.run for one in ledger.hand_backs_of("main", "D1")] == ["r2"]


@pytest.mark.parametrize("state", [SKIPPED, FAILED])
def test_a_deal_whose_fields_were_not_cleared_is_not_handed_back(ledger: SqlLedger, state: ReceiptState) -> None:
    opened(ledger, "D1")
    lease = returning(ledger, fields("D1", "r2", change="-"), back=[hand_back("D1")])
    _send(ledger, lease, "r2", ["main:D1:1:fields:r2"], state)
    assert ledger.end(lease, "r2", RunState.PARTIAL) == []
    assert ledger.hand_backs("r2")[0].handed_at is None
    assert cycles(ledger) == [("D1", None, None)]


def test_a_task_that_somebody_else_took_away_hinders_nothing(ledger: SqlLedger) -> None:
    opened(ledger, "D1")
    lease = returning(ledger, *leaves("D1"), back=[hand_back("D1")])
    _send(ledger, lease, "r2", ["main:D1:1:first:remove:r2"], SKIPPED)
    _send(ledger, lease, "r2", ["main:D1:1:fields:r2"])
    assert len(ledger.end(lease, "r2", RunState.PARTIAL)) == 1


def test_after_a_bug_nobody_is_told_until_the_run_is_taken_up(ledger: SqlLedger) -> None:
    opened(ledger, "D1")
    lease = returning(ledger, fields("D1", "r2", change="-"), back=[hand_back("D1")])
    _send(ledger, lease, "r2", ["main:D1:1:fields:r2"])
    assert ledger.end(lease, "r2", RunState.FAILED) == []
    assert len(ledger.end(lease, "r2", RunState.SUCCESS)) == 1


def test_a_track_that_was_carried_through_counts_as_done_though_its_deal_is_handed_back(ledger: SqlLedger) -> None:
    opened(ledger, "D1")
    ended = {"ended_on": date(2026, 1, 20), "ended_why": "track_done"}
    lease = returning(ledger, fields("D1", "r2", change="-"), back=[hand_back("D1", **ended)])
    assert cycles(ledger) == [("D1", None, None)]
    _send(ledger, lease, "r2", ["main:D1:1:fields:r2"])
    assert cycles(ledger) == [("D1", date(2026, 1, 20), "track_done")]


def _undo(ledger: SqlLedger, lease: Lease) -> list[str]:
    undo = replace(a_run("u1"), kind=RunKind.UNDO, of_run="r2", plan_sha256="")
    actions = inverse("u1", ledger.actions("r2", [DONE]))
    ledger.begin(lease, undo, actions, dead_letters())
    keys = actions["key"].to_list()
    ledger.mark_sent(lease, "u1", keys)
    ledger.undo_settle(lease, "u1", receipts(keys))
    return [one.deal_id for one in ledger.end(lease, "u1", RunState.SUCCESS)]


def test_an_undo_lets_the_cycle_run_again_and_says_so(ledger: SqlLedger) -> None:
    opened(ledger, "D1", "D2")
    lease = returning(ledger, fields("D1", "r2", change="-"), back=[hand_back("D1"), hand_back("D2")])
    assert cycles(ledger) == [("D1", None, None), ("D2", DAY, "revived")], "D2 has nothing to be written"
    _send(ledger, lease, "r2", ["main:D1:1:fields:r2"])
    assert [one.deal_id for one in ledger.end(lease, "r2", RunState.SUCCESS)] == ["D1", "D2"]
    assert _undo(ledger, lease) == ["D1", "D2"]
    assert {one.undone_by for one in ledger.hand_backs("r2")} == {"u1"}
    assert cycles(ledger) == [("D1", None, None), ("D2", None, None)]


def test_what_an_undo_leaves_standing_stays_handed_back(ledger: SqlLedger) -> None:
    opened(ledger, "D1")
    lease = returning(ledger, *leaves("D1"), back=[hand_back("D1")])
    _send(ledger, lease, "r2", ["main:D1:1:first:remove:r2", "main:D1:1:fields:r2"])
    ledger.end(lease, "r2", RunState.SUCCESS)
    ledger.begin(lease, replace(a_run("u1"), kind=RunKind.UNDO, of_run="r2", plan_sha256=""), a_plan(), dead_letters())
    assert ledger.end(lease, "u1", RunState.SUCCESS) == []
    assert ledger.hand_backs("r2")[0].undone_by is None
    assert cycles(ledger) == [("D1", DAY, "revived")]


def test_a_forgotten_run_takes_its_hand_backs_along(ledger: SqlLedger) -> None:
    assert isinstance(ledger, House)
    opened(ledger, "D1")
    lease = returning(ledger, fields("D1", "r2", change="-"), back=[hand_back("D1")])
    _send(ledger, lease, "r2", ["main:D1:1:fields:r2"])
    ledger.end(lease, "r2", RunState.SUCCESS)
    ledger.begin(lease, a_run("r3"), a_plan(task("D9")), dead_letters())
    soon = ledger.runs()[0].started_at.replace(year=2100)
    assert ledger.prune(lease, runs_before=soon, dead_letters_before=None, plans_before=None)["runs"] == 2
    assert ledger.hand_backs_of("main", "D1") == []
    assert cycles(ledger) == [("D1", DAY, "revived")]


def test_an_erased_deal_is_handed_back_no_more_and_its_hand_backs_go(ledger: SqlLedger) -> None:
    assert isinstance(ledger, House)
    opened(ledger, "D1", "D2")
    lease = returning(ledger, fields("D1", "r2", change="-"), back=[hand_back("D1"), hand_back("D2")])
    _send(ledger, lease, "r2", ["main:D1:1:fields:r2"])
    ledger.end(lease, "r2", RunState.SUCCESS)
    erase = replace(a_run("e1"), kind=RunKind.ERASE, plan_sha256="")
    ledger.begin_erasing(lease, erase, [(Erasable.DEAL, "D1")])
    assert ledger.erase_rows(lease, "e1")["hand_backs"] == 1
    assert [one.deal_id for one in ledger.hand_backs("r2")] == ["D2"]
    with pytest.raises(StalePlanError):
        returning_again(ledger, lease)


def returning_again(ledger: SqlLedger, lease: Lease) -> None:
    """Begin a run that writes nothing and would hand D1 back."""
    again = pl.DataFrame([hand_back("D1")], schema=HANDED_BACK, orient="row")
    ledger.begin(lease, a_run("r4"), a_plan(), dead_letters(), again)

"""Plans, runs and receipts in few words, for the ledger's tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import polars as pl

from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.plan import ACTIONS, PolicyStamp
from recyclekit.models.run import Receipt, ReceiptState, Run, RunKind, RunState

TODAY = date(2026, 1, 1)
DONE, SKIPPED, FAILED = ReceiptState.DONE, ReceiptState.SKIPPED, ReceiptState.FAILED
PLANNED, SENT, IN_DOUBT = ReceiptState.PLANNED, ReceiptState.SENT, ReceiptState.IN_DOUBT


def a_run(run: str = "r1", pipeline: str = "main", *, plan: str = "p", as_of: date = TODAY) -> Run:
    return Run(
        run=run, pipeline=pipeline, kind=RunKind.APPLY, state=RunState.RUNNING, as_of=as_of,
        policy=PolicyStamp(name="standard", version="1", hash="0" * 16), started_at=datetime(2026, 1, 1, tzinfo=UTC),
        plan_sha256=plan,
    )  # fmt: skip


def task(deal: str, *, cycle: int = 1, step: str = "first", pipeline: str = "main", due_on: str = "2026-01-05") -> dict[str, object]:  # noqa: E501  # fmt: skip
    """Return a row of a plan that makes a task; its key is made as the planner makes it."""
    payload = {"due_on": due_on, "channel": "phone", "owner": "is-1", "reason": "timing", "step": step}
    return {
        "key": f"{pipeline}:{deal}:{cycle}:{step}", "kind": "create_task", "deal_id": deal, "cycle": cycle,
        "step": step, "change": "+", "rule": "lost", "track": "timing", "payload": json.dumps(payload), "before": None,
        "fingerprint": "f",
    }  # fmt: skip


def fields(deal: str, run: str = "r1", *, cycle: int = 1, change: str = "+") -> dict[str, object]:
    """Return a row of a plan that sets our own fields."""
    payload = {"recycle_track": "timing" if change != "-" else None}
    return {
        **task(deal, cycle=cycle), "key": f"main:{deal}:{cycle}:fields:{run}", "kind": "set_fields", "change": change,
        "payload": json.dumps(payload), "before": json.dumps({"recycle_track": None}),
    }  # fmt: skip


def a_plan(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=ACTIONS, orient="row")


def receipts(keys: Iterable[str], state: ReceiptState = DONE) -> list[Receipt]:
    return [Receipt(key=key, state=state, proof="204" if state is DONE else "", remote_id=f"x-{key}") for key in keys]


def states(ledger: SqlLedger, run: str = "r1") -> dict[str, str]:
    """Return state by key."""
    return dict(ledger.actions(run).select("key", "state").iter_rows())


def all_pending(ledger: SqlLedger, run: str = "r1", size: int = 100) -> Sequence[str]:
    return [action.key for batch in ledger.pending(run, size) for action in batch]

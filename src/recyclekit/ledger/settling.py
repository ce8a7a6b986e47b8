"""Receipts: what provably became of an action, with the touch and cycle that a proof makes or an undo takes away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite

from recyclekit.errors import LedgerError
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.remark import remark
from recyclekit.ledger.schema import actions, receipts, runs
from recyclekit.models.run import Receipt, ReceiptState, RunState

_OPEN = {ReceiptState.PLANNED, ReceiptState.SENT, ReceiptState.IN_DOUBT}
_TOLD = ("remote_id", "code", "reason", "field", "correlation")
_SETTLE = (
    update(actions)
    .where(actions.c.id == bindparam("action_id"))
    .values({name: bindparam(f"the_{name}") for name in (*_TOLD, "state", "settled_at")})
)


def upsert(connection: Connection, table: Any) -> Any:
    """Return the dialect's INSERT that can say what to do on a conflict."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def record(
    connection: Connection, lease: Lease, rows: Mapping[str, Row[Any]], told: Sequence[Receipt], now: datetime
) -> list[tuple[Row[Any], Receipt]]:
    """Settle what is open and append the receipts; return the pairs that moved. What is settled stays settled."""
    moved = [(rows[r.key], r) for r in told if rows[r.key].state in _OPEN]
    for row, receipt in moved:
        if receipt.state is ReceiptState.DONE and row.state == ReceiptState.PLANNED:
            raise LedgerError(f"Action {row.key} is reported as done, and nobody meant to send it.")
    if moved:
        connection.execute(_SETTLE, [_settled(row, receipt, now) for row, receipt in moved])
        appended = [_receipt(row, receipt, lease.token, now) for row, receipt in moved]
        connection.execute(upsert(connection, receipts).on_conflict_do_nothing(), appended)
    return moved


def _settled(row: Row[Any], receipt: Receipt, now: datetime) -> dict[str, object]:
    return {
        "action_id": row.id,
        "the_state": receipt.state.value,
        "the_settled_at": now,
        "the_remote_id": receipt.remote_id or row.remote_id,
        "the_code": receipt.code or None,
        "the_reason": remark(receipt.reason),
        "the_field": receipt.field or None,
        "the_correlation": receipt.correlation or None,
    }


def _receipt(row: Row[Any], receipt: Receipt, token: int, now: datetime) -> dict[str, object]:
    return {
        "action_id": row.id,
        "attempt": row.attempts,
        "state": receipt.state.value,
        "at": now,
        "token": token,
        "remote_id": receipt.remote_id,
        "proof": remark(receipt.proof),
        "code": receipt.code or None,
        "reason": remark(receipt.reason),
        "field": receipt.field or None,
        "correlation": receipt.correlation or None,
    }


def reopen_run(connection: Connection, run_no: int) -> None:
    """Say that a run is moving again: its counts are no longer those it ended with."""
    ended = (runs.c.run_no == run_no) & runs.c.counts.is_not(None)
    connection.execute(update(runs).where(ended).values(counts=None, ended_at=None, state=RunState.RUNNING))


def as_date(value: object) -> date | None:
    """Return a payload's ISO date; null where there is none."""
    return date.fromisoformat(value[:10]) if isinstance(value, str) and value else None

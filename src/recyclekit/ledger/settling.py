"""Receipts: what provably became of an action, with the touch and cycle that a proof makes or an undo takes away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, update

from recyclekit.errors import LedgerError
from recyclekit.ledger.parts import Known, give_rows
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.remark import remark
from recyclekit.ledger.schema import moment, runs
from recyclekit.ledger.store import Store
from recyclekit.models.choice import GIVEN_UP
from recyclekit.models.run import Receipt, ReceiptState, RunState

_OPEN = {ReceiptState.PLANNED, ReceiptState.SENT, ReceiptState.IN_DOUBT}
_SETTLE = """UPDATE actions SET state = :state, settled_at = :at, remote_id = coalesce(:remote_id, remote_id),
    code = :code, reason = :reason, field = :field, correlation = :correlation WHERE id = :action_id"""
_APPEND = """INSERT INTO receipts
    (action_id, attempt, state, at, token, remote_id, proof, code, reason, field, correlation)
    VALUES (:action_id, :attempt, :state, :at, :token, :remote_id, :proof, :code, :reason, :field, :correlation)
    ON CONFLICT DO NOTHING"""


def record(
    store: Store, connection: Connection, lease: Lease, rows: Mapping[str, Known], told: Sequence[Receipt]
) -> list[tuple[Known, Receipt]]:
    """Settle what is open and append the receipts; return the pairs that moved. What is settled stays settled."""
    moved = [(rows[r.key], r) for r in told if rows[r.key].state in _OPEN]
    for row, receipt in moved:
        if receipt.state is ReceiptState.DONE and row.state == ReceiptState.PLANNED:
            raise LedgerError(f"Action {row.key} is reported as done, and nobody meant to send it.")
    give_rows(store, connection, lease.pipeline, [row for row, _ in moved if not row.there])
    now = moment(store.now(connection))
    receipts = [_receipt(row, receipt, lease.token, now) for row, receipt in moved]
    store.each(connection, _SETTLE, receipts)
    store.each(connection, _APPEND, receipts)
    return moved


def _receipt(row: Known, receipt: Receipt, token: int, now: str) -> dict[str, object]:
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


def give_up(store: Store, connection: Connection, lease: Lease, rows: Mapping[str, Known]) -> int:
    """Record as skipped what is not done, refusals included, so that its keys are free again; return how many."""
    left = {
        key: row._replace(state=ReceiptState.PLANNED) if row.state == ReceiptState.FAILED else row
        for key, row in rows.items()
    }
    why = {"code": GIVEN_UP, "reason": "given up: it is not to be sent any more"}
    told = [Receipt(key=key, state=ReceiptState.SKIPPED, **why) for key in left]
    return len(record(store, connection, lease, left, told))


def reopen_run(connection: Connection, run_no: int) -> None:
    """Say that a run is moving again: its counts are no longer those it ended with."""
    ended = (runs.c.run_no == run_no) & runs.c.counts.is_not(None)
    connection.execute(update(runs).where(ended).values(counts=None, ended_at=None, state=RunState.RUNNING))

"""The inverse of what a run wrote, as actions of an undo run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from recyclekit.models.lines import OVERTAKEN
from recyclekit.models.plan import ACTIONS, Action, ActionKind, Change
from recyclekit.models.run import Receipt, ReceiptState

UNDO_KINDS = frozenset({ActionKind.RESTORE_FIELDS, ActionKind.REMOVE_TASK, ActionKind.UNENROL})
"""The kinds that a sink carries out through `Undoes`; conditional on the other side, so repeating one is safe."""

INVERSE = {
    ActionKind.SET_FIELDS: ActionKind.RESTORE_FIELDS,
    ActionKind.CREATE_TASK: ActionKind.REMOVE_TASK,
    ActionKind.ENROL: ActionKind.UNENROL,
}
UNDO_ACTIONS: dict[str, Any] = {**ACTIONS, "remote_id": pl.String}
NOT_UNDOABLE = "not_undoable"
"""Payload entry of an action that has no way back, with the reason: it is listed, never sent."""


def undo_key(undo_run: str, key: str) -> str:
    """Return the key of the action that takes `key` back."""
    return f"undo:{undo_run}:{key}"


def undone_key(undo_run: str, key: str) -> str:
    """Return the key of the action that an undo's action takes back."""
    return key.removeprefix(undo_key(undo_run, ""))


def inverse(undo_run: str, done: pl.DataFrame) -> pl.DataFrame:
    """Return the actions that take these done ones back, last first: columns ACTIONS and remote_id.

    `done` has the columns of `LedgerReader.actions`. restore_fields holds the old values, with `expect` for what must
    still stand there; remove_task and unenrol hold the payload of what they remove and its `key`.
    Of a deal from which the run removed something, nothing is taken back; an overdue task that was overtaken binds not.
    """
    removed = done.filter(pl.col("kind").cast(pl.String).is_in(list(UNDO_KINDS)))
    bound = frozenset(row["deal_id"] for row in removed.iter_rows(named=True) if not _is_overtaken(row))
    rows = [_inverse(undo_run, row, bound) for row in done.reverse().iter_rows(named=True)]
    return pl.DataFrame(rows, schema=UNDO_ACTIONS, orient="row")


def _inverse(undo_run: str, row: Mapping[str, str], bound: frozenset[str]) -> dict[str, object]:
    kind = ActionKind(row["kind"])
    payload = _payload(kind, row, is_bound=row["deal_id"] in bound)
    same = {name: row[name] for name in ("deal_id", "cycle", "step", "rule", "track", "remote_id")}
    return {
        **same,
        "key": undo_key(undo_run, row["key"]),
        "kind": INVERSE.get(kind, kind),
        "change": Change.REMOVE,
        "payload": orjson.dumps(payload).decode(),
        "before": None,
        "fingerprint": None,
    }


def _is_overtaken(row: Mapping[str, str]) -> bool:
    return bool(orjson.loads(row["payload"]).get(OVERTAKEN))


def _payload(kind: ActionKind, row: Mapping[str, str], *, is_bound: bool) -> dict[str, object]:
    written = orjson.loads(row["payload"])
    if kind in UNDO_KINDS and not is_bound:
        return {NOT_UNDOABLE: "the overdue task was removed, which has no way back"}
    if is_bound:
        # Fields that promise a touch whose task is gone would hide the deal from the next plan: all of it stays.
        return {NOT_UNDOABLE: "its open task was removed, which has no way back; the next plan judges the deal anew"}
    if kind is not ActionKind.SET_FIELDS:
        return {**written, "key": row["key"]}
    if row["before"] is None:
        return {NOT_UNDOABLE: "the old values are not known"}
    before = orjson.loads(row["before"])
    return {**{name: before.get(name) for name in written}, "expect": written}


def impossible(actions: Sequence[Action], *, able: bool) -> list[Receipt]:
    """Return a `skipped` receipt, with the reason, for each action that cannot be carried out.

    Args:
        actions: about to be sent.
        able: whether the sink can take writes back at all.
    """
    why = {
        a.key: a.payload.get(NOT_UNDOABLE) or ("" if able else "this system cannot take writes back")
        for a in actions
        if a.kind in UNDO_KINDS or NOT_UNDOABLE in a.payload
    }
    return [
        Receipt(key=key, state=ReceiptState.SKIPPED, code=NOT_UNDOABLE, reason=str(reason))
        for key, reason in why.items()
        if reason
    ]

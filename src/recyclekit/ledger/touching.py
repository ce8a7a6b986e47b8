"""Cycles and touches: opened by the first proof, ended by the next cycle, forgotten by an undo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from recyclekit.ledger.parts import Known, loaded
from recyclekit.ledger.store import Store
from recyclekit.models.plan import ActionKind, Change
from recyclekit.models.run import Run

_MAKES_TOUCH = {ActionKind.CREATE_TASK, ActionKind.ENROL}
_WRITES = {*_MAKES_TOUCH, ActionKind.SET_FIELDS}

_THIS = "pipeline = :pipeline AND deal_id = :deal_id"
_OPEN = """INSERT INTO cycles (pipeline, deal_id, cycle, track, reason, opened_on, opened_by)
    VALUES (:pipeline, :deal_id, :cycle, :track, :reason, :on, :run) ON CONFLICT DO NOTHING"""
_TOUCH = """INSERT INTO touches (pipeline, deal_id, cycle, key, step, due_on, channel, owner, made_on)
    VALUES (:pipeline, :deal_id, :cycle, :key, :step, :due_on, :channel, :owner, :on) ON CONFLICT DO NOTHING"""
_END = f"""UPDATE cycles SET ended_on = :on, ended_why = :why, ended_by = :run
    WHERE {_THIS} AND cycle = :cycle AND ended_on IS NULL"""
_END_EARLIER = f"""UPDATE cycles SET ended_on = :on, ended_why = 'changed', ended_by = :run
    WHERE {_THIS} AND cycle < :cycle AND ended_on IS NULL"""
_FORGET_TOUCH = f"DELETE FROM touches WHERE {_THIS} AND cycle = :cycle AND key = :key"
_FORGET_CYCLE = f"""DELETE FROM cycles WHERE {_THIS} AND cycle = :cycle AND NOT EXISTS (SELECT 1 FROM touches
    WHERE touches.pipeline = cycles.pipeline AND touches.deal_id = cycles.deal_id AND touches.cycle = cycles.cycle)"""
_UNPACK = "DELETE FROM packed WHERE pipeline = :pipeline"
END_NOT = f"UPDATE cycles SET ended_on = NULL, ended_why = NULL, ended_by = NULL WHERE {_THIS} AND ended_by = :run"


def remember(
    store: Store, connection: Connection, run: Run, done: Iterable[Known], ends: Mapping[tuple[str, int], Any]
) -> None:
    """Record what done actions opened, touched and ended; `ends` has when and why, by deal and cycle, if not today."""
    rows = [row for row in done if row.kind in _WRITES and row.cycle is not None]
    on = run.as_of or run.started_at.date()
    going = [_told(row, run, on.isoformat()) for row in rows if row.change != Change.REMOVE]
    # A to-do that only asks for what is missing has no track: what opens a cycle must say which lane it runs in.
    opened = list({(one["deal_id"], one["cycle"]): one for one in reversed(going) if one["track"]}.values())
    store.each(connection, _OPEN, opened)
    store.each(connection, _END_EARLIER, [one for one in opened if one["cycle"] != 1])
    store.each(connection, _TOUCH, [one for one in going if one["kind"] in _MAKES_TOUCH])
    if rows:
        store.each(connection, _UNPACK, [{"pipeline": run.pipeline}])
    left = [row for row in rows if row.change == Change.REMOVE and row.kind == ActionKind.SET_FIELDS]
    pairs = [(row.deal_id, row.cycle or 0) for row in left]
    end(store, connection, run.pipeline, run.run, [(*pair, *ends.get(pair, (on, "revived"))) for pair in pairs])


def end(
    store: Store, connection: Connection, pipeline: str, run: str, ended: Sequence[tuple[str, int, date, str]]
) -> None:
    """Record that cycles ended; one that has ended keeps its first end."""
    same = {"pipeline": pipeline, "run": run}
    rows = [{**same, "deal_id": deal, "cycle": n, "on": on.isoformat(), "why": why} for deal, n, on, why in ended]
    store.each(connection, _END, rows)
    if rows:
        store.each(connection, _UNPACK, [{"pipeline": pipeline}])


def forget(store: Store, connection: Connection, undo: Run, undone: Sequence[Known]) -> None:
    """Forget the touches of undone actions, the cycles that are left without any, and the ends that their run made."""
    same = {"pipeline": undo.pipeline, "run": undo.of_run}
    rows = [{**same, "deal_id": row.deal_id, "cycle": row.cycle, "key": row.key} for row in undone]
    store.each(connection, _FORGET_TOUCH, rows)
    store.each(connection, _UNPACK, [{"pipeline": undo.pipeline}])
    opening = [one for one, row in zip(rows, undone, strict=True) if row.change != Change.REMOVE]
    store.each(connection, _FORGET_CYCLE, opening)
    store.each(connection, END_NOT, rows)


def _told(row: Known, run: Run, on: str) -> dict[str, Any]:
    return {
        "pipeline": run.pipeline,
        "run": run.run,
        "on": on,
        "kind": row.kind,
        "key": row.key,
        "deal_id": row.deal_id,
        "cycle": row.cycle,
        "step": row.step,
        "track": row.track,
        **_said(row.payload),
    }


@lru_cache(maxsize=10_000)
def _said(payload: str) -> Mapping[str, Any]:
    """Return what a touch and its cycle take from a payload."""
    found = loaded(payload)
    return {
        "reason": found.get("reason", found.get("recycle_reason")),
        "due_on": _as_date(found.get("due_on", found.get("from_on"))),
        "channel": found.get("channel"),
        "owner": found.get("owner"),
    }


def _as_date(value: object) -> str | None:
    return date.fromisoformat(value[:10]).isoformat() if isinstance(value, str) and value else None

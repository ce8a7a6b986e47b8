"""Cycles and touches: opened by the first proof, ended by the next cycle, forgotten by an undo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, exists, select, update

from recyclekit.ledger.schema import cycles, touches
from recyclekit.ledger.settling import as_date, upsert
from recyclekit.models.plan import ActionKind, Change

_MAKES_TOUCH = {ActionKind.CREATE_TASK, ActionKind.ENROL}
_WRITES = {*_MAKES_TOUCH, ActionKind.SET_FIELDS}
_C, _T = cycles.c, touches.c
_THIS = (_C.pipeline == bindparam("p")) & (_C.deal_id == bindparam("d"))
_THIS_TOUCH = (
    (_T.pipeline == bindparam("p"))
    & (_T.deal_id == bindparam("d"))
    & (_T.cycle == bindparam("n"))
    & (_T.key == bindparam("k"))
)
_ANY_TOUCH = exists(
    select(_T.key).where((_T.pipeline == _C.pipeline) & (_T.deal_id == _C.deal_id) & (_T.cycle == _C.cycle))
)
_END_EARLIER = (
    update(cycles)
    .where(_THIS & (_C.cycle < bindparam("n")) & _C.ended_on.is_(None))
    .values(ended_on=bindparam("on"), ended_why="changed", ended_by=bindparam("by"))
)
_END = (
    update(cycles)
    .where(_THIS & (_C.cycle == bindparam("n")) & _C.ended_on.is_(None))
    .values(ended_on=bindparam("on"), ended_why=bindparam("why"), ended_by=bindparam("by"))
)


def remember(connection: Connection, pipeline: str, run: str, on: date, done: Iterable[Row[Any]]) -> None:
    """Record what done actions opened, touched and ended."""
    rows = [row for row in done if row.kind in _WRITES and row.cycle is not None]
    going = [row for row in rows if row.change != Change.REMOVE]
    _open(connection, pipeline, run, on, going)
    made = [_touch(pipeline, on, row) for row in going if row.kind in _MAKES_TOUCH]
    if made:
        connection.execute(upsert(connection, touches).on_conflict_do_nothing(), made)
    left = [row for row in rows if row.change == Change.REMOVE and row.kind == ActionKind.SET_FIELDS]
    end(connection, pipeline, run, [(row.deal_id, row.cycle, on, "revived") for row in left])


def end(connection: Connection, pipeline: str, run: str, ended: Sequence[tuple[str, int, date, str]]) -> None:
    """Record that cycles ended; one that has ended keeps its first end."""
    values = [{"p": pipeline, "d": deal, "n": n, "on": on, "why": why, "by": run} for deal, n, on, why in ended]
    if values:
        connection.execute(_END, values)


def forget(connection: Connection, pipeline: str, run: str, undone: Sequence[Row[Any]]) -> None:
    """Forget the touches of undone actions, the cycles that are left without any, and the ends that their run made."""
    if not undone:
        return
    keys = [{"p": pipeline, "k": row.key, "d": row.deal_id, "n": row.cycle} for row in undone]
    connection.execute(delete(touches).where(_THIS_TOUCH), keys)
    opened = [one for one, row in zip(keys, undone, strict=True) if row.change != Change.REMOVE]
    if opened:
        connection.execute(delete(cycles).where(_THIS & (_C.cycle == bindparam("n")) & ~_ANY_TOUCH), opened)
    deals = [{"p": pipeline, "d": deal, "r": run} for deal in dict.fromkeys(row.deal_id for row in undone)]
    again = {"ended_on": None, "ended_why": None, "ended_by": None}
    connection.execute(update(cycles).where(_THIS & (_C.ended_by == bindparam("r"))).values(again), deals)


def _open(connection: Connection, pipeline: str, run: str, on: date, rows: Sequence[Row[Any]]) -> None:
    # A to-do that only asks for what is missing has no track: what opens a cycle must say which lane it runs in.
    opened = {(row.deal_id, row.cycle): _cycle(pipeline, run, on, row) for row in rows if row.track}
    if not opened:
        return
    connection.execute(upsert(connection, cycles).on_conflict_do_nothing(), list(opened.values()))
    connection.execute(_END_EARLIER, [{"p": pipeline, "d": d, "n": n, "on": on, "by": run} for d, n in opened])


def _cycle(pipeline: str, run: str, on: date, row: Row[Any]) -> dict[str, object]:
    payload = orjson.loads(row.payload)
    return {
        "pipeline": pipeline,
        "deal_id": row.deal_id,
        "cycle": row.cycle,
        "track": row.track,
        "reason": payload.get("reason", payload.get("recycle_reason")),
        "opened_on": on,
        "opened_by": run,
    }


def _touch(pipeline: str, on: date, row: Row[Any]) -> dict[str, object]:
    payload = orjson.loads(row.payload)
    return {
        "pipeline": pipeline,
        "deal_id": row.deal_id,
        "cycle": row.cycle,
        "key": row.key,
        "step": row.step,
        "due_on": as_date(payload.get("due_on", payload.get("from_on"))),
        "channel": payload.get("channel"),
        "owner": payload.get("owner"),
        "made_on": on,
    }

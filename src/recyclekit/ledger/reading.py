"""What the ledger is asked: memory, runs, a run's actions and dead letters."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import orjson
import polars as pl
from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, insert, select, text

from recyclekit.errors import LedgerError, UnknownRunError
from recyclekit.ledger import parts, remembered
from recyclekit.ledger.intents import span
from recyclekit.ledger.schema import actions, packed, runs, touches
from recyclekit.ledger.store import Store
from recyclekit.models.memory import Memory
from recyclekit.models.plan import ACTIONS, PolicyStamp
from recyclekit.models.run import ReceiptState, Run, RunKind, RunState
from recyclekit.models.snapshot import DEAD_LETTERS

_ACTIONS: dict[str, Any] = ACTIONS
FOUND_ACTIONS = pl.Schema({
    **_ACTIONS, "state": pl.String, "attempts": pl.Int16, "remote_id": pl.String, "code": pl.String,
    "reason": pl.String, "field": pl.String, "correlation": pl.String, "undone_by": pl.String,
})  # fmt: skip
_NEAREST = 500


def memory(store: Store, connection: Connection, pipeline: str, as_of: date | None) -> Memory:
    """Return cycles, touches and deals in doubt as they were known at the end of `as_of`."""
    return remembered.recall(
        partial(store.fetch, connection), lambda query, of: connection.execute(text(query), of).first(), pipeline, as_of
    )


def pack(store: Store, connection: Connection, pipeline: str) -> None:
    """Leave cycles and touches packed for the next plan, where there are so many that it pays."""
    count = select(func.count()).select_from(touches).where(touches.c.pipeline == pipeline)
    if connection.execute(count).scalar_one() < remembered.PACKED_FROM:
        return
    both = map(remembered.pack, remembered.read(partial(store.fetch, connection), pipeline))
    row = dict(zip(("pipeline", "cycles", "touches"), (pipeline, *both), strict=True))
    connection.execute(delete(packed).where(packed.c.pipeline == pipeline))
    connection.execute(insert(packed).values(row))


def newest(connection: Connection, pipeline: str | None, limit: int) -> Sequence[Run]:
    """Return runs, newest first."""
    query = select(runs).order_by(runs.c.run_no.desc()).limit(limit)
    if pipeline is not None:
        query = query.where(runs.c.pipeline == pipeline)
    return [_run(connection, row) for row in connection.execute(query).all()]


def known(connection: Connection, run: str) -> Run | None:
    """Return the run with exactly this id."""
    return next(iter(_those(connection, runs.c.run == run)), None)


def undos(connection: Connection, run: str) -> Sequence[Run]:
    """Return the runs that took this one back, newest first."""
    return _those(connection, runs.c.of_run == run)


def unfinished(connection: Connection, pipeline: str) -> Sequence[Run]:
    """Return the runs that did not end in success and were not taken back, newest first."""
    return _those(connection, (runs.c.pipeline == pipeline) & (runs.c.state != RunState.SUCCESS) & _STANDING)


def begun_by(connection: Connection, pipeline: str, flow_run: str) -> Run | None:
    """Return the newest run that a flow run began and that was not taken back."""
    ours = (runs.c.pipeline == pipeline) & (runs.c.flow_run == flow_run) & _STANDING
    return next(iter(_those(connection, ours)), None)


_undos = runs.alias("undos")
_STANDING = ~exists().where(_undos.c.of_run == runs.c.run)


def _those(connection: Connection, which: ColumnElement[bool]) -> Sequence[Run]:
    query = select(runs).where(which).order_by(runs.c.run_no.desc())
    return [_run(connection, row) for row in connection.execute(query).all()]


def one(connection: Connection, wanted: str, kind: RunKind | None = None) -> Run:
    """Return the run with this id, with an id that alone begins so, or the one that such a flow run carried out.

    Of several, the only one of a kind is meant, where one is given.
    """
    named = runs.c.run.startswith(wanted, autoescape=True) | runs.c.flow_run.startswith(wanted, autoescape=True)
    rows = connection.execute(select(runs).where(named).limit(_NEAREST)).all() if wanted else []
    exact = [row for row in rows if wanted in {row.run, row.flow_run}] or rows
    meant = [row for row in exact if row.kind == kind] if len(exact) > 1 else exact
    if len(meant) == 1:
        return _run(connection, meant[0])
    raise _unknown(connection, wanted, [row.run for row in exact])


def head(connection: Connection, run_no: int) -> Run:
    """Return a run without counting its actions."""
    return _run(connection, connection.execute(select(runs).where(runs.c.run_no == run_no)).one(), {})


def _unknown(connection: Connection, wanted: str, several: Sequence[str]) -> LedgerError:
    if several:
        return UnknownRunError(
            f"{wanted!r} may mean {len(several)} runs.",
            why=f"Among them {', '.join(several[:5])}.",
            fix="Name more of it.",
        )
    known = connection.execute(select(runs.c.run).order_by(runs.c.run_no.desc()).limit(_NEAREST)).scalars().all()
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.0) or known[:3]
    fix = f"Nearest: {', '.join(near)}." if near else "Nothing has been applied yet."
    return UnknownRunError(f"There is no run {wanted!r}.", fix=fix)


def _run(connection: Connection, row: Row[Any], known: Mapping[str, int] | None = None) -> Run:
    if known is None:
        known = counts(connection, row.run_no) if row.counts is None else orjson.loads(row.counts)
    stamp = (
        PolicyStamp(name=row.policy_name, version=row.policy_version, hash=row.policy_hash) if row.policy_name else None
    )
    return Run(
        run=row.run,
        pipeline=row.pipeline,
        kind=RunKind(row.kind),
        state=RunState(row.state),
        as_of=row.as_of,
        policy=stamp,
        started_at=row.started_at,
        ended_at=row.ended_at,
        of_run=row.of_run,
        plan_sha256=row.plan_sha256,
        counts=known,
        flow_run=row.flow_run,
    )


def counts(connection: Connection, run_no: int) -> Mapping[str, int]:
    """Return how many of a run's actions are in each state."""
    low, high = span(run_no)
    query = select(actions.c.state, func.count()).where(actions.c.id.between(low, high)).group_by(actions.c.state)
    found = {row[0]: row[1] for row in connection.execute(query)}
    planned = connection.execute(select(runs.c.planned).where(runs.c.run_no == run_no)).scalar_one()
    if untouched := planned - sum(found.values()):
        found[ReceiptState.PLANNED.value] = found.get(ReceiptState.PLANNED, 0) + untouched
    return dict(sorted(found.items()))


def actions_of(store: Store, connection: Connection, run_no: int, states: Sequence[ReceiptState]) -> pl.DataFrame:
    """Return a run's actions with what became of them, in the plan's order."""
    low, high = span(run_no)
    only = f" AND state IN ({', '.join(repr(state.value) for state in states)})" if states else ""
    columns = ", ".join(FOUND_ACTIONS)
    query = f"SELECT id, {columns} FROM actions WHERE id BETWEEN :low AND :high{only} ORDER BY id"
    schema = pl.Schema([("id", pl.Int64), *FOUND_ACTIONS.items()])
    found = store.fetch(connection, query, {"low": low, "high": high}, schema)
    if not states or ReceiptState.PLANNED in states:
        fresh = parts.untouched(store, connection, low).with_columns(
            state=pl.lit(ReceiptState.PLANNED.value), attempts=pl.lit(0)
        )
        absent = [pl.lit(None).alias(name) for name in schema if name not in fresh.columns]
        fresh = fresh.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        found = pl.concat([found, fresh]).sort("id")
    return found.drop("id")


def dead_letters(store: Store, connection: Connection, run_no: int) -> pl.DataFrame:
    """Return what a run set aside: records of earlier stages, and the actions that the other side refused."""
    low, high = span(run_no)
    values = {"run_no": run_no, "low": low, "high": high, "failed": ReceiptState.FAILED.value}
    return store.fetch(connection, _LETTERS, values, pl.Schema(DEAD_LETTERS))


_LETTERS = """SELECT stage, table_name, record_id, line, column_name, code, reason FROM (
    SELECT 0 AS late, position, stage, table_name, record_id, line, column_name, code, NULL AS reason
    FROM dead_letters WHERE run_no = :run_no
    UNION ALL
    SELECT 1, id, 'write_back', 'deals', deal_id, NULL, field, code, reason
    FROM actions WHERE id BETWEEN :low AND :high AND state = :failed) AS letters ORDER BY late, position"""

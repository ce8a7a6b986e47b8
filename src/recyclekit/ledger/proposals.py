"""Proposals: plans that wait for a person's word, whole, so that any machine can write exactly what was approved."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import polars as pl
from sqlalchemy import Connection, Row, insert, select, update

from recyclekit.errors import LedgerError, StalePlanError, UnknownRunError
from recyclekit.ledger.remembered import pack, unpacked
from recyclekit.ledger.schema import proposals, runs
from recyclekit.ledger.store import Store
from recyclekit.models.decision import SCHEDULED
from recyclekit.models.hand_back import no_hand_backs
from recyclekit.models.plan import Manifest, Plan
from recyclekit.models.proposal import PLAN_AGAIN, Cause, Door, Proposal, ProposalState, Verdict, repeated

_TABLES = ("actions", "ended_cycles", "dead_letters", "handed_back")
_FEW = 100
_GONE: dict[str, None] = dict.fromkeys(_TABLES)
_HEAD = [column for column in proposals.columns if column.name not in _TABLES]


def propose(
    store: Store, plan: Plan, cause: Cause, waits: timedelta, flow_run: str | None
) -> tuple[Proposal, Sequence[Proposal]]:
    """Keep a plan until somebody decides; return it, and those of its pipeline that it takes the place of."""
    manifest = plan.manifest
    tables = {"actions": pack(plan.actions), "ended_cycles": pack(plan.ended_cycles)}
    tables["dead_letters"] = pack(plan.dead_letters.with_columns(reason=pl.lit("")))  # reasons show values
    if plan.handed_back.height:
        tables["handed_back"] = pack(plan.handed_back)
    text = orjson.dumps(manifest.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()
    c, replaced = proposals.c, list[Row[Any]]()

    def work(connection: Connection) -> tuple[Row[Any], datetime]:
        now = store.now(connection)
        known = _row(connection, manifest.run)
        if known is not None:  # our own, from a commit whose answer was lost
            return known, now
        undone = c.state.in_([ProposalState.WAITING, ProposalState.APPROVED])  # approved, and its process died before
        begun = select(runs.c.run).where(runs.c.run == c.run).exists()
        older = (c.pipeline == manifest.pipeline) & undone & ~begun
        replaced[:] = connection.execute(select(*_HEAD).where(older).with_for_update()).all()
        connection.execute(update(proposals).where(older).values(state=ProposalState.SUPERSEDED, **_GONE))
        row = {
            "run": manifest.run, "pipeline": manifest.pipeline, "state": ProposalState.WAITING, "cause": cause,
            "made_at": manifest.made_at, "expires_at": now + waits, "flow_run": flow_run, "manifest": text,
            "sha256": _seal(text, tables), **tables,
        }  # fmt: skip
        connection.execute(insert(proposals).values(row))
        return connection.execute(select(*_HEAD).where(c.run == manifest.run)).one(), now

    row, now = store.write("propose", work)
    return _proposal(row, now), [_proposal(one, now) for one in replaced]


def found(store: Store, connection: Connection, wanted: str) -> Proposal | None:
    """Return the proposal of the run with this id or with an id that alone begins so, or of such a flow run."""
    if not wanted:
        return None
    c = proposals.c
    named = c.run.startswith(wanted, autoescape=True) | c.flow_run.startswith(wanted, autoescape=True)
    query = select(*_HEAD).where(named).limit(_FEW)
    rows = connection.execute(query).all()
    exact = [row for row in rows if wanted in {row.run, row.flow_run}] or rows
    return _proposal(exact[0], store.now(connection)) if len(exact) == 1 else None


def newest(store: Store, connection: Connection, pipeline: str | None, limit: int | None) -> Sequence[Proposal]:
    """Return proposals, newest first; all where there is no limit."""
    query = select(*_HEAD).order_by(proposals.c.made_at.desc(), proposals.c.run.desc()).limit(limit)
    if pipeline is not None:
        query = query.where(proposals.c.pipeline == pipeline)
    now = store.now(connection)
    return [_proposal(row, now) for row in connection.execute(query).all()]


def content(connection: Connection, run: str) -> Plan:
    """Return the plan of a proposal, exactly as it was proposed; its decisions come back empty.

    Raises:
        StalePlanError: it is no longer kept, since it was decided otherwise; LedgerError: it is not what was proposed.
    """
    row = connection.execute(select(proposals).where(proposals.c.run == run)).one_or_none()
    if row is None or row.actions is None:
        raise StalePlanError(f"The plan of run {run} is no longer kept.", why="It is over.", fix=PLAN_AGAIN)
    tables = {name: bytes(part) for name in _TABLES if (part := getattr(row, name)) is not None}
    if _seal(row.manifest, tables) != row.sha256:
        raise LedgerError(
            f"The plan of run {run} is not what was proposed.",
            why="Its seal does not fit: somebody changed the ledger.",
            fix=PLAN_AGAIN,
        )
    kept = {name: unpacked(packed) for name, packed in tables.items()}
    return Plan(
        manifest=Manifest.model_validate_json(row.manifest), actions=kept["actions"], ended_cycles=kept["ended_cycles"],
        dead_letters=kept["dead_letters"], decisions=pl.DataFrame(schema=SCHEDULED),
        handed_back=kept.get("handed_back", no_hand_backs()),
    )  # fmt: skip


def decide(store: Store, run: str, verdict: Verdict) -> Proposal:
    """Record a person's word on a waiting proposal; the same word again changes nothing."""

    def work(connection: Connection) -> Proposal:
        row, now = _row(connection, run), store.now(connection)
        if row is None:
            raise UnknownRunError(f"No plan of run {run} waits.", fix="`recyclekit runs` lists what waits.")
        known = _proposal(row, now)
        if known.state is not ProposalState.WAITING:
            return repeated(known, verdict)
        state = ProposalState.APPROVED if verdict.approve else ProposalState.REJECTED
        values = {
            "state": state, "decided_at": now, "decided_by": verdict.door, "deal_limit": verdict.limit,
            "without": orjson.dumps(sorted(verdict.without)).decode(), **({} if verdict.approve else _GONE),
        }  # fmt: skip
        connection.execute(update(proposals).where(proposals.c.run == run).values(values))
        return replace(known, state=state, verdict=verdict, decided_at=now)

    return store.write("decide", work)


def applied(connection: Connection, run: str) -> None:
    """Note in the transaction that ends a run that its proposal was written; the run's intents hold its content."""
    ours = (proposals.c.run == run) & (proposals.c.state == ProposalState.APPROVED)
    connection.execute(update(proposals).where(ours).values(state=ProposalState.APPLIED, **_GONE))


def _row(connection: Connection, run: str) -> Row[Any] | None:
    return connection.execute(select(*_HEAD).where(proposals.c.run == run).with_for_update()).one_or_none()


def _proposal(row: Row[Any], now: datetime) -> Proposal:
    state = ProposalState(row.state)
    if state is ProposalState.WAITING and row.expires_at <= now:
        state = ProposalState.EXPIRED
    decided = None
    if row.decided_by is not None:
        without = tuple(orjson.loads(row.without or "[]"))
        approve = state is not ProposalState.REJECTED
        decided = Verdict(approve=approve, door=Door(row.decided_by), limit=row.deal_limit, without=without)
    return Proposal(
        run=row.run,
        pipeline=row.pipeline,
        state=state,
        cause=Cause(row.cause),
        manifest=Manifest.model_validate_json(row.manifest),
        sha256=row.sha256,
        expires_at=row.expires_at,
        flow_run=row.flow_run,
        verdict=decided,
        decided_at=row.decided_at,
    )


def _seal(manifest: str, tables: dict[str, bytes]) -> str:
    digest = hashlib.sha256(manifest.encode())
    for name in _TABLES:
        if name in tables:  # plans of older versions have no hand-backs
            digest.update(hashlib.sha256(tables[name]).digest())
    return digest.hexdigest()

"""Hand-backs: meant when their run begins, true once every write of them is proven, taken back by an undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import orjson
import polars as pl
from sqlalchemy import Connection, Row, select, text

from recyclekit.ledger import parts, touching
from recyclekit.ledger.intents import number, span
from recyclekit.ledger.schema import hand_backs, moment, runs
from recyclekit.ledger.store import Store
from recyclekit.models.hand_back import HandBack
from recyclekit.models.plan import ActionKind
from recyclekit.models.run import ReceiptState, Run

_c = hand_backs.c
_LEFT = f"""SELECT DISTINCT deal_id FROM actions WHERE id BETWEEN :low AND :high
    AND (state NOT IN ('{ReceiptState.DONE}', '{ReceiptState.SKIPPED}')
    OR (kind = '{ActionKind.SET_FIELDS}' AND state <> '{ReceiptState.DONE}'))"""
"""Deals with a write that may still come, or that still show our fields."""


def mean(
    store: Store, connection: Connection, run: Run, run_no: int, *, planned: pl.LazyFrame, ours: pl.DataFrame
) -> None:
    """Record what a run is to hand back; a cycle that no write of the run proves to be over ends here."""
    rows = ours.select(
        pl.lit(run_no, dtype=pl.Int64).alias("run_no"),
        "deal_id",
        "cycle",
        pl.lit(run.pipeline).alias("pipeline"),
        *("track", "reason", "opened_on"),
        pl.Series("steps", [orjson.dumps(steps).decode() for steps in ours["steps"].to_list()], dtype=pl.String),
        *("signal", "source", "contact_on", "ended_on", "ended_why"),
    )
    store.load(connection, "hand_backs", rows)
    proven = planned.filter(pl.col("kind").cast(pl.String) == str(ActionKind.SET_FIELDS)).select("deal_id")
    ends = ours.lazy().join(proven, on="deal_id", how="anti").select("deal_id", "cycle", "ended_on", "ended_why")
    touching.end(store, connection, run.pipeline, run.run, ends.collect().rows())


def ends_of(store: Store, connection: Connection, run: str, deals: Sequence[str]) -> dict[tuple[str, int], Any]:
    """Return when and why the cycles of these deals end with a run that hands them back."""
    query = f"""SELECT deal_id, cycle, ended_on, ended_why FROM hand_backs JOIN runs USING (run_no)
        WHERE run = :run AND {store.among("deal_id", "deals")}"""
    rows = connection.execute(text(query), {"run": run, "deals": store.many(deals)}).all()
    return {(deal, cycle): (_day(on), why) for deal, cycle, on, why in rows}


def prove(store: Store, connection: Connection, run_no: int, *, unsent: int) -> Sequence[HandBack]:
    """Note which deals of a run are handed back by now, since nothing of theirs is left to write; return the new ones.

    Args:
        store: of the ledger.
        connection: in a writing transaction.
        run_no: the run.
        unsent: how many of its writes nothing has happened to yet.
    """
    waiting = _found(connection, (_c.run_no == run_no) & _c.handed_at.is_(None) & _c.undone_by.is_(None))
    if not waiting:
        return []
    low, high = span(run_no)
    left = set(connection.execute(text(_LEFT), {"low": low, "high": high}).scalars())
    if unsent:
        left.update(parts.untouched(store, connection, low)["deal_id"])
    now, found = store.now(connection), [one for one in waiting if one.deal_id not in left]
    same = {"run_no": run_no, "at": moment(now)}
    store.each(connection, _HANDED, [{**same, "deal_id": one.deal_id, "cycle": one.cycle} for one in found])
    return [replace(one, handed_at=now) for one in found]


_HANDED = "UPDATE hand_backs SET handed_at = :at WHERE run_no = :run_no AND deal_id = :deal_id AND cycle = :cycle"


def take_up(store: Store, connection: Connection, undo: Run) -> Sequence[HandBack]:
    """Let cycles run again that an undone run ended without a write; return all hand-backs that its undo took back."""
    origin = number(connection, str(undo.of_run))
    standing = _found(connection, (_c.run_no == origin) & _c.undone_by.is_(None))
    if standing:
        wrote = set(parts.recorded(store, connection, origin)["deal_id"])
        forget(store, connection, undo, [(one.deal_id, one.cycle) for one in standing if one.deal_id not in wrote])
    return _found(connection, (_c.run_no == origin) & (_c.undone_by == undo.run))


def forget(store: Store, connection: Connection, undo: Run, taken: Sequence[tuple[str, int | None]]) -> None:
    """Let the cycles of these deals run again where the undone run ended them, and their hand-backs be undone."""
    same = {"pipeline": undo.pipeline, "run": undo.of_run, "undo": undo.run}
    rows = [{**same, "deal_id": deal, "cycle": cycle} for deal, cycle in taken]
    store.each(connection, touching.END_NOT, rows)
    store.each(connection, _UNDONE, rows)


_UNDONE = """UPDATE hand_backs SET undone_by = :undo WHERE pipeline = :pipeline AND deal_id = :deal_id
    AND cycle = :cycle AND run_no = (SELECT run_no FROM runs WHERE run = :run) AND undone_by IS NULL"""


def of_run(connection: Connection, run: str) -> Sequence[HandBack]:
    """Return what a run hands back, as far as it has come."""
    return _found(connection, _c.run_no == number(connection, run))


def of_deal(connection: Connection, pipeline: str, deal: str) -> Sequence[HandBack]:
    """Return how often a deal was handed back, or is about to be, the last time first."""
    return _found(connection, (_c.pipeline == pipeline) & (_c.deal_id == deal))[::-1]


def _found(connection: Connection, where: Any) -> Sequence[HandBack]:
    query = select(runs.c.run, hand_backs).join(runs, runs.c.run_no == _c.run_no).where(where)
    return [_hand_back(row) for row in connection.execute(query.order_by(_c.run_no, _c.deal_id, _c.cycle))]


def _hand_back(row: Row[Any]) -> HandBack:
    return HandBack(
        run=row.run,
        deal_id=row.deal_id,
        cycle=row.cycle,
        track=row.track,
        reason=row.reason,
        opened_on=row.opened_on,
        steps=tuple(orjson.loads(row.steps)),
        signal=row.signal,
        source=row.source,
        contact_on=row.contact_on,
        handed_at=row.handed_at,
        undone_by=row.undone_by,
    )


def _day(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value

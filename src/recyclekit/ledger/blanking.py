"""What names an erased deal goes out of intents and actions; how many there were, and what became of them, stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
import polars as pl
from sqlalchemy import Connection, Row, delete, select, text, update

from recyclekit.ledger import reading
from recyclekit.ledger.remembered import pack, unpacked
from recyclekit.ledger.schema import intents, packed, runs
from recyclekit.ledger.states import RUN_BITS
from recyclekit.ledger.store import Store
from recyclekit.models.run import ReceiptState, RunKind

GONE = "erased"
"""What stands where a deal's id stood; also the code of a write that will not be sent any more."""
_DEALS = """SELECT deal_id FROM actions WHERE pipeline = :pipeline UNION SELECT deal_id FROM cycles
    WHERE pipeline = :pipeline UNION SELECT deal_id FROM touches WHERE pipeline = :pipeline"""
_BLANK = f"""UPDATE actions SET key = '{GONE}:' || CAST(id AS TEXT), deal_id = '{GONE}', payload = '{{}}',
    before = NULL, fingerprint = NULL, remote_id = NULL, payload_hash = NULL, reason = NULL, field = NULL,
    correlation = NULL, undone_by = COALESCE(undone_by, :run),
    code = CASE WHEN state = 'done' THEN code ELSE '{GONE}' END,
    state = CASE WHEN state = 'done' THEN state ELSE '{ReceiptState.SKIPPED.value}' END
    WHERE pipeline = :pipeline AND """


def named_deals(connection: Connection, pipeline: str) -> Iterable[str]:
    """Yield the deals that a pipeline's rows name; some more than once."""
    yield from connection.execute(text(_DEALS), {"pipeline": pipeline}).scalars()
    for _, frame in _intents(connection, pipeline):
        yield from frame["deal_id"].unique()


def _intents(connection: Connection, pipeline: str) -> Iterator[tuple[Row[Any], pl.DataFrame]]:
    """Yield the parts of all runs of a pipeline, each with what it holds."""
    c = intents.c
    ours = select(runs.c.run_no).where(runs.c.pipeline == pipeline)
    heads = connection.execute(select(c.run_no, c.part, c.first_id, c.last_id).where(c.run_no.in_(ours))).all()
    for head in heads:
        query = select(c.content).where((c.run_no == head.run_no) & (c.part == head.part))
        yield head, unpacked(bytes(connection.execute(query).scalar_one()))


def blank_rows(store: Store, connection: Connection, pipeline: str, run: str, deals: frozenset[str]) -> dict[str, int]:
    """Blank intents and actions, drop receipts, cycles, touches and hand-backs."""
    if not deals:
        return {"actions": 0, "cycles": 0, "touches": 0, "hand_backs": 0}
    among = {"pipeline": pipeline, "deals": store.many(list(deals))}
    theirs = store.among("deal_id", "deals")
    of_deals = f"pipeline = :pipeline AND {theirs}"
    ids = f"SELECT id FROM actions WHERE {of_deals}"
    changed = {one >> RUN_BITS for one in connection.execute(text(ids), among).scalars()}
    changed |= _blank_intents(store, connection, pipeline, deals)
    connection.execute(text(f"DELETE FROM receipts WHERE action_id IN ({ids})"), among)
    blanked = connection.execute(text(_BLANK + theirs), {**among, "run": run}).rowcount
    gone = {
        name: connection.execute(text(f"DELETE FROM {name} WHERE {of_deals}"), among).rowcount
        for name in ("cycles", "touches", "hand_backs")
    }
    connection.execute(delete(packed).where(packed.c.pipeline == pipeline))
    reading.pack(store, connection, pipeline)
    _count_again(connection, changed)
    return {"actions": blanked, **gone}


def _blank_intents(store: Store, connection: Connection, pipeline: str, deals: frozenset[str]) -> set[int]:
    """Blank intents; one that was never sent gets a row that says why it never will be. Return the runs' numbers."""
    changed = set[int]()
    asked = pl.Series(list(deals), dtype=pl.String).implode()
    for head, frame in _intents(connection, pipeline):
        hit = frame["deal_id"].is_in(asked)
        if hit.any():
            ids = pl.int_range(head.first_id, head.last_id + 1, dtype=pl.Int64, eager=True).alias("id")
            blank = _blank(frame.select(ids, pl.all()), hit)
            there = pl.Series(_rows_there(connection, head), dtype=pl.Int64).implode()
            unsent = blank.filter(hit & ~ids.is_in(there))
            told = {"pipeline": pipeline, "state": ReceiptState.SKIPPED.value, "code": GONE}
            store.load(connection, "actions", unsent.with_columns(pl.lit(v).alias(k) for k, v in told.items()))
            here = (intents.c.run_no == head.run_no) & (intents.c.part == head.part)
            connection.execute(update(intents).where(here).values(content=pack(blank.drop("id"))))
            changed.add(head.run_no)
    store.at_hand = None
    return changed


def _blank(frame: pl.DataFrame, hit: pl.Series) -> pl.DataFrame:
    """Return intents in which the rows that are hit say no more than `_BLANK` leaves of an action."""
    texts = {"key": pl.concat_str(pl.lit(f"{GONE}:"), "id"), "deal_id": pl.lit(GONE), "payload": pl.lit("{}")}
    nothing = pl.lit(None, dtype=pl.String)
    texts |= dict.fromkeys(("before", "fingerprint", "remote_id"), nothing)
    return frame.with_columns(pl.when(hit).then(text).otherwise(name).alias(name) for name, text in texts.items())


def _rows_there(connection: Connection, head: Row[Any]) -> Sequence[int]:
    query = text("SELECT id FROM actions WHERE id BETWEEN :low AND :high")
    return connection.execute(query, {"low": head.first_id, "high": head.last_id}).scalars().all()


def _count_again(connection: Connection, changed: Iterable[int]) -> None:
    for run_no in changed:
        ended = (runs.c.run_no == run_no) & runs.c.counts.is_not(None) & (runs.c.kind != RunKind.ERASE)
        counts = orjson.dumps(reading.counts(connection, run_no)).decode()
        connection.execute(update(runs).where(ended).values(counts=counts))

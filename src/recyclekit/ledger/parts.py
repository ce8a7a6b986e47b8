"""Intents as they were recorded: in parts of so many, packed as columns, in the transaction that begins the run.

An action gets a row of its own once something happens to it. A million rows that nobody has touched yet would cost a
hundred times as much to write as their columns, and every change of a row its whole text again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import polars as pl
from sqlalchemy import Connection, Row, insert, select

from recyclekit.ledger.remembered import pack, unpacked
from recyclekit.ledger.schema import intents
from recyclekit.ledger.states import RUN_BITS
from recyclekit.ledger.store import Store
from recyclekit.models.plan import ACTIONS
from recyclekit.models.run import ReceiptState
from recyclekit.models.shelf import in_pieces

PART = 10_000
"""Intents of a part: what a run holds of its plan in memory while it writes, however long the plan is."""
_AHEAD = 4
_COLUMNS = {name: pl.Int16() if name == "cycle" else pl.String() for name in (*ACTIONS, "remote_id")}


class Known(NamedTuple):
    """What the ledger knows of an action; `there` says whether it has a row."""

    id: int
    key: str
    state: str
    attempts: int
    token: int | None
    remote_id: str | None
    kind: str
    deal_id: str
    cycle: int | None
    step: str | None
    change: str | None
    track: str | None
    payload: str
    there: bool = True


def put_away(connection: Connection, run_no: int, planned: pl.DataFrame | pl.LazyFrame) -> None:
    """Record a run's intents; ids count up in the plan's order."""
    first = (run_no << RUN_BITS) + 1
    for part, piece in enumerate(in_pieces(planned, PART)):
        columns = [pl.col(name) if name in piece.columns else pl.lit(None).alias(name) for name in _COLUMNS]
        frame = piece.select(column.cast(dtype) for column, dtype in zip(columns, _COLUMNS.values(), strict=True))
        last = first + piece.height - 1
        row = {"run_no": run_no, "part": part, "first_id": first, "last_id": last, "content": pack(frame)}
        connection.execute(insert(intents), row)
        first = last + 1


def recorded(store: Store, connection: Connection, run_no: int) -> pl.DataFrame:
    """Return all intents of a run: id, ACTIONS, remote_id."""
    parts = [_part(store, connection, one) for one in _parts(connection, run_no)]
    return pl.concat([_nothing(), *parts])


def untouched(store: Store, connection: Connection, after: int, limit: int | None = None) -> pl.DataFrame:
    """Return a run's first actions behind the id `after` that have no row; at most `limit`."""
    found, left = list[pl.DataFrame](), limit
    for one in _parts(connection, after >> RUN_BITS, after):
        low = max(one.first_id, after + 1)
        query = "SELECT id FROM actions WHERE id BETWEEN :low AND :high"
        there = store.fetch(connection, query, {"low": low, "high": one.last_id}, pl.Schema({"id": pl.Int64}))["id"]
        if len(there) == one.last_id - low + 1:
            continue
        frame = _between(store, connection, one, low, one.last_id)
        frame = frame.filter(~pl.col("id").is_in(there.implode())) if len(there) else frame
        found.append(frame if left is None else frame.head(left))
        if left is not None:
            left -= found[-1].height
            if not left:
                break
    return found[0] if len(found) == 1 else pl.concat([_nothing(), *found])


def named(store: Store, connection: Connection, keys: Iterable[str], low: int, high: int) -> Iterator[Known]:
    """Yield the intents of these keys, with ids from `low` to `high`, as actions that nothing has happened to."""
    asked = pl.Series(list(keys), dtype=pl.String).implode()
    for one in _parts(connection, low >> RUN_BITS, low - 1):
        if one.first_id > high:
            return
        frame = _between(store, connection, one, low, high).filter(pl.col("key").is_in(asked))
        for row in frame.select(_FOUND).iter_rows():
            yield Known(row[0], row[1], ReceiptState.PLANNED, 0, None, *row[2:], there=False)  # type: ignore[misc]  # ten in a row


_FOUND = ("id", "key", "remote_id", "kind", "deal_id", "cycle", "step", "change", "track", "payload")


def give_rows(
    store: Store, connection: Connection, pipeline: str, actions: Sequence[Known], sent: tuple[int, str] | None = None
) -> None:
    """Give actions rows of their own: planned, or about to be sent for the first time.

    Args:
        store: of the ledger.
        connection: in a writing transaction.
        pipeline: of the run.
        actions: of one run, all without rows.
        sent: token and moment, where they are about to be sent.
    """
    if not actions:
        return
    ids = [one.id for one in actions]
    first, last = min(ids), max(ids)
    has_all = last - first + 1 == len(ids)
    for one in _parts(connection, first >> RUN_BITS, first - 1):
        if one.first_id > last:
            return
        rows = _between(store, connection, one, first, last)
        rows = rows if has_all else rows.filter(pl.col("id").is_in(ids))
        rows = rows.select(pl.lit(pipeline).alias("pipeline"), pl.all())
        if sent is not None:
            rows = _hashed(rows).with_columns(
                pl.lit(ReceiptState.SENT.value).alias("state"),
                pl.lit(1, pl.Int16).alias("attempts"),
                pl.lit(sent[0], pl.Int64).alias("token"),
                pl.lit(sent[1]).alias("sent_at"),
            )
        store.load(connection, "actions", rows)


@lru_cache(maxsize=10_000)
def loaded(payload: str) -> Mapping[str, Any]:
    """Return what a JSON text holds, not to be changed: of a million payloads, some thousands are distinct."""
    found: dict[str, Any] = orjson.loads(payload)
    return found


def payload_hash(payload: str) -> str:
    """Return the hash of what is sent."""
    return hashlib.sha256(payload.encode()).hexdigest()


def _hashed(rows: pl.DataFrame) -> pl.DataFrame:
    texts = rows["payload"].unique()
    hashes = pl.DataFrame({"payload": texts, "payload_hash": [payload_hash(text) for text in texts]})
    return rows.join(hashes, on="payload", how="left", maintain_order="left")


def _parts(connection: Connection, run_no: int, after: int = 0) -> Iterator[Row[Any]]:
    """Yield which parts of a run reach beyond an id; few are looked up at once, since few are asked for."""
    c = intents.c
    query = select(c.run_no, c.part, c.first_id, c.last_id).where(c.run_no == run_no).order_by(c.part).limit(_AHEAD)
    while rows := connection.execute(query.where(c.last_id > after)).all():
        yield from rows
        after = rows[-1].last_id


def _between(store: Store, connection: Connection, one: Row[Any], low: int, high: int) -> pl.DataFrame:
    """Return the intents of a part that have ids from `low` to `high`; ids count up without a gap."""
    start = max(low, one.first_id)
    length = max(0, min(high, one.last_id) - start + 1)
    return _part(store, connection, one).slice(start - one.first_id, length)


def _part(store: Store, connection: Connection, one: Row[Any]) -> pl.DataFrame:
    """Return a part; the one that was read last is at hand, since intents never change."""
    name = (one.run_no, one.part)
    if store.at_hand is None or store.at_hand[0] != name:
        query = select(intents.c.content).where((intents.c.run_no == one.run_no) & (intents.c.part == one.part))
        frame = unpacked(bytes(connection.execute(query).scalar_one()))
        ids = pl.int_range(one.first_id, one.last_id + 1, dtype=pl.Int64)
        store.at_hand = name, frame.select(ids.alias("id"), pl.all())
    return store.at_hand[1]


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={"id": pl.Int64, **_COLUMNS})

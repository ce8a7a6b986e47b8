"""Erasing people from the ledger, as a run of its own: tombstones first, then all rows in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import orjson
from sqlalchemy import Connection, insert, select, update

from recyclekit import clock
from recyclekit.ledger import lease as leasing
from recyclekit.ledger import reading, tombs
from recyclekit.ledger.blanking import blank_rows, named_deals
from recyclekit.ledger.cleaning import clean_letters, clean_remarks, drop_proposals
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.schema import runs
from recyclekit.ledger.store import Store
from recyclekit.models.run import Run, RunKind, RunState
from recyclekit.models.tombstone import Erasable


def begin(store: Store, lease: Lease, run: Run, ids: Collection[tuple[Erasable, str]]) -> Run:
    """Put up tombstones under a run of kind ERASE: from here on nobody plans or writes these. Return the run.

    One that was cut short is taken up again instead.
    """

    def work(connection: Connection) -> Run:
        leasing.check(connection, lease)
        begun = unfinished(connection, run.pipeline) or run
        if begun is run:
            _insert(connection, run)
        tombs.put_up(connection, run.pipeline, begun.run, ids)
        return begun

    return store.write("erase_begin", work)


def unfinished(connection: Connection, pipeline: str) -> Run | None:
    """Return the erasing of a pipeline that was cut short."""
    c = runs.c
    open_ = (c.pipeline == pipeline) & (c.kind == RunKind.ERASE) & (c.state == RunState.RUNNING)
    found = connection.execute(select(c.run_no).where(open_).order_by(c.run_no)).scalars().first()
    return None if found is None else reading.head(connection, found)


def _insert(connection: Connection, run: Run) -> None:
    values = {
        "run": run.run, "pipeline": run.pipeline, "kind": RunKind.ERASE, "state": RunState.RUNNING,
        "started_at": run.started_at, "plan_sha256": "", "flow_run": run.flow_run, "planned": 0, "counts": "{}",
    }  # fmt: skip
    connection.execute(insert(runs).values(values))


def named(connection: Connection, pipeline: str, run: str) -> frozenset[str]:
    """Return the deals under a run's tombstones that the ledger still names."""
    stones = tombs.standing(connection, pipeline, run)
    return stones.covered(Erasable.DEAL, named_deals(connection, pipeline))


def remove(store: Store, lease: Lease, run: str, texts: Collection[str] = ()) -> Mapping[str, int]:
    """Take all that lies under a run's tombstones out of the rows, in one transaction; return how many by table.

    Args:
        store: of the ledger.
        lease: of the pipeline.
        run: of kind ERASE.
        texts: names, addresses and other words to be taken out of remarks as well.
    """
    before, most = store.read(lambda connection: _counts(connection, run)), dict[str, int]()

    def work(connection: Connection) -> Mapping[str, int]:
        leasing.check(connection, lease)
        store.delete_securely(connection)
        stones = tombs.standing(connection, lease.pipeline, run)
        deals = stones.covered(Erasable.DEAL, named_deals(connection, lease.pipeline))
        found = {**blank_rows(store, connection, lease.pipeline, run, deals)}
        found["dead_letters"] = clean_letters(connection, lease.pipeline, stones)
        found["remarks"] = clean_remarks(connection, lease.pipeline, stones, texts)
        found["proposals"] = drop_proposals(connection, lease.pipeline, stones)
        # A commit whose answer was lost is done again and finds nothing left: what the first attempt found is true.
        most.update({name: max(most.get(name, 0), count) for name, count in found.items()})
        return _record(connection, run, before, most)

    return store.write("erase_rows", work)


def note(store: Store, lease: Lease, run: str, found: Mapping[str, int], state: RunState | None = None) -> Run:
    """Add to what a run of erasing has removed, by place; with a state, the run has ended. Return the run."""
    before = store.read(lambda connection: _counts(connection, run))

    def work(connection: Connection) -> Run:
        leasing.check(connection, lease)
        _record(connection, run, before, found)
        if state is not None:
            ended = {"state": state, "ended_at": clock.now()}
            connection.execute(update(runs).where(runs.c.run == run).values(ended))
        return reading.one(connection, run)

    return store.write("erase_note", work)


def _counts(connection: Connection, run: str) -> Mapping[str, int]:
    counts: Mapping[str, int] = orjson.loads(
        connection.execute(select(runs.c.counts).where(runs.c.run == run)).scalar_one() or "{}"
    )
    return counts


def _record(connection: Connection, run: str, before: Mapping[str, int], found: Mapping[str, int]) -> Mapping[str, int]:
    """Record the sum of what was known before this write and what it found: the same however often it is tried."""
    counts = {name: before.get(name, 0) + found.get(name, 0) for name in {**before, **found}}
    connection.execute(update(runs).where(runs.c.run == run).values(counts=orjson.dumps(counts).decode()))
    return counts

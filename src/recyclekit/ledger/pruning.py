"""Forgetting what is old: ended runs with all that belongs to them, dead letters, remarks, plans nobody answered.

What later runs rest on stays: cycles and touches, writes in doubt and the runs they belong to, erasings and their
tombstones, runs that have not ended, and the newest of all. So the next plan is the one that would have been made
without any forgetting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, text, update

from recyclekit.ledger import lease as leasing
from recyclekit.ledger.intents import span
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.schema import actions, dead_letters, hand_backs, intents, proposals, receipts, runs
from recyclekit.ledger.states import DOUBT, RUN_BITS
from recyclekit.ledger.store import Store
from recyclekit.models.proposal import ProposalState
from recyclekit.models.run import RunKind, RunState


def prune(
    store: Store,
    lease: Lease,
    *,
    runs_before: datetime | None,
    dead_letters_before: datetime | None,
    plans_before: datetime | None,
) -> Mapping[str, int]:
    """Forget what a pipeline has from before these moments, in one transaction; None keeps all. Return how many rows.

    Args:
        store: of the ledger.
        lease: of the pipeline: nobody may resume or undo a run that goes.
        runs_before: runs that ended before it go, with their actions, receipts and intents.
        dead_letters_before: records set aside, and what the other side said of a write, go.
        plans_before: plans that waited for a word and expired before it are emptied.
    """
    most: dict[str, int] = {}

    def work(connection: Connection) -> Mapping[str, int]:
        leasing.check(connection, lease)
        store.delete_securely(connection)
        found = {"runs": 0, "actions": 0, "dead_letters": 0, "remarks": 0, "plans": 0}
        if runs_before is not None:
            found |= _forget_runs(connection, _old(connection, lease.pipeline, runs_before))
            found["plans"] = _forget_plans(connection, lease.pipeline, runs_before)
        if dead_letters_before is not None:
            found["dead_letters"] += _forget_letters(connection, lease.pipeline, dead_letters_before)
            found["remarks"] = _forget_remarks(connection, lease.pipeline, dead_letters_before)
        if plans_before is not None:
            found["plans"] += _empty_plans(connection, lease.pipeline, plans_before)
        # A commit whose answer was lost is done again and finds nothing left: what the first attempt found is true.
        most.update({name: max(most.get(name, 0), count) for name, count in found.items()})
        return most

    return store.write("prune", work)


def _old(connection: Connection, pipeline: str, before: datetime) -> Collection[int]:
    """Return the numbers of runs that may go: a run and those that took it back stay or go together."""
    doubt = f"SELECT DISTINCT id >> {RUN_BITS} FROM actions WHERE pipeline = :pipeline AND {DOUBT}"
    in_doubt = set(connection.execute(text(doubt), {"pipeline": pipeline}).scalars())
    c = runs.c
    columns = (c.run_no, c.run, c.of_run, c.kind, c.state, c.ended_at)
    known = connection.execute(select(*columns).where(c.pipeline == pipeline)).all()
    newest = connection.execute(select(func.max(c.run_no))).scalar()  # SQLite would give its number away again
    stays = {newest} | {
        row.run_no
        for row in known
        if row.run_no in in_doubt or row.kind == RunKind.ERASE or row.state == RunState.RUNNING
        or row.ended_at is None or row.ended_at >= before
    }  # fmt: skip
    numbers = {row.run: row.run_no for row in known}
    pairs = [(row.run_no, numbers[row.of_run]) for row in known if row.of_run in numbers]
    while more := {one for pair in pairs if stays & set(pair) for one in pair} - stays:
        stays |= more
    return {row.run_no for row in known} - stays


def _forget_runs(connection: Connection, gone: Collection[int]) -> dict[str, int]:
    found = {"runs": 0, "actions": 0, "dead_letters": 0}
    for run_no in sorted(gone):
        low, high = span(run_no)
        connection.execute(delete(receipts).where(receipts.c.action_id.between(low, high)))
        found["actions"] += connection.execute(delete(actions).where(actions.c.id.between(low, high))).rowcount
        connection.execute(delete(intents).where(intents.c.run_no == run_no))
        connection.execute(delete(hand_backs).where(hand_backs.c.run_no == run_no))
        letters = delete(dead_letters).where(dead_letters.c.run_no == run_no)
        found["dead_letters"] += connection.execute(letters).rowcount
        found["runs"] += connection.execute(delete(runs).where(runs.c.run_no == run_no)).rowcount
    return found


def _forget_letters(connection: Connection, pipeline: str, before: datetime) -> int:
    old = select(runs.c.run_no).where((runs.c.pipeline == pipeline) & (runs.c.started_at < before))
    return connection.execute(delete(dead_letters).where(dead_letters.c.run_no.in_(old))).rowcount


def _forget_remarks(connection: Connection, pipeline: str, before: datetime) -> int:
    c = actions.c
    old = (c.pipeline == pipeline) & (c.settled_at < before)
    said = receipts.c.reason.is_not(None) & receipts.c.action_id.in_(select(c.id).where(old))
    connection.execute(update(receipts).where(said).values(reason=None))
    return connection.execute(update(actions).where(old & c.reason.is_not(None)).values(reason=None)).rowcount


def _forget_plans(connection: Connection, pipeline: str, before: datetime) -> int:
    c = proposals.c
    over = func.coalesce(c.decided_at, c.expires_at) < before
    return connection.execute(delete(proposals).where((c.pipeline == pipeline) & over)).rowcount


def _empty_plans(connection: Connection, pipeline: str, before: datetime) -> int:
    c = proposals.c
    late = (c.pipeline == pipeline) & (c.state == ProposalState.WAITING) & (c.expires_at < before)
    empty = {"actions": None, "ended_cycles": None, "dead_letters": None, "handed_back": None}
    return connection.execute(update(proposals).where(late & c.actions.is_not(None)).values(empty)).rowcount

"""Words about erased people go out of what is kept beside actions: remarks, dead letters, proposals."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, text, update

from recyclekit.ledger import tombs
from recyclekit.ledger.remembered import unpacked
from recyclekit.ledger.schema import dead_letters, proposals, runs
from recyclekit.models.proposal import ProposalState
from recyclekit.models.tombstone import RECORD, Erasable, Tombstones, cleaning


def clean_letters(connection: Connection, pipeline: str, stones: Tombstones) -> int:
    """Let dead letters of erased records say no more which records they were."""
    gone = 0
    for table, kind in RECORD.items():
        c = dead_letters.c
        of_runs = c.run_no.in_(select(runs.c.run_no).where(runs.c.pipeline == pipeline)) & (c.table_name == table)
        ids = connection.execute(select(c.record_id).where(of_runs & c.record_id.is_not(None)).distinct()).scalars()
        for record in stones.covered(kind, ids):
            theirs = of_runs & (c.record_id == record)
            gone += connection.execute(update(dead_letters).where(theirs).values(record_id=None, line=None)).rowcount
    return gone


def clean_remarks(connection: Connection, pipeline: str, stones: Tombstones, texts: Collection[str]) -> int:
    """Take ids and words out of what the other side said, wherever it was kept."""
    clean, gone = cleaning(stones, texts), 0
    of_actions = "actions WHERE pipeline = :pipeline"
    of_receipts = "receipts WHERE action_id IN (SELECT id FROM actions WHERE pipeline = :pipeline)"
    for column, where in (("reason", of_actions), ("reason", of_receipts), ("proof", of_receipts)):
        query = text(f"SELECT DISTINCT {column} FROM {where} AND {column} IS NOT NULL")
        for said in connection.execute(query, {"pipeline": pipeline}).scalars().all():
            if (kept := clean(said)) != said:
                table, rest = where.split(" ", 1)
                change = text(f"UPDATE {table} SET {column} = :kept {rest} AND {column} = :said")
                gone += connection.execute(change, {"pipeline": pipeline, "said": said, "kept": kept}).rowcount
    return gone


def drop_proposals(connection: Connection, pipeline: str, stones: Tombstones) -> int:
    """Let go of plans that wait for a word and name an erased record: they would be refused, and are made anew."""
    c, gone = proposals.c, 0
    for row in connection.execute(select(proposals).where((c.pipeline == pipeline) & c.actions.is_not(None))).all():
        tables = [unpacked(bytes(part)) for part in (row.actions, row.ended_cycles, row.handed_back) if part]
        named = [stones.covers(Erasable.DEAL, table["deal_id"]).any() for table in tables]
        letters = unpacked(bytes(row.dead_letters))
        if any(named) or any(aside.any() for aside in tombs.aside(letters, stones).values()):
            nothing = {"actions": None, "ended_cycles": None, "dead_letters": None, "handed_back": None}
            over = {**nothing, "state": ProposalState.SUPERSEDED}
            gone += connection.execute(update(proposals).where(c.run == row.run).values(over)).rowcount
    return gone

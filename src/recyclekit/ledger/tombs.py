"""Tombstones in the ledger: what tells that a deal or contact was erased, and refuses to remember it anew."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

import polars as pl
from sqlalchemy import Connection, select

from recyclekit.errors import StalePlanError
from recyclekit.ledger.schema import tombstones
from recyclekit.ledger.store import upsert
from recyclekit.models.tombstone import RECORD, Erasable, Tombstones


def standing(connection: Connection, pipeline: str, run: str | None = None) -> Tombstones:
    """Return a pipeline's tombstones: all, or those of one run."""
    rows = connection.execute(select(tombstones).where(tombstones.c.pipeline == pipeline)).all()
    digests = frozenset(row.digest for row in rows if run in {None, row.run})
    return Tombstones(salt=rows[0].salt if rows else "", digests=digests)


def put_up(connection: Connection, pipeline: str, run: str, ids: Iterable[tuple[Erasable, str]]) -> None:
    """Put up a tombstone for each id. A pipeline's first one makes its salt, which then never changes."""
    salt = standing(connection, pipeline).salt or secrets.token_hex(16)
    digest = Tombstones(salt=salt).digest
    rows = [{"pipeline": pipeline, "digest": digest(kind, one), "salt": salt, "run": run} for kind, one in ids]
    if rows:
        connection.execute(upsert(connection, tombstones).on_conflict_do_nothing(), rows)


def refuse_erased(connection: Connection, pipeline: str, planned: pl.LazyFrame) -> None:
    """Stop a plan that would write about an erased person.

    Raises:
        StalePlanError: it was made before the person was erased.
    """
    erased = standing(connection, pipeline)
    deals = planned.select(pl.col("deal_id").unique())
    if erased.digests and (met := erased.covered(Erasable.DEAL, deals.collect()["deal_id"])):
        raise StalePlanError(
            f"The plan names {len(met)} deal(s) of a person who was erased since.",
            why="What is erased is not written about again.",
            fix="Make a new plan, which leaves them out: recyclekit plan --out plan.json",
        )


def without_names(connection: Connection, pipeline: str, set_aside: pl.DataFrame) -> pl.DataFrame:
    """Return dead letters in which the id of an erased deal or contact is null."""
    for theirs in aside(set_aside, standing(connection, pipeline)).values():
        if theirs.any():
            set_aside = set_aside.with_columns(record_id=pl.when(~theirs).then("record_id"))
    return set_aside


def aside(set_aside: pl.DataFrame, erased: Tombstones) -> Mapping[Erasable, pl.Series]:
    """Return which dead letters are of an erased deal, and which of an erased contact."""
    tables = set_aside["table"]
    return {
        kind: (tables == table).fill_null(value=False) & erased.covers(kind, set_aside["record_id"])
        for table, kind in RECORD.items()
    }

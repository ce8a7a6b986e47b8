"""What planning is told: cycles, touches and deals in doubt, asked of either store in the same words.

A run that ends leaves cycles and touches behind as two packed tables as well, in its own transaction; whatever changes
one of them throws the packed ones away in its own. They are a copy for speed: reading a million rows out of a database
costs more than planning with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from io import BytesIO
from typing import Any

import polars as pl

from recyclekit.ledger import unfinished
from recyclekit.ledger.states import DOUBT
from recyclekit.models.memory import CYCLES, TOUCHES, UNFINISHED, Memory
from recyclekit.models.tombstone import Tombstones

PACKED_FROM = 10_000
"""Touches from which on packing pays."""

_GROUP = 10_000  # rows that are encoded at once: fewer take less memory and hardly more room

Fetch = Callable[[str, Mapping[str, object], pl.Schema], pl.DataFrame]
Find = Callable[[str, Mapping[str, object]], Any]

_CYCLES = f"SELECT {', '.join(CYCLES)} FROM cycles WHERE pipeline = :pipeline ORDER BY deal_id, cycle"
_TOUCHES = f"""SELECT {", ".join(TOUCHES)}, made_on FROM touches WHERE pipeline = :pipeline
    ORDER BY deal_id, cycle, key"""
_PACKED = "SELECT cycles, touches FROM packed WHERE pipeline = :pipeline"
_DOUBT = f"SELECT DISTINCT deal_id FROM actions WHERE pipeline = :pipeline AND {DOUBT}"
_ERASED = "SELECT salt, digest FROM tombstones WHERE pipeline = :pipeline"
_MADE = pl.Schema({**TOUCHES, "made_on": pl.Date})


def recall(fetch: Fetch, find: Find, pipeline: str, as_of: date | None) -> Memory:
    """Return cycles, touches and deals in doubt as they were known at the end of `as_of`; who is erased, as of now."""
    values = {"pipeline": pipeline}
    packed = find(_PACKED, values)
    cycles, touches = map(unpacked, packed) if packed else read(fetch, pipeline)
    doubt = fetch(_DOUBT, values, pl.Schema({"deal_id": pl.String}))
    erased = fetch(_ERASED, values, pl.Schema({"salt": pl.String, "digest": pl.String}))
    day = pl.lit(as_of or date.max)
    later = pl.col("ended_on") > day
    known = cycles.filter(pl.col("opened_on") <= day).with_columns(
        pl.when(~later.fill_null(value=False)).then(name).alias(name) for name in ("ended_on", "ended_why")
    )
    return Memory(
        cycles=known,
        touches=touches.filter(pl.col("made_on") <= day).drop("made_on"),
        in_doubt=frozenset(doubt["deal_id"]),
        unfinished=fetch(unfinished.QUERY, values, pl.Schema(UNFINISHED)),
        erased=Tombstones(salt=next(iter(erased["salt"]), ""), digests=frozenset(erased["digest"])),
    )


def read(fetch: Fetch, pipeline: str) -> Iterator[pl.DataFrame]:
    """Yield all cycles of a pipeline, then all touches, as the tables hold them."""
    values = {"pipeline": pipeline}
    yield fetch(_CYCLES, values, pl.Schema(CYCLES))
    yield fetch(_TOUCHES, values, _MADE)


def pack(frame: pl.DataFrame) -> bytes:
    """Return a frame as the bytes of a Parquet file."""
    content = BytesIO()
    frame.write_parquet(content, compression="lz4", statistics=False, row_group_size=_GROUP)
    return content.getvalue()


def unpacked(content: bytes) -> pl.DataFrame:
    """Return what `pack` has packed."""
    return pl.read_parquet(BytesIO(content))

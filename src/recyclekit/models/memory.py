"""What the ledger remembers, as frames that the pure stages may read."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from recyclekit.models.tombstone import Tombstones

CYCLES = {
    "deal_id": pl.String,
    "cycle": pl.Int16,  # 1 for the first
    "track": pl.String,
    "reason": pl.String,
    "opened_on": pl.Date,
    "ended_on": pl.Date,  # null while it runs
    "ended_why": pl.String,  # track_done | revived | changed | undone
}
TOUCHES = {
    "deal_id": pl.String,
    "cycle": pl.Int16,
    "step": pl.String,
    "due_on": pl.Date,
    "channel": pl.String,
    "owner": pl.String,
    "key": pl.String,  # idempotency key of the task
}


ENDED_CYCLES = {name: CYCLES[name] for name in ("deal_id", "cycle", "ended_on", "ended_why")}
"""Columns of the cycles that a plan found to be over, and whose end no write of it proves."""


UNFINISHED = {
    "run": pl.String,
    "kind": pl.String,  # apply | undo
    "unsent": pl.Int64,  # writes that nothing has happened to yet
    "in_doubt": pl.Int64,  # writes that were sent, and whose effect is not proven
    "waiting": pl.Int64,  # deals that are left alone until it is
}
"""Columns of the runs that stopped before their end and were not taken back, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Cycles and touches written so far, and deals with a write in doubt (left alone until it is settled)."""

    cycles: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CYCLES))
    touches: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TOUCHES))
    in_doubt: frozenset[str] = frozenset()
    erased: Tombstones = field(default_factory=Tombstones)
    unfinished: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=UNFINISHED))

"""Deals read again just before they are written, as the plan saw them: what the drift check compares."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit import clock
from recyclekit.models.snapshot import Extracted
from recyclekit.models.tables import OWN_FIELDS, Table
from recyclekit.stages.classify import fingerprints
from recyclekit.stages.normalize import normalize

if TYPE_CHECKING:
    from recyclekit.connectors.protocols import ReadsBack
    from recyclekit.models.field_map import Mapped
    from recyclekit.policy.loader import Policy

Reread = Callable[[Sequence[str]], pl.DataFrame]
"""Deal ids → deal_id, fingerprint and our own fields as they are now; a deal that is gone has no row."""


def rereading(
    sink: ReadsBack,
    columns: Mapping[Table, Collection[str]],
    mapped: Callable[[], Mapped],
    policy: Policy,
    *,
    as_of: date,
    timezone: ZoneInfo,
) -> Reread:
    """Return what reads deals again.

    Args:
        sink: the writing door, which also reads back.
        columns: the system's columns to ask for, by table.
        mapped: asked once, at the first reading, for the field map with all formats declared, since a few records
            alone could be read differently from the whole.
        policy: says which columns decide.
        as_of: later events are not seen, just as when the plan was made.
        timezone: the business zone.
    """
    needed, declared = policy.columns_needed(), cache(mapped)

    def read(deals: Sequence[str]) -> pl.DataFrame:
        raw = {table: frame.lazy() for table, frame in sink.read_back(deals, columns).items()}
        snapshot = normalize(Extracted(records=raw), declared(), timezone=timezone, needed=needed)
        prints = fingerprints(snapshot, policy, as_of=as_of, timezone=timezone)
        present = [name for name in OWN_FIELDS if name in snapshot.deals.columns]
        absent = [pl.lit(None, dtype=pl.String).alias(name) for name in OWN_FIELDS if name not in present]
        return snapshot.deals.select("deal_id", prints, *present, *absent)

    return read


def checked_as_of(made_at: datetime, as_of: date, timezone: ZoneInfo) -> date:
    """Return the day as of which the deals of a plan are looked at again, right before they are written.

    A plan made for its own day is checked against today: a call made since then is news. One made for another day is
    checked as of that day, or everything that happened since would count as a change.
    """
    return clock.today(timezone) if made_at.astimezone(timezone).date() == as_of else as_of

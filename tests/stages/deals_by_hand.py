"""Snapshots written by hand: a deal is a dict of what matters, everything else takes a plain value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.models.memory import CYCLES, TOUCHES, Memory
from recyclekit.models.snapshot import Snapshot
from recyclekit.models.tables import SCHEMAS, Table
from recyclekit.policy.loader import Policy, load_policy
from recyclekit.stages.classify import Classified, classify
from tests.stages.slicing import assert_same_decisions, in_slices

TOKYO = ZoneInfo("Asia/Tokyo")
AS_OF = date(2026, 4, 1)


@lru_cache(maxsize=1)
def standard() -> Policy:
    """Return the standard policy, loaded once."""
    return load_policy("standard")


def at(day: str) -> datetime:
    """Return noon of that day in Tokyo, or the exact moment where a time is given, in UTC."""
    moment = datetime.fromisoformat(day if "T" in day else f"{day}T12:00:00")
    return moment.replace(tzinfo=moment.tzinfo or TOKYO).astimezone(UTC)


def table(which: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a canonical table that has only the columns that any of the rows names."""
    columns = SCHEMAS[which].columns()
    names = [name for name in columns if any(name in row for row in rows)]
    schema = pl.Schema([(name, columns[name].dtype) for name in names])
    return pl.DataFrame([{name: row.get(name) for name in names} for row in rows], schema=schema, orient="row")


def snapshot(*deals: Mapping[str, Any], **tables: Sequence[Mapping[str, Any]]) -> Snapshot:
    """Return a snapshot; deals without id are named d1, d2, … and are lost unless they say so."""
    rows = [{"deal_id": f"d{n}", "crm_state": "lost", **deal} for n, deal in enumerate(deals, start=1)]
    others = {name: table(Table(name), given) for name, given in tables.items()}
    return Snapshot(deals=table(Table.DEALS, rows), extracted_deals=len(rows), **others)


def memory(cycles: Sequence[Sequence[Any]] = (), touches: Sequence[Sequence[Any]] = ()) -> Memory:
    """Return a memory; cycles and touches are rows in the order of their columns."""
    return Memory(
        cycles=pl.DataFrame([list(row) for row in cycles], schema=CYCLES, orient="row"),
        touches=pl.DataFrame([list(row) for row in touches], schema=TOUCHES, orient="row"),
    )


def decide(
    given: Snapshot, policy: Policy | None = None, past: Memory | None = None, as_of: date = AS_OF, **more: Any
) -> Classified:
    """Classify under the standard policy in Tokyo as of 2026-04-01, unless told otherwise.

    Done slice by slice as well, which must come to the same.
    """
    more = {"timezone": TOKYO, "as_of": as_of, **more}
    made = classify(given, policy or standard(), past or Memory(), **more)
    if given.deals.height < 100:
        assert_same_decisions(made, classify(in_slices(given, 2), policy or standard(), past or Memory(), **more))
    return made


def rules(classified: Classified) -> list[str | None]:
    """Return the rule that fired, per deal."""
    return classified.decisions["rule"].to_list()

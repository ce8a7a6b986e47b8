"""What those who keep the ledger want to see of it: schema, size, rows, who may write, who is erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from recyclekit.ledger.backup import tables_there
from recyclekit.ledger.lease import held
from recyclekit.ledger.protocol import HeldLease
from recyclekit.ledger.schema import runs
from recyclekit.ledger.states import HEAD
from recyclekit.ledger.store import Store
from recyclekit.ledger.version import is_newer, version


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A ledger at one moment; `schema` is None where there is none yet."""

    place: str
    schema: str | None
    newest: str = HEAD
    size: int | None = None  # bytes, SQLite's log included; None where only the server knows
    rows: Mapping[str, int] = field(default_factory=dict)
    oldest_run: datetime | None = None
    pipelines: Mapping[str, int] = field(default_factory=dict)  # runs by pipeline
    leases: Sequence[HeldLease] = ()


def look(store: Store) -> Status:
    """Return what a ledger holds; one of an older schema is not migrated, and tells what it can."""

    def work(connection: Connection) -> Status:
        found = version(connection)
        if found is None:
            return Status(place=store.place, schema=None)
        if is_newer(found):  # who knows what its tables are called
            return Status(place=store.place, schema=found, size=store.size(connection))
        there = tables_there(connection)
        rows = {t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in there}
        per_pipeline = select(runs.c.pipeline, func.count()).group_by(runs.c.pipeline).order_by(runs.c.pipeline)
        return Status(
            place=store.place,
            schema=found,
            size=store.size(connection),
            rows=rows,
            oldest_run=connection.execute(select(func.min(runs.c.started_at))).scalar(),
            pipelines={row[0]: row[1] for row in connection.execute(per_pipeline)},
            leases=held(store, connection),
        )

    if not store.exists():
        return Status(place=store.place, schema=None)
    return store.read(work)

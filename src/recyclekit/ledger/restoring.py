"""A backup put back: into an empty ledger of either database, all of it or nothing, brought up to today's schema."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from sqlalchemy import Connection, func, select, text

from recyclekit.errors import ConfigError
from recyclekit.faultpoint import faultpoint
from recyclekit.ledger import backup
from recyclekit.ledger.backup import Backup
from recyclekit.ledger.states import HEAD
from recyclekit.ledger.store import Store
from recyclekit.ledger.version import migrate, version

_PASSING = {"leases", "budgets"}
"""Tables whose rows mean nothing of what happened: a ledger that holds no others is empty."""
_NO_MORE = ("cursors",)
"""Tables of older schemas that today's lacks: a backup leaves them out."""


def restore(store: Store, path: Path) -> Backup:
    """Fill an empty ledger from a backup, in one transaction.

    Raises:
        InputError, LedgerVersionError: as `backup.examine`; nothing was touched.
        ConfigError: the ledger holds something.
    """
    made, tried = backup.examine(path), False

    def work(connection: Connection) -> None:
        nonlocal tried
        store.lock_schema(connection)
        if tried and _holds(connection, made):  # our own, from a commit whose answer was lost
            return
        tried = True
        _make_room(connection, store.place)
        migrate(connection, made.schema)
        for table, frame in backup.parts(path, made):
            store.load(connection, table, store.loadable(_let_go(table, frame)))
            faultpoint("restore.part")
        store.renumber(connection)
        migrate(connection)

    store.write("restore", work)
    return made


def _holds(connection: Connection, made: Backup) -> bool:
    """Return whether a ledger of today's schema has as many rows as a backup, table by table."""
    if version(connection) != HEAD:
        return False
    there = [table for table in backup.tables_there(connection) if table.name not in _PASSING]
    rows = {t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in there}
    return all(count == made.rows.get(name, 0) for name, count in rows.items())


def _make_room(connection: Connection, place: str) -> None:
    """Take empty tables away, which may be of another schema; refuse to touch what holds anything."""
    if version(connection) is None:
        return
    there = backup.tables_there(connection)
    full = [t.name for t in there if t.name not in _PASSING and connection.execute(select(t).limit(1)).first()]
    if full:
        raise ConfigError(
            f"The ledger {place} is not empty: {', '.join(full)}.",
            why="Two pasts cannot be laid together.",
            fix="Name a new file or database under `ledger:` and restore into that.",
        )
    for table in [*(t.name for t in reversed(there)), *_NO_MORE, "packed", "alembic_version"]:
        connection.execute(text(f'DROP TABLE IF EXISTS "{table}"'))


def _let_go(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return leases that nobody holds; their tokens stay, so that an old holder's is never worth anything again."""
    if table != "leases":
        return frame
    return frame.with_columns(pl.lit(None, dtype=frame.schema[name]).alias(name) for name in _HELD)


_HELD = ("holder", "machine", "expires_at")

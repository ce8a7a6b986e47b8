"""The memory: what was intended, what provably happened, and who may write now."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from recyclekit.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import URL

    from recyclekit.ledger.house import House
    from recyclekit.ledger.store import Store
    from recyclekit.models.memory import Memory

__all__ = ["open_ledger", "recall"]


def recall(url: str, folder: Path, pipeline: str, as_of: date | None = None) -> Memory:
    """Return what a pipeline remembers, as planning is told it; a ledger that is not there yet remembers nothing.

    Raises:
        ConfigError: as `open_ledger`; LedgerError: the ledger cannot be read.
    """
    from recyclekit.ledger.glance import glance
    from recyclekit.models.memory import Memory

    kind, _, place = url.partition(":///")
    if kind == "sqlite" and place and "?" not in place:
        path = (folder / place).absolute()
        if not path.exists():
            return Memory()
        known = glance(path, pipeline, as_of)
        if known is not None:
            return known
    return open_ledger(url, folder).memory(pipeline, as_of)


def open_ledger(url: str, folder: Path) -> House:
    """Return the ledger at an address; nothing is created or migrated before it is used.

    Args:
        url: `sqlite:///ledger.db` (a relative path starts at `folder`) or `postgresql+psycopg://user@host/database`,
            which may say `?schema=name`: that schema and nothing else of the database is seen.
        folder: of the project file.

    Raises:
        ConfigError: the address cannot be read, or names another kind of database, or two schemas.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from recyclekit.ledger.house import House

    try:
        return House(_store(make_url(url), folder))
    except ArgumentError as error:
        raise ConfigError("The ledger's address cannot be read.", fix="Write it like sqlite:///ledger.db") from error


def _store(url: URL, folder: Path) -> Store:
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database:
        from recyclekit.ledger.sqlite import SqliteStore

        return SqliteStore((folder / url.database).absolute())
    if kind == "postgresql":
        try:
            from recyclekit.ledger.postgres import PostgresStore
        except ImportError as error:
            raise ConfigError(
                "A ledger in PostgreSQL needs the psycopg driver.",
                why=str(error),
                fix="pip install 'recyclekit[postgres]'",
            ) from error
        schema = url.query.get("schema")
        if isinstance(schema, tuple):
            raise ConfigError(
                f"The ledger's address names more than one schema: {', '.join(schema)}.",
                why="A ledger is in one of them; a tenant's is in its own.",
                fix="Name one; with `tenant:`, none.",
            )
        named = url.set(drivername="postgresql+psycopg").difference_update_query(["schema"])
        return PostgresStore(named, schema)
    raise ConfigError(
        f"A ledger cannot be kept in {kind}.", fix="Use sqlite:///ledger.db or postgresql+psycopg://user@host/database"
    )

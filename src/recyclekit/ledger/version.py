"""Whether a ledger's schema is current: one cheap query; Alembic is imported only where it is not."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, text

from recyclekit.errors import LedgerError, LedgerVersionError
from recyclekit.ledger.states import HEAD

_ALEMBIC = Lock()  # it keeps what it works on in a module, where threads with a ledger each would share it


def version(connection: Connection) -> str | None:
    """Return the migration that the ledger stands at; None where there is no ledger yet."""
    known = {
        "sqlite": "SELECT name FROM sqlite_master WHERE name = 'alembic_version'",
        "postgresql": "SELECT to_regclass('alembic_version')",
    }[connection.dialect.name]
    if connection.execute(text(known)).scalar() is None:
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def is_current(found: str | None) -> bool:
    """Return whether this is the newest schema.

    Raises:
        LedgerVersionError: it is newer than this version of recyclekit knows.
        LedgerError: it is no version of ours.
    """
    if found is None or found == HEAD:
        return found == HEAD
    if is_newer(found):
        raise LedgerVersionError(
            f"The ledger was written by a newer recyclekit (schema {found}).",
            why=f"This version knows schemas up to {HEAD}.",
            fix="Upgrade recyclekit: pip install --upgrade recyclekit",
        )
    return False


def is_newer(found: str) -> bool:
    """Return whether a schema is one that only a newer version knows.

    Raises:
        LedgerError: it is no version of ours.
    """
    if not found.isdecimal():
        raise LedgerError(
            "This database is no ledger.",
            why=f"Its schema says {found!r}, which is another program's.",
            fix="Name a database or schema of its own under `ledger:`.",
        )
    return int(found) > int(HEAD)


def migrate(connection: Connection, to: str = HEAD) -> None:
    """Bring the schema up on this connection; the caller commits, so a kill half-way changes nothing."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    with _ALEMBIC:
        command.upgrade(config, to)

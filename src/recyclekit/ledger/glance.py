"""A look into a SQLite ledger without SQLAlchemy: what planning needs of it takes no longer than opening a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import quote

from recyclekit.ledger.columns import fetch
from recyclekit.ledger.remembered import recall
from recyclekit.ledger.states import HEAD
from recyclekit.models.memory import Memory

BUSY_SECONDS = 15


def glance(path: Path, pipeline: str, as_of: date | None) -> Memory | None:
    """Return what a pipeline remembers; None where this is no ledger of today's schema that can be read at once."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as ledger:
            ledger.isolation_level = None
            ledger.execute("BEGIN")
            if ledger.execute("SELECT version_num FROM alembic_version").fetchone() != (HEAD,):
                return None
            return recall(
                partial(fetch, ledger), lambda query, of: ledger.execute(query, of).fetchone(), pipeline, as_of
            )
    except sqlite3.Error:
        return None

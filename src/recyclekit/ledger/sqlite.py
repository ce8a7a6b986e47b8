"""The ledger in one SQLite file: WAL, every commit on the disk before it counts, one writer at a time."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from pathlib import Path

import orjson
import polars as pl
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from recyclekit import clock
from recyclekit.errors import LedgerBusyError, LedgerError, LedgerPlaceError
from recyclekit.ledger.columns import fetch
from recyclekit.ledger.glance import BUSY_SECONDS
from recyclekit.ledger.store import Store, as_moments

_MARK = re.compile(r":(\w+)")
_TUPLES_AT_ONCE = 2_000  # what stays in the processor's cache: a third of the cost of ten times as many


class SqliteStore(Store):
    """A file. Its clock is this machine's: a SQLite ledger is not shared between machines."""

    errors = (DBAPIError, sqlite3.Error)

    def __init__(self, path: Path) -> None:
        super().__init__(_engine(path), str(path))
        self.path = path

    def exists(self) -> bool:
        return self.path.exists()

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def begin_reading(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    def lock_schema(self, connection: Connection) -> None:
        """BEGIN IMMEDIATE holds the only write lock there is."""

    def now(self, connection: Connection) -> datetime:  # noqa: ARG002  # the file has no clock of its own
        return clock.now()

    def among(self, column: str, name: str) -> str:
        return f"{column} IN (SELECT value FROM json_each(:{name}))"

    def many(self, values: Sequence[str]) -> object:
        return orjson.dumps(list(values)).decode()

    def each(self, connection: Connection, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            # by place: looking names up in every row costs as much as all else
            names = _MARK.findall(statement)
            marked, of = _MARK.sub("?", statement), itemgetter(*names)
            tuples = map(of, rows) if len(names) > 1 else ((of(row),) for row in rows)
            _driver(connection).executemany(marked, tuples)

    def rows(self, connection: Connection, query: str, values: Mapping[str, object]) -> Sequence[tuple[object, ...]]:
        return _driver(connection).execute(query, values).fetchall()

    def load(self, connection: Connection, table: str, frame: pl.DataFrame) -> None:
        names = ", ".join(f'"{name}"' for name in frame.columns)
        marks = ", ".join("?" * frame.width)
        rows = _tuples(_as_text(frame))
        _driver(connection).executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)

    def size(self, connection: Connection) -> int | None:  # noqa: ARG002  # files tell
        files = (self.path.with_name(f"{self.path.name}{end}") for end in ("", "-wal", "-shm"))
        return sum(file.stat().st_size for file in files if file.exists())

    def loadable(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(as_moments(frame))

    def renumber(self, connection: Connection) -> None:
        """SQLite counts on from the largest."""

    def fetch(
        self, connection: Connection, query: str, values: Mapping[str, object], schema: Mapping[str, pl.DataType]
    ) -> pl.DataFrame:
        return fetch(_driver(connection), query, values, schema)

    def delete_securely(self, connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")

    def scrub(self) -> None:
        def attempt() -> None:
            with self.engine.connect() as connection:
                self._empty_log(connection)
                connection.exec_driver_sql("VACUUM")
                self._empty_log(connection)

        self._patiently(attempt)

    def _empty_log(self, connection: Connection) -> None:
        """Bring all commits into the file and cut the write-ahead log to nothing: it keeps what was overwritten."""
        busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if busy:
            raise self.explain(sqlite3.OperationalError("database is locked"))

    tidy = scrub

    def is_passing(self, error: Exception) -> bool:  # noqa: ARG002  # SQLite has waited for its lock already
        return False

    def explain(self, error: Exception) -> LedgerError:
        cause = getattr(error, "orig", None) or error
        said = str(cause)
        if "full" in said or "disk I/O" in said:
            return LedgerError(
                f"The ledger {self.place} could not be written.",
                why=f"SQLite says: {said}.",
                fix="Nothing was half recorded. Make room on the disk and run the same command again.",
            )
        if "locked" in said or "busy" in said:
            return LedgerBusyError(
                f"The ledger {self.place} is locked.",
                why=f"Another process has been writing to it for more than {BUSY_SECONDS} seconds.",
                fix="Wait for it, or end it, and run the same command again.",
            )
        if "readonly" in said or "unable to open" in said:
            return LedgerPlaceError(
                f"The ledger {self.place} cannot be written.",
                why=f"{obstacle(self.path) or f'SQLite says: {said}'}. Nothing was created.",
                fix="Create the folder or correct its permissions, or name another file under `ledger:`.",
            )
        return LedgerError(f"The ledger {self.place} cannot be used.", why=f"SQLite says: {said}.")


def obstacle(path: Path) -> str | None:
    """Return in words why a ledger cannot be kept at a path; None where nothing is seen to be in the way."""
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder {folder}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"The folder {folder} may not be written, and a ledger writes two files beside its own"
    if path.exists() and not (path.is_file() and os.access(path, os.R_OK | os.W_OK)):
        return f"{path} is no file that may be written"
    return None


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(path)))

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver's own guess begins too late
        for pragma in (
            f"busy_timeout = {BUSY_SECONDS * 1000}",
            "page_size = 16384",  # of a new file; rows hold half a kilobyte, so small pages split all the time
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "cache_size = -8192",  # four times as much saves nothing: what is not here lies in the system's own cache
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn what SQLite has no type for into text: one cast of a column instead of one of each value."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.Date or isinstance(dtype, pl.Enum)]
    return frame.with_columns(pl.col(texts).cast(pl.String)) if texts else frame


def _tuples(frame: pl.DataFrame) -> Iterator[tuple[object, ...]]:
    for part in frame.iter_slices(_TUPLES_AT_ONCE):
        yield from zip(*(column.to_list() for column in part.get_columns()), strict=True)

"""One transaction at a time against one database: begin, work, commit, with faults named and errors made readable."""

from __future__ import annotations

import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import polars as pl
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from recyclekit.errors import LedgerError
from recyclekit.faultpoint import faultpoint

T = TypeVar("T")
Work = Callable[[Connection], T]


class Store(ABC):
    """A database that holds a ledger. What the dialects do differently is here; the ledger's own statements are not.

    `place` says where it is, for messages; never with a password.
    """

    errors: tuple[type[Exception], ...] = (DBAPIError,)
    """SQLAlchemy's, and the driver's own where we work below it."""
    waits: Sequence[float] = ()
    """Seconds before each further attempt where a fault is passing."""
    sleep: Callable[[float], None] = staticmethod(time.sleep)

    def __init__(self, engine: Engine, place: str) -> None:
        self.engine, self.place = engine, place
        weakref.finalize(self, engine.dispose)  # no connection outlives its ledger
        self.handed_out: dict[int, tuple[int, int]] = {}
        """By run number, the ids between which the last batch lies: where to look first, nothing more."""
        self.at_hand: tuple[tuple[int, int], pl.DataFrame] | None = None
        """The part of a run's intents that was read last."""

    def read(self, work: Work[T]) -> T:
        """Return what `work` reads."""
        return self._patiently(lambda: self._read(work))

    def write(self, name: str, work: Work[T]) -> T:
        """Commit what `work` writes, all of it or nothing.

        A commit whose outcome is unknown (the connection was lost in it) is done again: `work` must change nothing
        where it finds itself done.
        """
        result = self._patiently(lambda: self._write(name, work))
        faultpoint(f"ledger.{name}.committed")
        return result

    def _read(self, work: Work[T]) -> T:
        with self.engine.connect() as connection:
            self.begin_reading(connection)
            return work(connection)

    def _write(self, name: str, work: Work[T]) -> T:
        with self.engine.connect() as connection:
            try:
                self.begin(connection)
                result = work(connection)
                faultpoint(f"ledger.{name}")
                connection.commit()
            except BaseException:
                # a commit that failed may leave its transaction open; nobody may get this connection again
                connection.invalidate()
                raise
            return result

    def _patiently(self, attempt: Callable[[], T]) -> T:
        for wait in self.waits:
            try:
                return attempt()
            except self.errors as error:
                if not self.is_passing(error):
                    raise self.explain(error) from error
                self.sleep(wait)
        try:
            return attempt()
        except self.errors as error:
            raise self.explain(error) from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    # -- what differs ----------------------------------------------------------------------------------------------

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is a database to look into; looking must not make one."""

    @abstractmethod
    def begin(self, connection: Connection) -> None:
        """Begin a writing transaction."""

    @abstractmethod
    def begin_reading(self, connection: Connection) -> None:
        """Begin a transaction that sees one state of the ledger."""

    @abstractmethod
    def lock_schema(self, connection: Connection) -> None:
        """Let one process at a time change the schema, until the transaction ends."""

    @abstractmethod
    def now(self, connection: Connection) -> datetime:
        """Return the time that all who share this ledger agree on."""

    @abstractmethod
    def among(self, column: str, name: str) -> str:
        """Return a condition: the column is one of the values bound to `name` through `many`."""

    @abstractmethod
    def many(self, values: Sequence[str]) -> object:
        """Return values as one bound parameter, however many they are."""

    @abstractmethod
    def each(self, connection: Connection, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute a statement with `:name` marks once for each row, below SQLAlchemy, which costs more than both.

        Dates are bound as ISO text, times through `schema.moment`.
        """

    @abstractmethod
    def rows(self, connection: Connection, query: str, values: Mapping[str, object]) -> Sequence[tuple[Any, ...]]:
        """Return a query's rows as tuples, below SQLAlchemy where that costs."""

    @abstractmethod
    def load(self, connection: Connection, table: str, frame: pl.DataFrame) -> None:
        """Append a frame's rows to a table, as fast as the database can; columns are named alike."""

    @abstractmethod
    def size(self, connection: Connection) -> int | None:
        """Return how many bytes the ledger takes on disk, as far as that can be told."""

    @abstractmethod
    def loadable(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame of any types as `load` takes it: moments of UTC and bytes included."""

    @abstractmethod
    def renumber(self, connection: Connection) -> None:
        """Let the next run's number come after those that were loaded."""

    @abstractmethod
    def fetch(
        self, connection: Connection, query: str, values: Mapping[str, object], schema: Mapping[str, pl.DataType]
    ) -> pl.DataFrame:
        """Return a query's rows as a frame with this schema, as fast as the database can."""

    @abstractmethod
    def delete_securely(self, connection: Connection) -> None:
        """Let what this connection deletes from now on be overwritten, where the database can do that."""

    @abstractmethod
    def scrub(self) -> None:
        """Write the database anew without anything that was deleted, logs of changes included; takes time and room.

        Raises:
            LedgerBusyError: somebody else keeps reading it; nothing is lost, try again.
        """

    @abstractmethod
    def tidy(self) -> None:
        """Give back room that deleted rows took, as far as that goes while others work."""

    @abstractmethod
    def is_passing(self, error: Exception) -> bool:
        """Whether the same transaction may succeed when it is tried again."""

    @abstractmethod
    def explain(self, error: Exception) -> LedgerError:
        """Return what happened, why and what to do, for a person."""


def as_moments(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return what makes text of a frame's moments of UTC, as `schema.moment` does."""
    moments = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return [pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S%.6f") for name in moments]


def upsert(connection: Connection, table: Any) -> Any:
    """Return the dialect's INSERT that can say what to do on a conflict."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)

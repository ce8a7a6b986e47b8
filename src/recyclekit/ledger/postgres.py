"""The ledger in PostgreSQL: shared between machines, the server's clock, COPY for large runs."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

import polars as pl
import psycopg
from psycopg.sql import SQL, Literal
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from recyclekit.errors import ConfigError, LedgerBusyError, LedgerError, LedgerPlaceError, LedgerUnreachableError
from recyclekit.ledger.schema import metadata
from recyclekit.ledger.store import Store, as_moments

_log = logging.getLogger(__name__)
_SCHEMA_LOCK = 0x7265_6379  # "recy"; any number that no other program uses on this database
_ROWS_AT_ONCE = 50_000
_PASSING = {"40001", "40P01", "57P01", "57P02", "57P03", "53300"}
_REFUSED = re.compile(r"authentication failed|does not exist|no pg_hba|no password")
_MARK = re.compile(r":(\w+)")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SETTINGS = "SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '120s'; SET TIME ZONE 'UTC'"


class PostgresStore(Store):
    """A database on a server, or one schema of it: then nothing else of the database is in sight."""

    waits = (0.1, 0.5, 2.0)

    errors = (DBAPIError, psycopg.Error)

    def __init__(self, url: URL, schema: str | None = None) -> None:
        if schema is not None and not _NAME.fullmatch(schema):
            raise ConfigError(
                f"A ledger cannot be kept in a schema called {schema!r}.",
                fix="Name it with small letters, digits and _, beginning with a letter.",
            )
        # without its options, among which a password may stand as well
        place = url.set(query={}).render_as_string(hide_password=True) + (f" (schema {schema})" if schema else "")
        super().__init__(_engine(url, schema), place)
        self.schema = schema

    def exists(self) -> bool:
        return True

    def begin(self, connection: Connection) -> None:
        """SQLAlchemy begins with the first statement."""

    def begin_reading(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def lock_schema(self, connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK})
        if self.schema and not connection.execute(text("SELECT to_regnamespace(:s)"), {"s": self.schema}).scalar():
            connection.execute(text(f'CREATE SCHEMA "{self.schema}"'))

    def now(self, connection: Connection) -> datetime:
        found = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        assert isinstance(found, datetime)
        return found

    def among(self, column: str, name: str) -> str:
        return f"{column} = ANY(:{name})"

    def many(self, values: Sequence[str]) -> object:
        return list(values)

    def each(self, connection: Connection, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            with _driver(connection).cursor() as cursor:
                cursor.executemany(_MARK.sub(r"%(\1)s", statement), rows)

    def rows(self, connection: Connection, query: str, values: Mapping[str, object]) -> Sequence[tuple[Any, ...]]:
        return [tuple(row) for row in connection.execute(text(query), values)]

    def load(self, connection: Connection, table: str, frame: pl.DataFrame) -> None:
        names = ", ".join(f'"{name}"' for name in frame.columns)
        with _driver(connection).cursor() as cursor, cursor.copy(_copy(table, names)) as copy:
            for part in frame.iter_slices(_ROWS_AT_ONCE):
                block = BytesIO()
                part.write_csv(block, include_header=False, quote_style="non_numeric", null_value="")
                copy.write(block.getvalue())

    def size(self, connection: Connection) -> int | None:
        sizes = (
            "SELECT sum(pg_total_relation_size(to_regclass(name)))::bigint FROM unnest(CAST(:names AS text[])) AS name"
        )
        found = connection.execute(text(sizes), {"names": list(metadata.tables)}).scalar()
        return None if found is None else int(found)

    def loadable(self, frame: pl.DataFrame) -> pl.DataFrame:
        blobs = [name for name, dtype in frame.schema.items() if dtype == pl.Binary]
        hexed = [pl.concat_str(pl.lit("\\x"), pl.col(name).bin.encode("hex")).alias(name) for name in blobs]
        return frame.with_columns(*as_moments(frame), *hexed)

    def renumber(self, connection: Connection) -> None:
        number = "SELECT setval(pg_get_serial_sequence('runs', 'run_no'), max(run_no)) FROM runs HAVING count(*) > 0"
        connection.execute(text(number))

    def fetch(
        self, connection: Connection, query: str, values: Mapping[str, object], schema: Mapping[str, pl.DataType]
    ) -> pl.DataFrame:
        bound = SQL(_literal_marks(query)).format(**{name: Literal(value) for name, value in values.items()})
        block = BytesIO()
        statement = SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(bound)
        with _driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
            for piece in copy:
                block.write(piece)
        if not block.tell():
            return pl.DataFrame(schema=schema)
        block.seek(0)
        return pl.read_csv(block, has_header=False, schema=dict(schema))

    def delete_securely(self, connection: Connection) -> None:
        """`scrub` writes the tables anew; what is left in the server's log of changes goes as that is recycled."""

    def scrub(self) -> None:
        commands = [f'VACUUM (FULL, ANALYZE) "{table}"' for table in metadata.tables]
        # Samples of every column's values stand in the planner's statistics, and those of before stay in its file.
        self._alone(*commands, "VACUUM (FULL) pg_catalog.pg_statistic")

    def tidy(self) -> None:
        self._alone(*(f'VACUUM (ANALYZE) "{table}"' for table in metadata.tables))

    def _alone(self, *commands: str) -> None:
        def attempt() -> None:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                driver = _driver(connection)
                driver.add_notice_handler(_warn)
                try:
                    for command in commands:
                        connection.exec_driver_sql(command)
                finally:
                    driver.remove_notice_handler(_warn)

        self._patiently(attempt)

    def is_passing(self, error: Exception) -> bool:
        cause = _cause(error)
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        state = getattr(cause, "sqlstate", None)
        if state is None:
            # no state: the server never answered, or the connection broke
            return isinstance(cause, psycopg.OperationalError) and not _REFUSED.search(str(cause))
        return state in _PASSING or state.startswith("08")

    def explain(self, error: Exception) -> LedgerError:
        cause = _cause(error)
        state = getattr(cause, "sqlstate", None) or ""
        said = (str(cause).strip().splitlines() or [""])[0]
        if state == "55P03":
            return LedgerBusyError(
                f"The ledger {self.place} is locked.", why=said, fix="Wait for the other run and try again."
            )
        if state.startswith("53"):
            return LedgerError(
                f"The ledger {self.place} could not be written.",
                why=f"PostgreSQL says: {said}.",
                fix="Nothing was half recorded. Make room on the server and run the same command again.",
            )
        if self.is_passing(error):
            return LedgerUnreachableError(
                f"The ledger {self.place} cannot be reached.",
                why=said,
                fix="Start the server or check the address under `ledger:`, then run the same command again.",
            )
        if "FATAL" in said and ("does not exist" in said or "authentication failed" in said):  # of a login, no state
            return LedgerPlaceError(
                f"The ledger {self.place} cannot be opened.",
                why=f"PostgreSQL says: {said}.",
                fix="Correct user, password or database under `ledger:`, or create it on the server (createdb).",
            )
        return LedgerError(f"The ledger {self.place} cannot be used.", why=f"PostgreSQL says: {said}.")


def _engine(url: URL, schema: str | None) -> Engine:
    engine = create_engine(url, connect_args={"connect_timeout": 10})
    settings = f"{_SETTINGS}; SET search_path TO {schema}" if schema else _SETTINGS

    @event.listens_for(engine, "connect")
    def prepare(connection: psycopg.Connection[Any], _record: object) -> None:
        # a frozen process must not keep the lease's row locked for ever
        connection.execute(settings)
        connection.commit()

    return engine


def _warn(told: psycopg.errors.Diagnostic) -> None:
    """Say what the server left undone: it skips a table whose owner we are not, and calls that a success."""
    if told.severity_nonlocalized == "WARNING":
        _log.warning("PostgreSQL says: %s", told.message_primary)


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def _copy(table: str, names: str) -> str:
    return f'COPY "{table}" ({names}) FROM STDIN (FORMAT csv)'


def _literal_marks(query: str) -> Any:  # psycopg asks for a literal string; our queries are made of our own names only
    return _MARK.sub(r"{\1}", query)


def _cause(error: Exception) -> BaseException:
    return getattr(error, "orig", None) or error

"""Fixtures: an empty ledger's address on SQLite and on PostgreSQL, so that one test runs on both."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from recyclekit.ledger import open_ledger
from tests.postgres_server import MISSING, server

STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def quick_folder() -> Path:
    """Return a new folder, in memory where there is such a file system: a kill is a kill there too."""
    shm = "/dev/shm" if Path("/dev/shm").is_dir() else None
    return Path(tempfile.mkdtemp(prefix="recyclekit-", dir=shm))


@functools.cache
def postgres_template() -> str:
    """Return the address of a database that holds an empty, current ledger."""
    one = server()
    assert one is not None
    url = one.database()
    _migrate(url, Path())
    return url


@functools.cache
def sqlite_template() -> Path:
    """Return a file that holds an empty, current ledger."""
    folder = quick_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _migrate("sqlite:///ledger.db", folder)
    return folder / "ledger.db"


def emptied(url: str) -> str:
    """Return the same PostgreSQL database with an empty ledger: a tenth of the cost of another database."""
    _in_postgres(url, _emptying())
    return url


def keep_rows(url: str) -> None:
    """Keep what a PostgreSQL ledger holds now, for `restored`."""
    from recyclekit.ledger.schema import metadata

    copies = [f"CREATE TABLE kept.{name} AS TABLE public.{name}" for name in metadata.tables]
    _in_postgres(url, ["DROP SCHEMA IF EXISTS kept CASCADE", "CREATE SCHEMA kept", *copies])


def restored(url: str) -> str:
    """Return the same PostgreSQL database with the rows that were kept."""
    from recyclekit.ledger.schema import metadata

    back = [f"INSERT INTO {table.name} SELECT * FROM kept.{table.name}" for table in metadata.sorted_tables]
    number = "SELECT setval(pg_get_serial_sequence('runs', 'run_no'), (SELECT max(run_no) FROM runs))"
    _in_postgres(url, [*_emptying(), *back, number])
    return url


def _emptying() -> list[str]:
    from recyclekit.ledger.schema import metadata

    # for so few rows, a tenth of what TRUNCATE takes
    gone = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
    return [*gone, "SELECT setval(pg_get_serial_sequence('runs', 'run_no'), 1, false)"]


def _in_postgres(url: str, statements: list[str]) -> None:
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("; ".join(statements))  # type: ignore[call-overload]  # psycopg wants a literal


def _migrate(url: str, folder: Path) -> None:
    ledger = open_ledger(url, folder)
    ledger.release(ledger.acquire("template", "template"))
    ledger.close()


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of an empty, current ledger in PostgreSQL."""
    one = server()
    if one is None:
        pytest.skip(MISSING)
    url = one.copy_of(postgres_template())
    yield url
    one.drop(url)


@pytest.fixture
def empty_postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL database with nothing in it."""
    one = server()
    if one is None:
        pytest.skip(MISSING)
    url = one.database()
    yield url
    one.drop(url)


@pytest.fixture(params=STORES)
def ledger_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty ledger, on each store in turn."""
    if request.param == "sqlite":
        return "sqlite:///ledger.db"
    return str(request.getfixturevalue("postgres_url"))

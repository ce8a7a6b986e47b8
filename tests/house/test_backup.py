"""A backup holds the whole ledger at one moment, and can be put back into either database, all of it or nothing."""

from __future__ import annotations

import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Connection, text

from recyclekit.errors import ConfigError, InputError, LedgerVersionError
from recyclekit.faultpoint import arm
from recyclekit.ledger import open_ledger, tombs
from recyclekit.ledger.backup import tables_there
from recyclekit.ledger.house import House
from recyclekit.ledger.version import migrate
from recyclekit.models.run import RunState
from recyclekit.models.snapshot import dead_letters
from recyclekit.models.tombstone import Erasable
from tests.chaos.ordeal import Crash, crash_at
from tests.ledger.deeds import IN_DOUBT, a_plan, a_run, all_pending, fields, receipts, task
from tests.postgres_server import MISSING, server
from tests.stores import STORES, empty_postgres_url, ledger_url, postgres_url, quick_folder

__all__ = ["empty_postgres_url", "ledger_url", "postgres_url"]


@pytest.fixture
def folder() -> Iterator[Path]:
    made = quick_folder()
    yield made
    shutil.rmtree(made)


@pytest.fixture
def make() -> Iterator[Callable[[str], House]]:
    """Ledgers, each in a folder of its own, closed in the end; on PostgreSQL each in a new database."""
    opened: list[tuple[House, Path, str]] = []

    def one(kind: str) -> House:
        place, url = quick_folder(), "sqlite:///ledger.db"
        if kind == "postgres":
            there = server()
            if there is None:
                pytest.skip(MISSING)
            url = there.database()
        opened.append((open_ledger(url, place), place, url))
        return opened[-1][0]

    yield one
    for house, place, url in opened:
        house.close()
        shutil.rmtree(place)
        if url.startswith("postgres"):
            there = server()
            assert there is not None
            there.drop(url)


def lived_in(house: House) -> House:
    """Fill a ledger: receipts, doubt, a touch, dead letters, a tombstone."""
    lease = house.acquire("main", "r1")
    letter = {"stage": "normalize", "table": "deals", "record_id": "日本", "line": 7, "code": "x", "reason": ""}
    house.begin(lease, a_run(), a_plan(task("D1"), fields("D1"), task("D2"), task("D3")), dead_letters([letter]))
    house.mark_sent(lease, "r1", ["main:D1:1:first", "main:D1:1:fields:r1", "main:D2:1:first"])
    house.settle(lease, "r1", receipts(["main:D1:1:first", "main:D1:1:fields:r1"]))
    house.settle(lease, "r1", receipts(["main:D2:1:first"], IN_DOUBT))
    house.end(lease, "r1", RunState.PARTIAL)
    house.store.write("tombs", lambda c: tombs.put_up(c, "main", "e1", [(Erasable.DEAL, "D9")]))
    return house


def content(house: House) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows by table, leases without who holds them."""

    def work(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
        found = {}
        for table in tables_there(connection):
            columns = [c for c in table.columns if c.name not in {"holder", "machine", "expires_at"}]
            names = ", ".join(f'"{c.name}"' for c in columns)
            keys = ", ".join(f'"{c.name}"' for c in table.primary_key.columns)
            rows = connection.execute(text(f'SELECT {names} FROM "{table.name}" ORDER BY {keys}'))
            found[table.name] = [tuple(_comparable(value) for value in row) for row in rows]
        return found

    return house.store.read(work)


def _comparable(value: object) -> object:
    """Return a value as text that both stores give: SQLite keeps dates and times as text."""
    if isinstance(value, (bytes, memoryview)):
        return bytes(value)
    return str(value).replace("+00:00", "").removesuffix(".000000") if value is not None else None


@pytest.mark.parametrize("there", STORES)
@pytest.mark.parametrize("here", STORES)
def test_a_backup_of_either_database_is_the_same_ledger_in_either(
    here: str, there: str, make: Callable[[str], House], folder: Path
) -> None:
    old, new = lived_in(make(here)), make(there)
    made = old.save_to(folder / "ledger.backup")
    assert made.rows["actions"] == 3
    assert (folder / "ledger.backup").stat().st_mode & 0o077 == 0, "only its owner may read a backup"
    assert new.restore_from(folder / "ledger.backup").rows == made.rows
    assert content(new) == content(old)
    for look in (lambda h: h.run("r1"), lambda h: h.actions("r1").rows(), lambda h: h.dead_letters("r1").rows(),
                 lambda h: h.memory("main").touches.rows(), lambda h: h.memory("main").erased):  # fmt: skip
        assert look(new) == look(old)
    # it goes on where it stood: tokens only grow, numbers are not given twice
    token = old.acquire("main", "x").token if (old.store.place == new.store.place) else None
    lease = new.acquire("main", "r2")
    assert token is None or lease.token == token
    assert lease.token > 1
    assert all_pending(new) == ["main:D3:1:first"]
    new.begin(lease, a_run("r2"), a_plan(task("D4")), dead_letters())
    assert [run.run for run in new.runs()] == ["r2", "r1"]


@pytest.mark.parametrize("kind", STORES)
def test_it_is_one_moment_while_a_run_goes_on_writing(make: Callable[[str], House], folder: Path, kind: str) -> None:
    """Every commit settles one action and makes one touch: a backup in which they differ is of no one moment."""
    house, other = make(kind), make(kind)
    lease = house.acquire("main", "r1")
    rows = [task(f"D{n:03}") for n in range(120)]
    house.begin(lease, a_run(), a_plan(*rows), dead_letters())
    begun, stop = threading.Event(), threading.Event()

    def write() -> None:
        for row in rows:
            key = str(row["key"])
            house.mark_sent(lease, "r1", [key])
            house.settle(lease, "r1", receipts([key]))
            begun.set()
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(60)
    made = house.save_to(folder / "b")
    stop.set()
    writer.join(60)
    other.restore_from(folder / "b")
    done = other.run("r1").counts.get("done", 0)
    assert 1 <= done == other.memory("main").touches.height == made.rows["touches"]


def test_a_ledger_that_is_not_empty_is_left_as_it_is(make: Callable[[str], House], folder: Path) -> None:
    house = lived_in(make("sqlite"))
    house.save_to(folder / "b")
    before = content(house)
    with pytest.raises(ConfigError, match=r"not empty: .*runs"):
        house.restore_from(folder / "b")
    assert content(house) == before


@pytest.mark.parametrize("kind", STORES)
def test_an_empty_ledger_that_is_there_already_is_filled(make: Callable[[str], House], folder: Path, kind: str) -> None:
    old, new = lived_in(make(kind)), make(kind)
    old.save_to(folder / "b")
    new.release(new.acquire("main", "looked at"))
    new.restore_from(folder / "b")
    assert new.run("r1").counts == old.run("r1").counts


@pytest.mark.parametrize("kind", STORES)
def test_an_empty_ledger_of_an_older_schema_makes_room_with_all_its_tables(
    make: Callable[[str], House], folder: Path, kind: str
) -> None:
    lived_in(make("sqlite")).save_to(folder / "b")
    for schema in ("0001", "0006"):
        new = make(kind)
        new.store.write("migrate", partial(migrate, to=schema))
        assert new.schema() == schema
        new.restore_from(folder / "b")
        assert new.run("r1").counts["done"] == 2


def test_every_byte_that_is_changed_is_noticed(make: Callable[[str], House], folder: Path) -> None:
    lived_in(make("sqlite")).save_to(folder / "b")
    whole = (folder / "b").read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        (folder / "b").write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        new = make("sqlite")
        try:
            new.restore_from(folder / "b")
        except (InputError, LedgerVersionError):
            assert new.schema() is None
        else:  # a byte between the members, that nobody reads
            assert new.run("r1").counts["done"] == 2
    for short in (0, 10, len(whole) // 2, len(whole) - 1):
        (folder / "b").write_bytes(whole[:short])
        with pytest.raises(InputError):
            make("sqlite").restore_from(folder / "b")


def test_what_is_no_backup_is_named_so(make: Callable[[str], House], folder: Path) -> None:
    house = make("sqlite")
    with pytest.raises(InputError, match="There is no backup"):
        house.restore_from(folder / "nothing")
    (folder / "text").write_text("hello", encoding="utf-8")
    with pytest.raises(InputError, match="is no backup"):
        house.restore_from(folder / "text")
    with zipfile.ZipFile(folder / "zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(InputError, match="is no backup"):
        house.restore_from(folder / "zip")
    with pytest.raises(InputError, match="no ledger"):
        house.save_to(folder / "b")
    assert house.schema() is None


def test_a_backup_of_a_newer_version_is_refused(make: Callable[[str], House], folder: Path) -> None:
    house = lived_in(make("sqlite"))
    house.save_to(folder / "b")
    with zipfile.ZipFile(folder / "b") as old, zipfile.ZipFile(folder / "c", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(f'"schema": "{house.schema()}"'.encode(), b'"schema": "9999"'))
    with pytest.raises(LedgerVersionError, match="newer"):
        make("sqlite").restore_from(folder / "c")


def test_a_disk_that_is_full_leaves_the_older_backup(make: Callable[[str], House], folder: Path) -> None:
    house = lived_in(make("sqlite"))
    house.save_to(folder / "b")
    before = (folder / "b").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_parquet", _full)
        with pytest.raises(InputError, match="cannot be written"):
            house.save_to(folder / "b")
    assert (folder / "b").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["b"]


def _full(*_args: object, **_more: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("kind", STORES)
def test_a_restore_that_ends_anywhere_has_done_nothing_or_all(
    make: Callable[[str], House], folder: Path, kind: str
) -> None:
    old = lived_in(make("sqlite"))
    old.save_to(folder / "b")
    crashed, n = True, 0
    new = make(kind)
    while crashed:
        n += 1
        arm(crash_at(n))
        try:
            new.restore_from(folder / "b")
            crashed = False
        except Crash:
            crashed = True
        finally:
            arm(None)
        if crashed and new.schema() is not None:
            break  # it was committed before the end was told
        assert crashed or content(new) == content(old)
    assert content(new) == content(old)
    assert n > 5

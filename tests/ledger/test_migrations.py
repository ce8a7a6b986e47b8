"""Every schema that was ever the newest on main is brought up to date with all it holds, or, if killed, not at all.

`schemas/` holds what the code of that time wrote, frozen: a run that ended with one write done, one in doubt, one
refused and one unsent, and a run that was cut short.
"""

from __future__ import annotations

import importlib
import pkgutil
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection

from recyclekit.ledger import open_ledger
from recyclekit.ledger.house import House
from recyclekit.ledger.migrations import versions
from recyclekit.ledger.schema import metadata
from recyclekit.ledger.states import HEAD
from recyclekit.models.snapshot import dead_letters
from tests.ledger.deeds import a_plan, a_run, all_pending, receipts, states, task
from tests.ledger.killed import upgrade_killed_at
from tests.postgres_server import MISSING, server
from tests.stores import STORES, quick_folder

FROZEN = Path(__file__).parent / "schemas"
SCHEMAS = sorted({path.name.split(".")[0] for path in FROZEN.iterdir()})
Frozen = Callable[[str, str], tuple[str, Path]]


@pytest.fixture
def frozen() -> Iterator[Frozen]:
    """Make a ledger as the code of a past schema left it (of none: an empty one); give its address and folder."""
    made: list[tuple[str, Path]] = []

    def one(store: str, schema: str) -> tuple[str, Path]:
        script = (FROZEN / f"{schema}.{store}.sql").read_text("utf-8") if schema else "SELECT 1"
        folder, url = quick_folder(), "sqlite:///ledger.db"
        if store == "sqlite":
            ledger = sqlite3.connect(folder / "ledger.db")
            ledger.executescript(script)
            ledger.close()
        else:
            there = server()
            if there is None:
                pytest.skip(MISSING)
            url = there.database()
            _run(url, script)
        made.append((url, folder))
        return made[-1]

    yield one
    for url, folder in made:
        shutil.rmtree(folder)
        if url.startswith("postgres"):
            there = server()
            assert there is not None
            there.drop(url)


def _run(url: str, script: str) -> None:
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(script)  # type: ignore[call-overload]  # psycopg wants a literal


def told(house: House) -> dict[str, object]:
    """Return what a ledger answers, in words that no schema changes."""
    memory = house.memory("main")
    return {
        "runs": [(run.run, run.state, dict(run.counts), run.as_of, run.started_at) for run in house.runs()],
        "actions": {run: house.actions(run).rows() for run in ("r1", "r2")},
        "letters": house.dead_letters("r1").rows(),
        "cycles": memory.cycles.rows(),
        "touches": memory.touches.rows(),
        "doubt": memory.in_doubt,
    }


def differences(house: House) -> list[object]:
    """Return where the database's schema is not the one that the tables declare."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    return house.store.read(compare)


def goes_on(house: House) -> None:
    """Assert that the run that was cut short is taken up where it stood."""
    lease = house.acquire("main", "r2")
    assert lease.token == 3
    assert all_pending(house, "r2") == ["main:D6:1:first"]
    house.mark_sent(lease, "r2", ["main:D6:1:first"])
    house.settle(lease, "r2", receipts(["main:D6:1:first"]))
    assert set(states(house, "r2").values()) == {"done"}
    assert house.reopen(lease, "r1") == 1
    assert all_pending(house, "r1") == ["main:D3:1:first", "main:D4:1:first"]
    house.begin(lease, a_run("r3"), a_plan(task("D7")), dead_letters())
    assert [run.run for run in house.runs()] == ["r3", "r2", "r1"]


@pytest.mark.parametrize("store", STORES)
def test_all_schemas_that_ever_were_say_the_same_and_go_on(store: str, frozen: Frozen) -> None:
    said = {}
    for schema in SCHEMAS:
        house = open_ledger(*frozen(store, schema))
        assert house.upgrade() == schema
        assert house.schema() == HEAD
        assert differences(house) == []
        said[schema] = told(house)
        goes_on(house)
        house.close()
    first = said[SCHEMAS[0]]
    assert first["doubt"] == {"D2"}
    assert all(one == first for one in said.values())


@pytest.mark.parametrize("store", STORES)
def test_an_upgrade_that_is_killed_at_any_statement_changed_nothing(store: str, frozen: Frozen) -> None:
    """From the first schema, whose way is that of all others."""
    schema = SCHEMAS[0]
    url, folder = frozen(store, schema)
    statement, killed = 0, True
    while killed:
        statement += 1
        killed = upgrade_killed_at(url, folder, statement)
        house = open_ledger(url, folder)
        assert house.schema() == (schema if killed else HEAD)
        house.close()
    assert statement > 10
    house = open_ledger(url, folder)
    assert differences(house) == []
    goes_on(house)
    house.close()


@pytest.mark.parametrize("there", STORES)
@pytest.mark.parametrize("here", STORES)
def test_a_backup_of_any_schema_is_made_as_it_is_and_restored_as_the_newest(
    here: str, there: str, frozen: Frozen, tmp_path: Path
) -> None:
    for schema in SCHEMAS:
        old = open_ledger(*frozen(here, schema))
        assert old.save_to(tmp_path / schema).schema == schema
        assert old.schema() == schema, "a backup changes nothing"
        empty = quick_folder()
        url, folder = ("sqlite:///ledger.db", empty) if there == "sqlite" else frozen(there, "")
        new = open_ledger(url, folder)
        new.restore_from(tmp_path / schema)
        assert new.schema() == HEAD
        assert differences(new) == []
        assert told(new) == told(old)
        goes_on(new)
        old.close()
        new.close()
        shutil.rmtree(empty)


def test_every_migration_has_its_frozen_schema_unless_the_next_came_with_it() -> None:
    numbers = [name[1:5] for _, name, _ in pkgutil.iter_modules(versions.__path__) if name[0] == "v"]
    came_together = {"0004"}  # with 0005, in one commit
    assert sorted({*numbers} - came_together) == SCHEMAS


def test_there_is_no_way_back_but_a_backup() -> None:
    for _, name, _ in pkgutil.iter_modules(versions.__path__):
        assert not hasattr(importlib.import_module(f"{versions.__name__}.{name}"), "downgrade")


def test_threads_make_a_ledger_each_at_the_same_time(tmp_path: Path) -> None:
    def make(number: int) -> str | None:
        ledger = open_ledger(f"sqlite:///{number}.db", tmp_path)
        assert isinstance(ledger, House)
        ledger.upgrade()
        found = ledger.schema()
        ledger.close()
        return found

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(make, range(6))) == [HEAD] * 6

"""The schema: what each text column holds, and that migrations and tables say the same. No person's words anywhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, String, Text, inspect, text
from sqlalchemy.types import TypeEngine

from recyclekit.errors import ExitCode, LedgerError, LedgerVersionError
from recyclekit.ledger import open_ledger
from recyclekit.ledger.house import House
from recyclekit.ledger.schema import HOLDS, metadata
from recyclekit.ledger.sql import SqlLedger
from recyclekit.ledger.states import HEAD
from recyclekit.ledger.version import version
from recyclekit.models.snapshot import dead_letters
from tests.ledger.deeds import a_plan, a_run, all_pending, receipts, states, task
from tests.stores import quick_folder

COLUMNS = [column for table in metadata.sorted_tables for column in table.columns]


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_a_text_column_declares_what_it_holds(column: object) -> None:
    if isinstance(column.type, (String, Text)):  # type: ignore[attr-defined]
        assert column.info.get("holds") in HOLDS, (
            f"{column}: say in info={{'holds': …}} which of {list(HOLDS)} it holds"
        )  # type: ignore[attr-defined]
    else:
        assert type(column.type).__name__ in {"Integer", "BigInteger", "SmallInteger", "Date", "UtcTime", "LargeBinary"}  # type: ignore[attr-defined]


def test_no_column_is_named_after_a_person() -> None:
    forbidden = {"name", "email", "mail", "phone", "address", "subject", "text", "note", "comment", "hook", "contact"}
    assert not {column.name for column in COLUMNS} & forbidden


def test_every_table_belongs_to_a_pipeline_or_to_a_run_of_one() -> None:
    shared = {"budgets"}  # of an account, whichever pipelines call it
    for table in [one for one in metadata.sorted_tables if one.name not in shared]:
        assert {"pipeline", "run_no", "action_id"} & set(table.columns.keys()), table.name


@pytest.fixture
def current(ledger: SqlLedger) -> SqlLedger:
    ledger.acquire("main", "r1")
    return ledger


def test_migrations_and_tables_agree(current: SqlLedger) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def same(
        _context: object, _inspected: object, _declared: object, there: TypeEngine[object], here: TypeEngine[object]
    ) -> bool | None:
        both = {type(there).__name__.lower(), type(here).__name__.lower()}
        return False if both <= {"utctime", "datetime", "timestamp"} else None

    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": same}), metadata))

    assert current.store.read(compare) == []


def test_tables_without_a_row_id_are_so_in_sqlite_after_migrating(current: SqlLedger) -> None:
    if current.store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no such tables")
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID%'"
    found = set(current.store.read(lambda connection: connection.execute(text(query)).scalars().all()))
    assert found == {t.name for t in metadata.sorted_tables if t.dialect_options["sqlite"]["with_rowid"] is False}


def test_head_is_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    import recyclekit.ledger.migrations as room

    config = Config()
    config.set_main_option("script_location", str(Path(room.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_ledger_is_made_by_the_first_write(current: SqlLedger) -> None:
    assert current.store.read(version) == HEAD
    names = current.store.read(lambda connection: set(inspect(connection).get_table_names()))
    assert names == {*metadata.tables, "alembic_version"}


@pytest.mark.parametrize("ask", [House.status, House.upgrade, lambda house: house.save_to(Path("never.backup"))])
def test_the_database_of_another_program_is_no_ledger(tmp_path: Path, ask: Callable[[House], object]) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("CREATE TABLE alembic_version (version_num TEXT)")
        other.execute("INSERT INTO alembic_version VALUES ('ab12')")
        other.commit()
    house = open_ledger("sqlite:///ledger.db", tmp_path)
    with pytest.raises(LedgerError, match="no ledger"):
        ask(house)
    house.close()


def test_a_run_of_the_first_schema_goes_on_where_it_stood(tmp_path: Path) -> None:
    old, keys = open_ledger("sqlite:///ledger.db", tmp_path), ["main:D1:1:first", "main:D2:1:first"]
    old.store.write("migrate", lambda connection: _migrate_to(connection, "0001"))
    old.store.write("fill", _fill_first_schema)
    old.close()

    ledger = open_ledger("sqlite:///ledger.db", tmp_path)
    assert ledger.run("r1").counts == {"planned": 2}
    assert ledger.store.read(version) == HEAD
    lease = ledger.acquire("main", "r1")
    ledger.begin(lease, a_run(), a_plan(task("D1"), task("D2")), dead_letters())
    assert all_pending(ledger, size=1) == keys
    ledger.mark_sent(lease, "r1", keys[:1])
    ledger.settle(lease, "r1", receipts(keys[:1]))
    assert all_pending(ledger) == keys[1:]
    assert states(ledger) == {keys[0]: "done", keys[1]: "planned"}
    assert ledger.memory("main").touches["deal_id"].to_list() == ["D1"]
    ledger.close()


def _migrate_to(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    import recyclekit.ledger.migrations as room

    config = Config()
    config.set_main_option("script_location", str(Path(room.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _fill_first_schema(connection: Connection) -> None:
    run = a_run()
    connection.execute(
        text("""INSERT INTO runs (run, pipeline, kind, state, started_at, plan_sha256, planned)
            VALUES ('r1', 'main', 'apply', 'running', '2026-01-01 00:00:00', :plan, 2)"""),
        {"plan": run.plan_sha256},
    )
    for n, row in enumerate((task("D1"), task("D2")), start=1):
        named = {**row, "id": (1 << 32) + n, "pipeline": "main"}
        marks = ", ".join(f":{name}" for name in named)
        columns = ", ".join(f'"{name}"' for name in named)
        connection.execute(text(f"INSERT INTO actions ({columns}) VALUES ({marks})"), named)


def test_a_newer_ledger_is_refused_by_reading_and_writing(current: SqlLedger, ledger_url: str) -> None:
    _say_version(current, "9999")
    again = SqlLedger(current.store)
    for use in (lambda: again.memory("main"), lambda: again.acquire("main", "r2")):
        with pytest.raises(LedgerVersionError, match=r"newer recyclekit.*Upgrade") as refused:
            use()
        assert refused.value.exit_code is ExitCode.USAGE


def test_another_programs_database_is_refused(current: SqlLedger) -> None:
    _say_version(current, "ae1027a6acf")
    with pytest.raises(LedgerError, match="no ledger"):
        SqlLedger(current.store).memory("main")


def test_a_current_ledger_opens_without_alembic(current: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    from recyclekit.ledger import sql

    def refuse(_connection: object) -> None:
        raise AssertionError("migrated a current ledger")

    monkeypatch.setattr(sql, "migrate", refuse)
    again = SqlLedger(current.store)
    again.memory("main")
    assert again.acquire("other", "r1").token == 1


def test_an_address_is_read_or_refused() -> None:
    folder = quick_folder()
    from recyclekit.errors import ConfigError

    for url in ("mysql://x/y", "sqlite://", "nonsense", "postgres ql://x"):
        with pytest.raises(ConfigError):
            open_ledger(url, folder)
    assert open_ledger("sqlite:///sub/ledger.db", folder).store.place == str(folder / "sub" / "ledger.db")


def _say_version(ledger: SqlLedger, number: str) -> None:
    ledger.store.write(
        "lie", lambda connection: connection.execute(text(f"UPDATE alembic_version SET version_num = '{number}'"))
    )


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "失注 50% (a?b#c)"
    folder.mkdir()
    ledger = open_ledger("sqlite:///ledger.db", folder)
    ledger.acquire("main", "r1")
    ledger.close()
    assert (folder / "ledger.db").exists()

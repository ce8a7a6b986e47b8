"""A store in trouble says what happened and what to do, and nothing is half recorded."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, make_url, text

from recyclekit import clock
from recyclekit.errors import (
    ConfigError,
    ExitCode,
    LedgerBusyError,
    LedgerError,
    LedgerPlaceError,
    LedgerUnreachableError,
)
from recyclekit.ledger import open_ledger, sqlite
from recyclekit.ledger.house import House
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.proposal import Cause
from recyclekit.models.run import RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from recyclekit.models.tombstone import Erasable
from tests.ledger.deeds import DONE, FAILED, a_plan, a_run, all_pending, receipts, states, task
from tests.ledger.test_proposals import WEEK, a_whole_plan

ROWS = [task(f"D{n}") for n in range(4_000)]


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[House]:
    ledger = open_ledger("sqlite:///ledger.db", tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def on_postgres(postgres_url: str, tmp_path: Path) -> Iterator[House]:
    ledger = open_ledger(postgres_url, tmp_path)
    ledger.store.sleep = lambda _seconds: None
    yield ledger
    ledger.close()


def test_a_full_disk_leaves_nothing_half_recorded(on_sqlite: SqlLedger) -> None:
    lease = on_sqlite.acquire("main", "r1")
    pages = on_sqlite.store.read(lambda connection: connection.execute(text("PRAGMA page_count")).scalar_one())

    @event.listens_for(on_sqlite.store.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}").close()

    with pytest.raises(LedgerError, match="Make room on the disk"):
        on_sqlite.begin(lease, a_run(), a_plan(*ROWS), dead_letters())
    event.remove(on_sqlite.store.engine, "checkout", limit)
    on_sqlite.store.engine.dispose()
    assert list(on_sqlite.runs()) == []
    on_sqlite.begin(lease, a_run(), a_plan(*ROWS), dead_letters())
    assert on_sqlite.run("r1").counts == {"planned": 4_000}


def test_a_locked_file_says_so(on_sqlite: SqlLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_sqlite.acquire("main", "r1")
    on_sqlite.close()
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    impatient = open_ledger("sqlite:///ledger.db", tmp_path)
    with pytest.raises(LedgerBusyError, match=r"locked.*Another process") as refused:
        impatient.acquire("other", "r2")
    assert refused.value.exit_code is ExitCode.LOCKED
    assert impatient.memory("main").touches.is_empty(), "reading needs no lock"
    impatient.close()
    other.close()


def test_a_file_that_is_no_database_says_so(on_sqlite: SqlLedger, tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"deal_id,amount\n" * 99)
    with pytest.raises(LedgerError, match="not a database"):
        on_sqlite.memory("main")


@pytest.mark.parametrize("name", ["nowhere/ledger.db", "nowhere/deeper/ledger.db"])
def test_a_folder_that_is_missing_says_so_and_is_not_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(LedgerPlaceError, match=r"There is no folder .*nowhere.*Nothing was created") as refused:
        open_ledger(f"sqlite:///{tmp_path / name}", Path("/")).acquire("main", "r1")
    assert refused.value.exit_code is ExitCode.USAGE
    assert not list(tmp_path.iterdir())


def test_a_folder_in_place_of_the_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(LedgerPlaceError, match="no file that may be written"):
        open_ledger("sqlite:///ledger.db", tmp_path).acquire("main", "r1")


def test_what_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever runs the tests may be allowed everything
    assert "may not be written" in str(sqlite.obstacle(tmp_path / "ledger.db"))


@pytest.mark.postgres
def test_a_server_that_does_not_answer_says_so_without_the_password(tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg://recyclekit:hunter2@127.0.0.1:{one.getsockname()[1]}/nowhere"
        ledger, waited = open_ledger(url, tmp_path), []
        ledger.store.sleep = waited.append
        with pytest.raises(LedgerUnreachableError, match="cannot be reached") as refused:
            ledger.memory("main")
    assert waited == [0.1, 0.5, 2.0]
    assert refused.value.exit_code is ExitCode.UNREACHABLE
    assert "hunter2" not in str(refused.value)


@pytest.mark.postgres
def test_a_database_that_does_not_exist_is_not_waited_for(postgres_url: str, tmp_path: Path) -> None:
    ledger, waited = open_ledger(postgres_url + "x", tmp_path), []
    ledger.store.sleep = waited.append
    with pytest.raises(LedgerPlaceError, match="does not exist"):
        ledger.acquire("main", "r1")
    assert not waited


@pytest.mark.postgres
def test_a_connection_that_breaks_is_replaced(on_postgres: SqlLedger) -> None:
    lease = on_postgres.acquire("main", "r1")
    cut_all(on_postgres)
    on_postgres.begin(lease, a_run(), a_plan(task("D1")), dead_letters())
    cut_all(on_postgres)
    assert on_postgres.run("r1").counts == {"planned": 1}


@pytest.mark.postgres
@pytest.mark.parametrize("committed", [True, False], ids=["it was committed", "it was not committed"])
def test_a_commit_whose_answer_is_lost_is_settled_by_doing_it_again(on_postgres: SqlLedger, *, committed: bool) -> None:
    """The connection ends during each commit in turn: every write finds out for itself whether it is done."""
    ledger = on_postgres
    plan = a_plan(task("D1"), task("D2"))
    with losing_commits(ledger, committed=committed) as lost:
        lease = ledger.acquire("main", "r1")
        ledger.begin(lease, a_run(), plan, dead_letters())
        ledger.renew(lease)
        keys = all_pending(ledger)
        assert not ledger.mark_sent(lease, "r1", keys)
        ledger.settle(lease, "r1", [*receipts(keys[:1]), *receipts(keys[1:], FAILED)])
        ledger.reopen(lease, "r1")
        ledger.mark_sent(lease, "r1", keys[1:])
        ledger.settle(lease, "r1", receipts(keys[1:]))
        ledger.end(lease, "r1", RunState.SUCCESS)
        ledger.release(lease)
    assert len(lost) >= 10
    assert states(ledger) == dict.fromkeys(keys, DONE)
    assert ledger.actions("r1")["attempts"].to_list() == [1, 2]
    assert ledger.memory("main").touches.height == 2
    written = "SELECT action_id % 4294967296, attempt, state FROM receipts ORDER BY 1, 2"
    found = ledger.store.read(lambda connection: connection.execute(text(written)).all())
    assert [tuple(row) for row in found] == [(1, 1, "done"), (2, 1, "failed"), (2, 2, "done")]
    assert ledger.acquire("main", "r2").token == 2


def test_what_the_server_leaves_undone_while_it_is_scrubbed_is_said(
    on_postgres: House, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The planner's samples belong to the owner of the database; another role is told so, and the rest is done."""
    on_postgres.scrub()
    assert not caplog.records
    role = f"keeper_{os.getpid()}"
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN")  # type: ignore[call-overload]  # psycopg wants a literal
        theirs = make_url(postgres_url).set(username=role).update_query_dict({"schema": "tenant_x"})
        admin.execute(f"CREATE SCHEMA tenant_x AUTHORIZATION {role}")  # type: ignore[call-overload]
        try:
            house = open_ledger(theirs.render_as_string(hide_password=False), Path())
            house.upgrade()
            house.scrub()
            house.close()
        finally:
            admin.execute(f"DROP OWNED BY {role}")  # type: ignore[call-overload]
            admin.execute(f"DROP ROLE {role}")  # type: ignore[call-overload]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "pg_statistic" in said[0]


def erased(ledger: House) -> tuple[dict[str, int], dict[str, int]]:
    """Write about two deals, erase one, and forget all that is old; return both receipts."""
    lease = ledger.acquire("main", "r1")
    ledger.begin(lease, a_run(), a_plan(task("D1"), task("D2")), dead_letters())
    keys = all_pending(ledger)
    ledger.mark_sent(lease, "r1", keys)
    ledger.settle(lease, "r1", receipts(keys))
    ledger.end(lease, "r1", RunState.SUCCESS)
    erasing = replace(a_run("e1"), kind=RunKind.ERASE, as_of=None, policy=None, started_at=clock.now())
    ledger.begin_erasing(lease, erasing, [(Erasable.DEAL, "D1")])
    ledger.note_erased(lease, "e1", {"systems": 2})
    ledger.erase_rows(lease, "e1")
    done = ledger.note_erased(lease, "e1", {"systems": 1}, RunState.SUCCESS)
    later = clock.now() + timedelta(days=1)
    went = ledger.prune(lease, runs_before=later, dead_letters_before=later, plans_before=later)
    return dict(done.counts), dict(went)


@pytest.mark.parametrize("committed", [True, False], ids=["it was committed", "it was not committed"])
def test_a_receipt_of_erasing_says_the_same_however_often_a_commit_is_done(
    on_postgres: House, on_sqlite: House, *, committed: bool
) -> None:
    with losing_commits(on_postgres, committed=committed) as lost:
        told = erased(on_postgres)
    assert len(lost) >= 9
    assert told == erased(on_sqlite)
    assert told[0]["systems"] == 3
    assert told[0]["actions"] == 1
    assert told[1]["runs"] == 1


@pytest.mark.parametrize("committed", [True, False], ids=["it was committed", "it was not committed"])
def test_a_restore_whose_answer_is_lost_does_not_stumble_over_itself(
    on_postgres: House, on_sqlite: House, tmp_path: Path, *, committed: bool
) -> None:
    erased(on_sqlite)
    made = on_sqlite.save_to(tmp_path / "b")
    with losing_commits(on_postgres, committed=committed) as lost:
        assert on_postgres.restore_from(tmp_path / "b").rows == made.rows
    assert lost
    assert on_postgres.run("e1").counts == on_sqlite.run("e1").counts
    with pytest.raises(ConfigError, match="not empty"):
        on_postgres.restore_from(tmp_path / "b")


@pytest.mark.parametrize("committed", [True, False], ids=["it was committed", "it was not committed"])
def test_the_plans_that_a_proposal_replaces_are_told_though_its_commit_is_done_again(
    on_postgres: House, *, committed: bool
) -> None:
    on_postgres.propose(a_whole_plan("r1"), Cause.APPROVAL, WEEK)
    with losing_commits(on_postgres, committed=committed) as lost:
        new, replaced = on_postgres.propose(a_whole_plan("r2"), Cause.APPROVAL, WEEK)
    assert lost
    assert (new.run, [one.run for one in replaced]) == ("r2", ["r1"])
    assert on_postgres.propose(a_whole_plan("r2"), Cause.APPROVAL, WEEK)[1] == []


@contextmanager
def losing_commits(ledger: SqlLedger, *, committed: bool) -> Iterator[list[int]]:
    """Break the connection at the first try of every commit, after the server has done it, or before."""
    dialect, lost = ledger.store.engine.dialect, []
    real: Callable[[Any], None] = dialect.do_commit

    turn = count()

    def in_turn(connection: Any) -> None:
        n = next(turn)
        if n % 2:
            real(connection)
            return
        lost.append(n)
        if committed:
            real(connection)
        connection.driver_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    dialect.do_commit = in_turn  # type: ignore[method-assign]
    try:
        yield lost
    finally:
        dialect.do_commit = real  # type: ignore[method-assign]


def cut_all(ledger: SqlLedger) -> None:
    """End all of the ledger's connections from the server's side."""
    url = ledger.store.engine.url.render_as_string().replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()")  # noqa: E501  # fmt: skip

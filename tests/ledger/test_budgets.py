"""Rate limits in the ledger: one row for each window, and as many processes as like may ask for slots of it."""

from __future__ import annotations

import multiprocessing
import os
from datetime import timedelta
from pathlib import Path

import pytest

from recyclekit import clock
from recyclekit.ledger import open_ledger
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.budget import Ask, Used


def ask(chunk: str, want: int = 3, **news: object) -> Ask:
    settings: dict[str, object] = {"calls": 10, "seconds": 60.0, "within": 2.0, "grace": 1.0}
    return Ask(chunk=chunk, want=want, **{**settings, **news})  # type: ignore[arg-type]  # a test's own shorthand


@pytest.fixture
def shared(ledger: SqlLedger) -> SqlLedger:
    """A ledger that is there already."""
    ledger.release(ledger.acquire("main", "r1"))
    return ledger


def granted(ledger: SqlLedger, question: Ask, budget: str = "toy:1:burst") -> int:
    grant = ledger.exchange(budget, question)
    assert grant is not None
    return grant.calls


def test_slots_are_taken_kept_and_given_back(shared: SqlLedger) -> None:
    assert granted(shared, ask("a", want=8)) == 8
    assert granted(shared, ask("b", want=8)) == 2
    assert granted(shared, ask("c", want=8)) == 0
    assert granted(shared, ask("d", want=8, used=(Used(chunk="a", ages=(0.1,)),))) == 7


def test_windows_and_accounts_have_nothing_to_do_with_one_another(shared: SqlLedger) -> None:
    assert [granted(shared, ask("a", want=10), name) for name in ("toy:1:burst", "toy:1:search", "toy:2:burst")] == [
        10,
        10,
        10,
    ]


def test_asking_makes_no_ledger(tmp_path: Path) -> None:
    assert open_ledger("sqlite:///ledger.db", tmp_path).exchange("toy:1:burst", ask("a")) is None
    assert not list(tmp_path.iterdir())


def test_an_older_ledger_gets_the_table_when_it_is_asked(empty_postgres_url: str) -> None:
    ledger = open_ledger(empty_postgres_url, Path())
    assert ledger.exchange("toy:1:burst", ask("a")) is None
    ledger.release(ledger.acquire("main", "r1"))
    assert granted(ledger, ask("a")) == 3
    ledger.close()


def test_processes_that_ask_at_once_never_get_more_than_there_is(ledger_url: str, tmp_path: Path) -> None:
    ledger = open_ledger(ledger_url, tmp_path)
    ledger.release(ledger.acquire("main", "r1"))
    ledger.close()
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(3) as pool:
        found = pool.starmap(_takes, [(ledger_url, tmp_path, n) for n in range(3)])
    assert sum(found) == 10
    assert max(found) < 10


def _takes(url: str, folder: Path, who: int) -> int:
    ledger = open_ledger(url, folder)
    taken = sum(granted(ledger, ask(f"{who}-{n}", want=1)) for n in range(6))
    ledger.close()
    return taken


def test_what_a_killed_process_had_taken_comes_back_with_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = open_ledger("sqlite:///ledger.db", tmp_path)
    ledger.release(ledger.acquire("main", "r1"))
    child = multiprocessing.get_context("spawn").Process(target=_dies_with_all, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == 9
    assert granted(ledger, ask("b", want=10)) == 0
    then = clock.now() + timedelta(seconds=63)  # the window, and what asking and using may take
    monkeypatch.setattr(clock, "now", lambda: then)
    assert granted(ledger, ask("c", want=10)) == 10
    ledger.close()


def _dies_with_all(folder: Path) -> None:
    open_ledger("sqlite:///ledger.db", folder).exchange("toy:1:burst", ask("dead", want=10))
    os._exit(9)

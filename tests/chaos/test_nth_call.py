"""The n-th statement or call fails, n = 1 … N, in every way it can: what is there after the next attempts is whole."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from recyclekit.errors import (
    InDoubtError,
    QuotaError,
    RecyclekitError,
    RefusedError,
    RetryableError,
    SignInError,
)
from recyclekit.models.run import Outcome, RunState
from tests.chaos.crm import fail_at
from tests.chaos.ordeal import later
from tests.chaos.work import World, fresh, judge
from tests.stores import emptied, quick_folder, sqlite_template

ATTEMPTS = 4


@pytest.fixture
def make(ledger_url: str) -> Iterator[Callable[[], World]]:
    made: list[World] = []

    def one() -> World:
        for earlier in made:
            earlier.close()
        folder = quick_folder()
        if ledger_url.startswith("sqlite"):
            shutil.copy(sqlite_template(), folder / "ledger.db")
            url = ledger_url
        else:
            url = emptied(ledger_url)
        made.append(fresh(url, folder))
        made[-1].deals = 3
        return made[-1]

    yield one
    for world in made:
        world.close()
        shutil.rmtree(world.folder)


def finished(world: World) -> Outcome:
    """Attempt until the run is through."""
    for _ in range(ATTEMPTS):
        try:
            with later(minutes=5):
                outcome = world.apply()
        except RecyclekitError:
            _forget_the_lease(world)
            continue
        if outcome.state in {RunState.SUCCESS, RunState.PARTIAL}:
            return outcome
    raise AssertionError(f"not through after {ATTEMPTS} attempts")


def _forget_the_lease(world: World) -> None:
    """Let the lease of an attempt that could not give it back come to its end."""
    from tests.ledger.test_lease import expire

    expire(world.ledger)


@pytest.mark.parametrize(
    "error",
    [
        lambda: RetryableError("Busy."),
        lambda: RetryableError("Busy.", retry_after=9e9),
        lambda: QuotaError("Spent."),
        lambda: SignInError("Who are you?"),
        lambda: InDoubtError("Silence."),
        lambda: RefusedError("No.", code="X"),
        lambda: ValueError("a bug of the connector"),
    ],
    ids=["busy", "busy for long", "quota", "sign-in", "in doubt", "refused", "bug"],
)
def test_the_nth_call_fails(error: Callable[[], Exception], make: Callable[[], World]) -> None:
    for applied in (False, True):
        if applied and not isinstance(error(), (InDoubtError, ValueError)):
            continue  # those errors say that nothing was applied
        for n in range(1, 9):
            world = make()
            fault = fail_at(n, error)
            world.crm.after, world.crm.before = (fault, world.crm.before) if applied else (world.crm.after, fault)
            try:
                outcome = world.apply()
            except ValueError:
                outcome = finished(world)
            judge(world, outcome, settled=False)
            judge(world, finished(world))


@pytest.mark.parametrize("when", ["instead of it", "after it"])
def test_the_nth_statement_fails(when: str, make: Callable[[], World]) -> None:
    n, hit = 1, True
    while hit:
        world = make()
        with failing_statement(world, n, when) as seen:
            try:
                outcome = world.apply()
            except RecyclekitError:
                outcome = None
        hit = bool(seen)
        if outcome is not None:
            judge(world, outcome, settled=False)
        else:
            _forget_the_lease(world)
        judge(world, finished(world))
        n += 1 if n < 12 or world.url.startswith("sqlite") else 5
    assert n > 40


@contextmanager
def failing_statement(world: World, n: int, when: str) -> Iterator[list[int]]:
    """Let the n-th statement or commit fail: a full disk on SQLite, a connection that breaks on PostgreSQL."""
    store, numbers, seen = world.ledger.store, count(1), list[int]()
    dialect, on_sqlite = store.engine.dialect, world.url.startswith("sqlite")

    def strike(connection: Any) -> None:
        if next(numbers) == n:
            seen.append(n)
            if on_sqlite:
                raise sqlite3.OperationalError("database or disk is full")
            connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    def statement(connection: Any, _cursor: object, _sql: str, *_: object) -> None:
        strike(connection.connection.driver_connection)

    real_commit, real_each = dialect.do_commit, type(store).each

    def commit(connection: Any) -> None:
        if when == "after it":
            real_commit(connection)
            strike(connection.driver_connection)
        else:
            strike(connection.driver_connection)
            real_commit(connection)

    def each(self: Any, connection: Any, sql: str, rows: Any) -> None:
        strike(connection.connection.driver_connection)
        real_each(self, connection, sql, rows)

    moment = "before_cursor_execute" if when == "instead of it" else "after_cursor_execute"
    event.listen(store.engine, moment, statement)
    dialect.do_commit = commit  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store), "each", each)
        try:
            yield seen
        finally:
            event.remove(store.engine, moment, statement)
            dialect.do_commit = real_commit  # type: ignore[method-assign]

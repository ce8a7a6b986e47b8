"""Processes on one ledger share a vendor's limits: no refusal, little lost, and whoever dies gives back with time."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from recyclekit.connectors import Opening
from recyclekit.connectors.pacing import Limiter, Stamp
from recyclekit.connectors.sharing import Shared
from recyclekit.errors import LedgerUnreachableError, StoppedError
from recyclekit.ledger import open_ledger
from recyclekit.models.budget import Ask, Budget, Grant
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.transport import Transport as SalesforceTransport
from tests.connectors.sharers import Case, measure
from tests.stores import empty_postgres_url, postgres_url, quick_folder

__all__ = ["empty_postgres_url", "postgres_url"]
LITTLE = 0.4  # of what the limit allows must be reached, on a machine as busy as any; measured: decision 18


class Book:
    """A shared window in this process, on a clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.budget, self.now, self.asked = Budget(), 1000.0, list[Ask]()
        self.lock = threading.Lock()

    def exchange(self, ask: Ask) -> Grant | None:
        with self.lock:
            self.asked.append(ask)
            return self.budget.reckon(ask, self.now)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def limiter(self, calls: int = 20, seconds: float = 10.0, **more: object) -> Limiter:
        ways: dict[str, object] = {"clock": self.clock, "sleep": self.sleep, "exchange": self.exchange}
        return Limiter(calls, seconds, **{**ways, **more})  # type: ignore[arg-type]  # a test's own shorthand


def call(limiter: Limiter, times: int = 1) -> None:
    for _ in range(times):
        with limiter.slot():
            pass


def test_a_busy_process_asks_in_chunks_and_a_quiet_one_for_what_it_needs() -> None:
    book = Book()
    busy = book.limiter(calls=190)
    call(busy, 100)
    assert len(book.asked) < 15
    assert max(ask.want for ask in book.asked) == 19
    book.asked.clear()
    quiet = book.limiter(calls=190)
    call(quiet)
    assert [ask.want for ask in book.asked] == [1]


def test_two_limiters_on_one_window_let_no_more_through_than_it_holds() -> None:
    book, made = Book(), list[float]()
    pair = [book.limiter(), book.limiter()]
    for turn in range(100):
        with pair[turn % 2].slot():
            made.append(book.now)
    assert max(sum(1 for other in made if at - 9.999 < other <= at) for at in made) <= 20
    assert made[-1] - made[0] < 60  # 40 at best


def test_a_429_holds_the_other_process_back_too() -> None:
    book = Book()
    one, other = book.limiter(), book.limiter()
    call(one)
    one.pause(7.0)
    call(other)
    assert book.now >= 1007.0


def test_the_vendors_word_reaches_the_others() -> None:
    book = Book()
    one, other = book.limiter(), book.limiter()
    with one.slot():
        one.learn(remaining=2, limit=30)
    call(one, 2)
    assert book.budget.limit == 30
    assert sum(book.budget.spent.values()) >= 27  # somebody else has made so many
    before = book.now
    call(other, 10)
    assert book.now - before > 8


def test_a_process_that_cannot_ask_paces_itself(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()

    def broken(_ask: Ask) -> Grant | None:
        raise LedgerUnreachableError("The ledger cannot be reached.")

    alone = book.limiter(exchange=broken)
    call(alone, 41)
    assert book.now >= 1020.0  # its own window still holds
    assert "paces itself" in caplog.text


def test_where_nobody_shares_yet_the_own_window_is_all() -> None:
    book = Book()
    limiter = book.limiter(exchange=lambda _ask: None)
    with limiter.slot():
        limiter.learn(remaining=0)
    before = book.now
    call(limiter)
    assert book.now - before >= 9


def test_where_a_test_only_notes_its_waits_nobody_else_is_asked_any_more() -> None:
    book, waits = Book(), list[float]()
    limiter = book.limiter(calls=2, sleep=waits.append)
    call(limiter, 7)
    asked = len(book.asked)
    call(limiter, 50)
    assert len(book.asked) == asked
    assert sum(waits) > 200  # its own window still holds


def test_a_stop_ends_the_wait_for_a_slot() -> None:
    book, stop = Book(), list[int]()
    first = book.limiter(calls=1)
    second = book.limiter(calls=1, should_stop=lambda: bool(stop), sleep=lambda _: stop.append(1))
    call(first)
    with pytest.raises(StoppedError):
        call(second)


def test_a_shared_window_counts_from_the_answer_whatever_a_window_of_ones_own_would_do() -> None:
    book = Book()
    limiter = book.limiter(calls=5, seconds=1.0, stamp=Stamp.SENDING)
    with limiter.slot():
        book.now += 0.6
    call(limiter, 5)
    assert 1001.6 <= book.now < 1002.5


def test_an_account_is_kept_as_a_digest_and_without_a_ledger_nothing_is_shared(tmp_path: Path) -> None:
    asked: list[str] = []
    zone = ZoneInfo("UTC")

    def share(window: str, ask: Ask) -> Grant | None:
        asked.append(window)
        return None

    exchange = Opening(folder=tmp_path, timezone=zone, share=share).sharing("pat-na1-secret", "burst")
    assert exchange is not None
    Shared(exchange, 1, 1.0, clock=lambda: 0.0, sleep=lambda _: None, should_stop=lambda: False).pause(1.0)
    assert asked[0].endswith(":burst")
    assert "secret" not in asked[0]
    assert Opening(folder=tmp_path, timezone=zone).sharing("a", "burst") is None


@pytest.fixture
def folder() -> Iterator[Path]:
    made = quick_folder()
    yield made
    shutil.rmtree(made)


@pytest.mark.slow
def test_three_processes_on_one_portal_are_never_refused_and_lose_little(folder: Path) -> None:
    found = measure(Case(ledger="sqlite:///ledger.db", folder=folder, processes=3, calls=80, burst=60, times=4.0))
    assert found.made == 240
    assert found.refused == 0
    assert 30.0 / found.seconds > LITTLE


@pytest.mark.slow
@pytest.mark.postgres
def test_three_processes_search_one_portal_through_postgresql(postgres_url: str, folder: Path) -> None:
    found = measure(Case(ledger=postgres_url, folder=folder, processes=3, calls=12, searches=True))
    assert found.made == 36
    assert found.refused == 0
    assert 6.2 / found.seconds > LITTLE


@pytest.mark.slow
def test_without_sharing_they_would_be_refused(folder: Path) -> None:
    case = Case(ledger="sqlite:///ledger.db", folder=folder, processes=3, calls=12, searches=True, share=False)
    assert measure(case).refused > 0


@pytest.mark.slow
def test_two_connections_to_one_org_keep_the_pace_that_is_asked_for(folder: Path) -> None:
    book = open_ledger("sqlite:///ledger.db", folder)
    book.release(book.acquire("main", "r1"))
    opening = Opening(folder=folder, timezone=ZoneInfo("UTC"), share=book.exchange)
    with SalesforceSandbox() as crm:
        settings = SalesforceSettings.model_validate({**crm.settings, "calls_per_second": 8})
        exchange = opening.sharing(settings.address, "calls")
        pair = [SalesforceTransport(settings, folder, exchange=exchange) for _ in range(2)]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: pair[n % 2].read_json("limits"), range(30)))
        times = sorted(call.at.timestamp() for call in crm.journal if call.path.endswith("/limits"))
    book.close()
    assert len(times) == 30
    assert max(sum(1 for other in times if at - 0.999 < other <= at) for at in times) <= 8

"""Processes that share a HubSpot account's limits through one ledger, on a clock as fast as a test likes."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from recyclekit import clock
from recyclekit.connectors import Opening
from recyclekit.errors import RetryableError
from recyclekit.ledger import open_ledger
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit_hubspot.answers import read_object
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.transport import Call, Transport, Ways

THREADS = 4
ZONE = ZoneInfo("UTC")


@dataclass(frozen=True)
class Fast:
    """A clock that all processes of a machine agree on, some times as fast as the real one."""

    times: float
    start: float

    def monotonic(self) -> float:
        return self.start + (time.time() - self.start) * self.times

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.monotonic(), UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.times)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What so many processes do at once: so many calls each, as fast as they may.

    A PostgreSQL ledger's clock is as fast as the real one, so `times` is 1 there.
    """

    ledger: str
    folder: Path
    processes: int
    calls: int
    burst: int = 190
    times: float = 1.0
    searches: bool = False
    share: bool = True
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """What came of it: calls that were answered, refusals, and seconds of the fast clock from first to last."""

    made: int
    refused: int
    seconds: float


def measure(case: Case) -> Measured:
    """Let the processes run against a sandbox."""
    fast = Fast(case.times, time.time())
    opened = open_ledger(case.ledger, case.folder)
    opened.release(opened.acquire("main", "r1"))
    opened.close()
    with HubSpotSandbox(burst=case.burst, clock=fast.now) as crm:
        case = replace(case, settings={**crm.settings, "burst": case.burst, "tries": 1})
        with multiprocessing.get_context("spawn").Pool(case.processes) as pool:
            found: Sequence[tuple[int, float, float]] = pool.starmap(_calls, [(case, fast)] * case.processes)
        refused = Counter(call.status for call in crm.journal)[429]
    begin, end = min(one[1] for one in found), max(one[2] for one in found)
    return Measured(made=sum(one[0] for one in found), refused=refused, seconds=end - begin)


def _calls(case: Case, fast: Fast) -> tuple[int, float, float]:
    clock.now = fast.now
    book = open_ledger(case.ledger, case.folder)
    opening = Opening(folder=case.folder, timezone=ZONE, share=book.exchange if case.share else None)
    ways = Ways(clock=fast.monotonic, sleep=fast.sleep, sharing=opening.sharing)
    transport = Transport(HubSpotSettings.model_validate(case.settings), ways)
    begin = fast.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        done = list(threads.map(lambda _: _made(transport, searches=case.searches), range(case.calls)))
    end = fast.monotonic()
    book.close()
    return sum(done), begin, end


def _made(transport: Transport, *, searches: bool) -> bool:
    paths = transport.paths
    search = Call(method="POST", path=paths.objects("deals", "search"), body={"limit": 1}, searches=True)
    read = Call(method="GET", path=paths.owners(), query=[("limit", "1")])
    try:
        transport.ask(search if searches else read, read_object)
    except RetryableError:
        return False
    return True

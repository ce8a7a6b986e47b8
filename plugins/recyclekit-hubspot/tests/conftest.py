"""A HubSpot account that runs here, on a clock that only moves when the connector waits."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from recyclekit import clock as real_clock
from recyclekit.connectors import Page
from recyclekit.models.tables import Table
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.moments import StillClock
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.sink import HubSpotSink
from recyclekit_hubspot.source import HubSpotSource
from recyclekit_hubspot.transport import Transport, Ways

ZONE = ZoneInfo("Asia/Tokyo")


@dataclass
class Portal:
    """A sandbox with the connector's doors to it; its clock is the connector's too."""

    crm: HubSpotSandbox
    clock: StillClock

    def settings(self, **more: object) -> HubSpotSettings:
        given = {"token": self.crm.token, "url": self.crm.url, "read_timeout": 5, **more}
        return HubSpotSettings.model_validate(given)

    def transport(self, **more: object) -> Transport:
        ways = Ways(clock=self.clock.timestamp, sleep=self.clock.sleep, chance=random.Random(1))
        return Transport(self.settings(**more), ways)

    def source(self, **more: object) -> HubSpotSource:
        return HubSpotSource(self.settings(**more), self.transport(**more))

    def sink(self, **more: object) -> HubSpotSink:
        return HubSpotSink(self.settings(**more), self.transport(**more), ZONE)

    def deals(self, count: int, **values: object) -> list[str]:
        """Put open deals in; return their ids."""
        rows = [{"deal_id": f"D-{n}", "name": f"Deal {n}", "crm_state": "open", **values} for n in range(count)]
        return list(self.crm.load(deals=rows).deals.values())[-count:]


Opener = Callable[..., Portal]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Return what opens a sandbox with arguments of the test's own."""
    running: list[HubSpotSandbox] = []

    def opener(**more: Any) -> Portal:
        clock = StillClock()
        monkeypatch.setattr(real_clock, "now", clock)
        crm = HubSpotSandbox(seed=1, clock=clock, **more)
        running.append(crm.start())
        return Portal(crm, clock)

    yield opener
    for crm in running:
        crm.stop()
        assert not crm.crashes, crm.crashes


@pytest.fixture
def portal(opened: Opener) -> Portal:
    """Return a sandbox in which our own properties are there."""
    return opened(own_fields=True)


def read_all(source: HubSpotSource, table: Table, columns: Sequence[str], after: str | None = None) -> list[Page]:
    """Return all pages of a table."""
    return list(source.pages(table, after, columns))


def rows(pages: Sequence[Page]) -> pl.DataFrame:
    """Return the records of pages in one frame."""
    return pl.concat([page.records for page in pages])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project's folder."""
    return tmp_path

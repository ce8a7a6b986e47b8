"""A sandbox org in this process, and the connector opened on it without really waiting."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from recyclekit.connectors import Opening
from recyclekit.connectors.retrying import Retrying
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.sink import SalesforceSink
from recyclekit_salesforce.source import SalesforceSource
from recyclekit_salesforce.transport import Transport

Source = Callable[..., SalesforceSource]
Sink = Callable[..., SalesforceSink]
SEED = 7


@pytest.fixture
def crm() -> Iterator[SalesforceSandbox]:
    with SalesforceSandbox(seed=SEED, timezone="Asia/Tokyo") as running:
        yield running


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    return Opening(folder=tmp_path, timezone=ZoneInfo("Asia/Tokyo"))


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the connector would have waited."""
    return []


@pytest.fixture
def transport(crm: SalesforceSandbox, opening: Opening, waits: list[float]) -> Callable[..., Transport]:
    def opened(**settings: Any) -> Transport:
        retrying = Retrying(tries=6, longest=30.0, sleep=waits.append, chance=random.Random(SEED))
        return Transport(SalesforceSettings(**{**crm.settings, **settings}), opening.folder, retrying)

    return opened


@pytest.fixture
def source(transport: Callable[..., Transport], opening: Opening) -> Source:
    def opened(today: date | None = None, **settings: Any) -> SalesforceSource:
        made = transport(**settings)
        return SalesforceSource(made.settings, opening, made, (lambda: today) if today else None)

    return opened


@pytest.fixture
def sink(transport: Callable[..., Transport], opening: Opening) -> Sink:
    def opened(**settings: Any) -> SalesforceSink:
        made = transport(**settings)
        return SalesforceSink(made.settings, opening, made)

    return opened

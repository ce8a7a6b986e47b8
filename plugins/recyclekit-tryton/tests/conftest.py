"""A real Tryton server for the session, filled with deals of every state; each test works on deals of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from recyclekit.connectors import Opening
from recyclekit_tryton import MANIFEST
from recyclekit_tryton.settings import TrytonSettings
from recyclekit_tryton.sink import TrytonSink
from recyclekit_tryton.source import TrytonSource
from tests.tryton_server import MISSING, Server, is_installed, running

STATES = ("lost", "opportunity", "won", "lead", "cancelled")
DEALS = 60
WANTED: dict[str, Any] = {
    "employees": [{"id": "anna"}],
    "scenarios": ["newsletter", "rivals"],
    "parties": [{"id": f"p{n}", "country": "JP", "opted_out": n == 7} for n in range(DEALS)],
    "deals": [
        {
            "id": f"d{n}",
            "party": f"p{n}" if n % 10 else None,
            "name": f"Deal {n}",
            "amount": f"{1000 + n}.50",
            "currency": "EUR",
            "employee": "anna",
            "created_on": "2025-01-05",
            "closed_on": "2025-03-05" if STATES[n % 5] == "lost" else None,
            "state": STATES[n % 5] if n % 10 or STATES[n % 5] in {"lost", "lead", "cancelled"} else "lost",
            "lost_reason": "予算がない\nno budget this year" if STATES[n % 5] == "lost" else None,
        }
        for n in range(DEALS)
    ],
    "activities": [{"deal": f"d{n}", "at": "2025-02-01T09:30:00"} for n in range(1, DEALS, 2)],
}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if not is_installed():
        pytest.skip(MISSING)
    with running(WANTED) as started:
        yield started


@pytest.fixture(scope="session")
def opening(tmp_path_factory: pytest.TempPathFactory) -> Opening:
    folder: Path = tmp_path_factory.mktemp("project")
    return Opening(folder=folder, timezone=ZoneInfo("Asia/Tokyo"))


@pytest.fixture(scope="session")
def settings(server: Server) -> TrytonSettings:
    scenarios = {"newsletter": server.ids["scenarios"]["newsletter"], "rivals": server.ids["scenarios"]["rivals"]}
    made = server.call("POST", "marketing.email.list", {"name": "Readers", "language": 1})
    return TrytonSettings(
        url=server.url, database="crm", key=server.key, scenarios=scenarios, mailing_lists={"readers": made["id"]},
        page_size=7,
    )  # fmt: skip


@pytest.fixture
def source(settings: TrytonSettings, opening: Opening) -> TrytonSource:
    assert MANIFEST.open_source is not None
    opened = MANIFEST.open_source(settings, opening)
    assert isinstance(opened, TrytonSource)
    return opened


@pytest.fixture
def sink(settings: TrytonSettings, opening: Opening) -> TrytonSink:
    assert MANIFEST.open_sink is not None
    opened = MANIFEST.open_sink(settings, opening)
    assert isinstance(opened, TrytonSink)
    return opened

"""The shared Prefect server as this process's own: flows that a test calls run here and show there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.server import PrefectServer


@pytest.fixture(scope="session")
def home(prefect_sqlite: PrefectServer) -> Path:
    """Prefect's own folder."""
    return prefect_sqlite.home


@pytest.fixture(scope="session")
def api(prefect_sqlite: PrefectServer) -> Iterator[str]:
    """The API address of a running server, which this process uses too.

    Heartbeats are off: each would hold a flow's end up for a second.
    """
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect_sqlite.url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield prefect_sqlite.url
        _send_what_is_left()


def _send_what_is_left() -> None:
    # Prefect sends logs and events from threads of its own, which would wait a minute for a server that has gone.
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.instance().drain()
    EventsWorker.drain_all()

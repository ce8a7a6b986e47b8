"""One Prefect server for all tests of this room, started when the first of them asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.server import running_server


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prefect's own folder."""
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def api(home: Path) -> Iterator[str]:
    """The API address of a running server, which this process uses too.

    Heartbeats are off: each would hold a flow's end up for a second.
    """
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with (
        running_server(home) as url,
        temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield url
        _send_what_is_left()


def _send_what_is_left() -> None:
    # Prefect sends logs and events from threads of its own, which would wait a minute for a server that has gone.
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.instance().drain()
    EventsWorker.drain_all()

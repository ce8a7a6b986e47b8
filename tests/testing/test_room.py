"""The room that tests of the kit run in: nothing sleeps, nobody else is called; authors override what must differ."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from recyclekit.connectors import ConnectorManifest
from recyclekit.connectors.csv import MANIFEST
from recyclekit.testing.suite.room import Room


class TestRoom(Room):
    @pytest.fixture
    def manifest(self) -> ConnectorManifest[Any]:
        return MANIFEST

    def test_nothing_sleeps_and_every_wait_is_noted(self, waits: list[float]) -> None:
        time.sleep(3600)
        assert waits == [3600]

    def test_a_live_host_is_refused(self) -> None:
        with socket.socket() as door, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
            door.connect(("192.0.2.1", 443))


class TestARoomThatReachesFurther(TestRoom):
    @pytest.fixture
    def hosts(self) -> frozenset[str]:
        return frozenset({"192.0.2.2"})

    def test_this_machine_is_then_refused_too(self) -> None:
        with socket.socket() as door, pytest.raises(AssertionError, match=r"127\.0\.0\.1"):
            door.connect(("127.0.0.1", 9))

"""The HubSpot connector passes the kit that every connector is held to, on the sandbox account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from recyclekit.connectors import ConnectorManifest
from recyclekit.testing import ConnectorSuite
from recyclekit.testing.proving import unproven
from recyclekit_hubspot import MANIFEST
from recyclekit_hubspot.settings import HubSpotSettings

from .bench import Account, HubSpotBench


class TestHubSpot(ConnectorSuite):
    version = "v3"

    @pytest.fixture
    def manifest(self) -> ConnectorManifest[Any]:
        return MANIFEST

    @pytest.fixture
    def bench(self) -> Iterator[HubSpotBench]:
        with Account(seed=1, burst=None, searches=None, daily=None) as crm:
            yield HubSpotBench(crm)

    @pytest.fixture
    def config(self, bench: HubSpotBench) -> HubSpotSettings:
        return HubSpotSettings.model_validate(
            {
                "url": bench.crm.url,
                "token": bench.crm.token,
                "api": self.version,
                "lists": {bench.track: bench.members},
                "page_size": bench.page_size,
                "read_timeout": 5,
            }
        )

    def test_no_test_of_the_kit_is_left_out(self, manifest: ConnectorManifest[Any], bench: HubSpotBench) -> None:
        assert unproven(ConnectorSuite, manifest.capabilities, bench) == {}, "then it is not of the highest tier"


class TestHubSpotOfMarch(TestHubSpot):
    """The same, by the dated API: other paths, ids as text, errors in the usual body."""

    version = "2026-03"


class TestHubSpotOfSeptember(TestHubSpot):
    version = "2026-09"

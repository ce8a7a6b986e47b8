"""The CSV connector passes the kit that every connector is held to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recyclekit import faultpoint
from recyclekit.connectors import ConnectorManifest
from recyclekit.connectors.csv import MANIFEST
from recyclekit.connectors.csv import source as csv_source
from recyclekit.connectors.csv.settings import CsvSettings
from recyclekit.models.tables import Table
from recyclekit.testing import ConnectorSuite
from recyclekit.testing.proving import unproven
from tests.connectors.csv.bench import CsvBench

PAGE = 4


class TestCsv(ConnectorSuite):
    @pytest.fixture
    def manifest(self) -> ConnectorManifest[Any]:
        return MANIFEST

    @pytest.fixture
    def config(self, bench: CsvBench) -> CsvSettings:
        return CsvSettings(**{str(table): Path(f"{table}.csv") for table in Table})

    @pytest.fixture
    def bench(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CsvBench]:
        monkeypatch.setattr(csv_source, "PAGE", PAGE)
        bench = CsvBench(tmp_path, PAGE)
        monkeypatch.setattr(os, "fsync", bench.fsync)
        faultpoint.arm(bench.at_faultpoint)
        yield bench
        faultpoint.arm(None)

    def test_no_test_of_the_kit_is_left_out(self, manifest: ConnectorManifest[Any], bench: CsvBench) -> None:
        assert unproven(ConnectorSuite, manifest.capabilities, bench) == {}, "then it is not of the highest tier"

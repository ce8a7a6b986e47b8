"""The parent flow of all pipelines, run here: what it tells of each, and what it does not wait for."""

from __future__ import annotations

from pathlib import Path

import pytest

from recyclekit.project import open_project
from recyclekit_flows.fan_out import fan_out
from tests.operations.company import AS_OF, sample_project

pytestmark = pytest.mark.prefect


def test_a_pipeline_that_the_project_does_not_name_stops_it_before_anything_begins(api: str, tmp_path: Path) -> None:
    sample_project(tmp_path)
    state = fan_out(tmp_path, ["main", "mian"], as_of=AS_OF, return_state=True)
    assert state.is_failed()
    assert "main" in (state.message or "")
    assert not open_project(tmp_path).ledger().runs()

"""A plan that takes the place of another waits in the ledger, whether or not Prefect's server hears of it."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from recyclekit.models.proposal import Cause, ProposalState
from recyclekit.project import open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from recyclekit_flows import politely
from recyclekit_flows.approving import put_forward

AS_OF = date(2026, 11, 20)
NOBODY = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}


def test_a_server_that_is_away_does_not_undo_that_a_newer_plan_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(politely, "get_run_logger", lambda: logging.getLogger("a run"))
    sample = generate(tmp_path, deals=40, as_of=AS_OF)
    (tmp_path / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    project = open_project(tmp_path)
    older, newer = (project.job(as_of=AS_OF).of_flow_run(f"00000000-0000-4000-8000-00000000000{n}") for n in (1, 2))
    with temporary_settings(NOBODY):
        put_forward(older, older.plan(), Cause.APPROVAL, 24)
        waits = put_forward(newer, newer.plan(), Cause.APPROVAL, 24)
    assert "ConnectError" in caplog.text
    assert waits.state is ProposalState.WAITING
    known = {one.run: one.state for one in project.ledger().proposals("main")}
    assert known == {newer.run: ProposalState.WAITING, older.run: ProposalState.SUPERSEDED}

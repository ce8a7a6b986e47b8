"""What a flow run's log holds on Prefect's server: the ids of the run, and neither secrets nor people."""

from __future__ import annotations

import base64
import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prefect import flow
from prefect.logging import get_run_logger
from prefect.logging.handlers import APILogHandler, APILogWorker

from recyclekit import secrecy
from recyclekit.pipeline import STAGES
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from recyclekit_flows import logs
from recyclekit_flows.recycle import run_recycle
from tests.flows.test_recycle import AS_OF

pytestmark = pytest.mark.prefect

CANARY, MAILBOX, TELEPHONE = "c4nary/For+Prefect=1", "hanako.yamada@example.co.jp", "03-1234-5678"
SAID = (
    CANARY, base64.b64encode(f"user:{CANARY}".encode()).decode(), quote(CANARY, safe=""), json.dumps({"x": CANARY}),
    repr({"x": CANARY}), f"Bearer {CANARY}", MAILBOX, TELEPHONE,
)  # fmt: skip


@pytest.fixture(autouse=True)
def cleaned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = logging.getLogRecordFactory(), sys.excepthook
    monkeypatch.setattr(secrecy, "_known", {CANARY})
    logs.begin()
    yield
    logging.setLogRecordFactory(before[0])
    sys.excepthook = before[1]


@flow
def leaky() -> None:
    for name in ("prefect.flow_runs", "recyclekit.run", "recyclekit_hubspot.transport"):
        logger: Any = get_run_logger() if name == "prefect.flow_runs" else logging.getLogger(name)
        for said in SAID:
            logger.warning("it said %s", said)
        try:
            raise ValueError(*SAID)
        except ValueError:
            logger.exception("it broke: %s", MAILBOX)
    logging.getLogger("urllib3").warning("not ours, and not for this page")


def test_a_canary_reaches_no_log_on_the_server(api: str) -> None:
    state = leaky(return_state=True)
    lines = _lines(api, str(state.state_details.flow_run_id), at_least=27)
    text = "\n".join(lines)
    assert text.count("it said") == 3 * len(SAID)
    assert text.count("Traceback") == 3
    assert not any(look in text for look in (*secrecy.looks_of(CANARY), MAILBOX, TELEPHONE))
    assert "not ours" not in text


def test_each_line_of_a_stage_names_run_pipeline_and_connection(api: str, tmp_path: Path) -> None:
    (tmp_path / "recyclekit.yaml").write_text(demo_project(generate(tmp_path, deals=60, seed=7, as_of=AS_OF)))
    outcome = run_recycle(tmp_path, None, AS_OF)
    ended = {
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
        "sort": "END_TIME_DESC",
    }  # others wait for years
    runs = httpx.post(f"{api}/flow_runs/filter", json=ended).raise_for_status().json()
    (flow_run,) = [run["id"] for run in runs if outcome.run in (run["state"]["message"] or "")]
    lines = _lines(api, flow_run, at_least=6)
    for stage in ("normalize", "classify", "schedule", "write_back"):
        (line,) = [one for one in lines if one.startswith(f"{stage}: ") and " in " in one]
        assert f"run={outcome.run} " in line
        assert "pipeline=main connection=crm" in line


def test_figures_of_a_run_are_a_table_on_its_page(api: str, tmp_path: Path) -> None:
    (tmp_path / "recyclekit.yaml").write_text(demo_project(generate(tmp_path, deals=60, seed=7, as_of=AS_OF)))
    outcome = run_recycle(tmp_path, None, AS_OF)
    found = httpx.post(f"{api}/artifacts/filter", json={"limit": 200}).json()
    (table,) = [one for one in found if one["key"] == f"recyclekit-metrics-{outcome.run}"]
    rows = {row["figure"]: row["value"] for row in json.loads(table["data"])}
    assert rows["records read"] == 60 + rows["records set aside"]
    assert rows["deals decided"] == 60
    assert rows["written"] == outcome.applied == rows["writes planned"]
    assert rows["failed"] == rows["in doubt"] == 0
    assert {f"seconds of {stage}" for stage in STAGES} < set(rows)


def test_where_json_is_wished_a_flow_runs_lines_are_json_and_stand_once(
    api: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, level = list(logging.root.handlers), logging.root.level
    monkeypatch.setenv("RECYCLEKIT_LOG", "json")
    logs.begin()
    try:
        leaky(return_state=True)
    finally:
        logging.root.handlers[:], logging.root.level = before, level
    said = capsys.readouterr().err.splitlines()
    lines = [json.loads(line) for line in said if line.startswith("{")]
    told = [line for line in lines if line["event"].startswith("it said")]
    assert len(told) == 3 * len(SAID)
    assert {line["logger"] for line in told} == {"prefect.flow_runs", "recyclekit.run", "recyclekit_hubspot.transport"}
    assert not any("it said" in line for line in said if not line.startswith("{"))
    assert CANARY not in "".join(said)


def test_lines_of_json_hold_the_figures_of_each_stage_and_of_the_run(
    api: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "recyclekit.yaml").write_text(demo_project(generate(tmp_path, deals=60, seed=7, as_of=AS_OF)))
    before, level = list(logging.root.handlers), logging.root.level
    monkeypatch.setenv("RECYCLEKIT_LOG", "json")
    logs.begin()
    try:
        outcome = run_recycle(tmp_path, None, AS_OF)
    finally:
        logging.root.handlers[:], logging.root.level = before, level
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    ended = {line["stage"]: line for line in lines if "seconds" in line}
    assert list(ended) == list(STAGES)
    assert ended["classify"]["figures"] == {"deals": 60}
    ids = {"run": outcome.run, "pipeline": "main"}
    assert all(line.items() >= (ids | {"connection": "crm"}).items() for line in ended.values())
    (last,) = [line for line in lines if "outcome" in line]
    assert last.items() >= (ids | {"outcome": str(outcome.state)}).items()
    assert last["figures"]["applied"] == outcome.applied


def test_setting_up_twice_sends_each_line_once() -> None:
    logs.begin()
    assert sum(isinstance(handler, APILogHandler) for handler in logging.root.handlers) == 1


def _lines(api: str, flow_run: str, *, at_least: int) -> list[str]:
    """Return a flow run's log, once the worker that sends it has sent so much."""
    APILogWorker.instance().drain()
    wanted = {"logs": {"flow_run_id": {"any_": [flow_run]}}, "limit": 200}
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = httpx.post(f"{api}/logs/filter", json=wanted).raise_for_status().json()
        if len(found) >= at_least:
            break
        APILogWorker.instance().drain()
    return [line["message"] for line in found]

"""The pins give a Prefect that works: its server imports, and a schedule creates runs (docs/decisions/0005)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.architecture.house import ROOT
from tests.operations.process import eventually
from tests.operations.server import environment

pytestmark = pytest.mark.prefect


def test_the_server_of_the_pinned_prefect_can_be_imported(tmp_path: Path) -> None:
    _python(tmp_path, None, "-c", "import prefect.server.api.server as server; server.create_app()")


def test_prefects_own_command_deploys_the_shipped_file_and_its_schedule_creates_runs(
    home: Path, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _python(home, api, "-m", "prefect", "work-pool", "create", "recyclekit", "--type", "process", "--overwrite")
    file = ROOT / "deployments/prefect.yaml"
    for name, value in (("PIPELINE", "by-prefect"), ("PROJECT", "/srv/crm"), ("TIMEZONE", "Europe/Berlin")):
        monkeypatch.setenv(f"RECYCLEKIT_{name}", value)
    _python(home, api, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file))
    ours = {"deployments": {"name": {"any_": ["by-prefect", "dead-runs"]}}}
    deployed = {d["entrypoint"]: d for d in _post(f"{api}/deployments/filter", ours)}
    assert set(deployed) >= {
        f"recyclekit_flows.{name}.{name}" for name in ("recycle", "retry", "undo", "keep_house", "reap")
    }
    assert all(not d["pull_steps"] for d in deployed.values())
    recycle = deployed["recyclekit_flows.recycle.recycle"]
    assert recycle["schedules"][0]["schedule"]["timezone"] == "Europe/Berlin"
    its = {"deployment_id": {"any_": [recycle["id"]]}, "state": {"type": {"any_": ["SCHEDULED"]}}}
    runs = eventually(lambda: _post(f"{api}/flow_runs/filter", {"flow_runs": its}), 120, "a scheduled run")
    assert runs[0]["parameters"].items() >= {"project": "/srv/crm", "pipeline": "by-prefect"}.items()
    for one in deployed.values():  # and their scheduled runs, which nobody would work off
        httpx.delete(f"{api}/deployments/{one['id']}", timeout=60)


def _python(home: Path, api: str | None, *arguments: str) -> None:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment(home, api), capture_output=True, text=True, check=False, cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr


def _post(url: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = httpx.post(url, json=body, timeout=30)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found

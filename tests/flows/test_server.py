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


def test_the_shipped_deployments_deploy_and_their_schedule_creates_runs(home: Path, api: str) -> None:
    _python(home, api, "-m", "prefect", "work-pool", "create", "recyclekit", "--type", "process")
    file = ROOT / "deployments/prefect.yaml"
    _python(home, api, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file))
    deployed = {d["name"]: d for d in _post(f"{api}/deployments/filter", {})}
    assert {d["entrypoint"] for d in deployed.values()} == {
        "recyclekit_flows.recycle.recycle",
        "recyclekit_flows.retry.retry",
        "recyclekit_flows.undo.undo",
    }
    assert all(not d["pull_steps"] for d in deployed.values())
    wanted = {
        "flow_runs": {
            "deployment_id": {"any_": [deployed["nightly"]["id"]]},
            "state": {"type": {"any_": ["SCHEDULED"]}},
        }
    }
    runs = eventually(lambda: _post(f"{api}/flow_runs/filter", wanted), 120, "a scheduled run")
    assert runs[0]["parameters"]["pipeline"] == "main"


def _python(home: Path, api: str | None, *arguments: str) -> None:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment(home, api), capture_output=True, text=True, check=False, cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr


def _post(url: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = httpx.post(url, json=body, timeout=30)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found

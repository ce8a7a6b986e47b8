"""Story 1: the commands of docs/operations/deploy.md, from an installed wheel and nothing else to a scheduled run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.architecture.house import ROOT
from tests.operations.process import Program, eventually
from tests.operations.server import PrefectServer, environment

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

MOST = 6
EXPORT = """\
Deal ID,Stage,Deal Name,Account ID,Contact ID,Amount,Created,Closed,Lost Reason,Next Approach,Approach Person,Hook
1,Lost,A,a1,c1,1000,2026-01-10,2026-02-05,No Budget,,,
2,Won,B,a2,c2,1000,2026-01-10,2026-02-01,,,,
"""


@pytest.fixture(scope="module")
def commands() -> list[str]:
    """What the page says, line by line, without its comments."""
    page = (ROOT / "docs/operations/deploy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)[:2]
    return [re.sub(r"\s+# .*", "", line).strip() for block in blocks for line in block.splitlines()]


@pytest.fixture
def env(tmp_path: Path, prefect_sqlite: PrefectServer) -> dict[str, str]:
    """A world in which only the wheel is installed: it comes before the checkout, also for entry points."""
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*install, *map(str, wheels.glob("*.whl"))], check=True, capture_output=True)
    (tmp_path / "home").mkdir()
    programs = Path(sys.executable).parent
    own = {"PYTHONPATH": str(site), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    return environment(tmp_path / "home") | own


def test_the_page_needs_at_most_six_commands(commands: list[str]) -> None:
    assert len(commands) <= MOST, commands
    assert commands[0].startswith("pip install recyclekit")
    assert commands[2].endswith("prefect server start")


def test_the_commands_lead_from_a_wheel_to_a_scheduled_run(
    prefect_sqlite: PrefectServer, commands: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    _, init, _, name_it, deploy, work = commands
    _sh(init, tmp_path, env)
    (tmp_path / "crm/deals.csv").write_text(EXPORT, encoding="utf-8")
    _edit(tmp_path / "crm/deployments/prefect.yaml", 'cron: "0 6 * * 1-5"', "interval: 15")  # or the test takes a day
    _edit(tmp_path / "crm/deployments/prefect.yaml", 'name: "{{', 'name: "six-{{')  # the server is shared
    _edit(tmp_path / "crm/deployments/prefect.yaml", "dead-runs", "six-dead-runs")
    _sh(name_it.replace("http://127.0.0.1:4200/api", prefect_sqlite.url), tmp_path, env)
    _sh(deploy, tmp_path, env)
    worker = Program.start(["sh", "-c", f"exec {work}"], tmp_path / "worker.log", env)
    try:
        state = eventually(lambda: _ended(prefect_sqlite), 180, f"a scheduled run, see {worker.log}")
        assert state == "COMPLETED"
    finally:
        worker.end()
        _remove(prefect_sqlite)
    assert "success" in _sh("recyclekit runs --project crm", tmp_path, env)


def _sh(command: str, folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _ended(server: PrefectServer) -> str | None:
    deployed = server.get("/deployments/name/recycle/six-main")
    states = ["COMPLETED", "FAILED", "CRASHED"]
    runs = server.flow_runs(deployment_id={"any_": [deployed["id"]]}, state={"type": {"any_": states}})
    return next((str(run["state_type"]) for run in runs if run["auto_scheduled"]), None)


def _remove(server: PrefectServer) -> None:
    for name in ("recycle/six-main", "retry/six-main", "undo/six-main", "reap/six-dead-runs"):
        found = server.get(f"/deployments/name/{name}")
        httpx.delete(f"{server.url}/deployments/{found['id']}", timeout=60)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")

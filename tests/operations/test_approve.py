"""Approving on a real server: the plan waits in the ledger and no process with it; what is approved is written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from recyclekit.models.proposal import Proposal
from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from tests.operations.fixtures import POOL
from tests.operations.process import eventually
from tests.operations.server import PrefectServer

pytestmark = pytest.mark.prefect

AS_OF = date(2026, 11, 20)
YES = {"decision": "approve"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small sample company whose pipeline asks for approval."""
    return company(tmp_path, "approval: required")


def company(folder: Path, asks: str = "", ledger: str = "sqlite:///ledger.db") -> Project:
    sample = generate(folder, deals=100, seed=7, as_of=AS_OF)
    text = demo_project(sample).replace("sqlite:///ledger.db", ledger)
    text = text.replace("policy: standard}", f"policy: standard, {asks}}}" if asks else "policy: standard}")
    (folder / "recyclekit.yaml").write_text(text, encoding="utf-8")
    return open_project(folder)


def recyclekit(project: Project, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recyclekit", *arguments, "--project", str(project.folder)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def suspended(server: PrefectServer, project: Project, **parameters: Any) -> tuple[str, Proposal]:
    """Start a run on a worker and wait until it is suspended and its process gone; return it and its proposal."""
    given = {"project": project.folder, "as_of": str(AS_OF)} | parameters
    run = server.run(server.deploy("recyclekit_flows.recycle.recycle", project.folder.name, POOL, given))
    server.wait(run, ["Suspended"])
    proposal = project.ledger().proposal(run)
    assert proposal is not None
    return run, proposal


def answer(server: PrefectServer, run: str, word: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = server.post(f"/flow_runs/{run}/resume", {"run_input": word})
    return found


def written(project: Project, run: str) -> set[str]:
    actions = project.ledger().actions(run)
    return set(actions.filter(actions["state"] == "done")["deal_id"])


def test_what_was_approved_in_prefect_is_exactly_what_is_written(
    prefect_worked: PrefectServer, project: Project
) -> None:
    run, proposal = suspended(prefect_worked, project)
    assert not (project.folder / "deals.recyclekit").exists(), "nothing is written before somebody has approved"
    plan = project.ledger().proposed(proposal.run)
    shutil.rmtree(project.state)  # on another machine there is no plan file
    assert answer(prefect_worked, run, YES)["status"] == "ACCEPT"
    ended = prefect_worked.wait(run)
    assert ended["type"] == "COMPLETED", prefect_worked.logs(run)
    assert proposal.run in ended["message"]
    actions = project.ledger().actions(proposal.run)
    assert actions.select("key", "payload").equals(plan.actions.select("key", "payload"))
    assert set(actions["state"]) == {"done"}
    assert project.ledger().run(run).run == proposal.run, "found by Prefect's id, too"
    assert proposal.run in prefect_worked.flow_run(run)["tags"], "and the other way round"
    tasks = eventually(lambda: _at_least(5, prefect_worked.task_runs(run)), 30, "five tasks")
    names = sorted(task["name"].rsplit("-", 1)[0] for task in tasks)
    assert names == ["classify", "extract", "normalize", "schedule", "write_back"], "read and planned once"


def _at_least(count: int, found: list[Any]) -> list[Any] | None:
    return found if len(found) >= count else None

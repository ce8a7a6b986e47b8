"""Approving on a real server: the plan waits in the ledger and no process with it; what is approved is written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from recyclekit.models.proposal import Cause, Door, Proposal, ProposalState, Verdict
from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from tests.operations.fixtures import POOL
from tests.operations.moving import company_whose_buyers_move
from tests.operations.persons import private_in
from tests.operations.process import Program, eventually
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


def test_an_answer_that_makes_no_sense_leaves_it_waiting_and_a_limit_lets_the_first_deals_through(
    prefect_sqlite: PrefectServer, worker: Program, project: Project
) -> None:
    run, proposal = suspended(prefect_sqlite, project, limit=7)
    form = prefect_sqlite.get(f"/flow_runs/{run}/input/suspended-approve-{proposal.run}-schema")
    assert form["properties"]["limit"]["default"] == 7, "the run's own limit is suggested"
    assert form["properties"]["decision"]["default"] == "reject", "whoever touches nothing writes nothing"
    shown = httpx.get(f"{prefect_sqlite.url}/flow_runs/{run}/input/suspended-approve-{proposal.run}-description").text
    assert private_in(shown, project.folder) == []
    for nonsense in ({"decision": "perhaps"}, YES | {"limit": 0}, YES | {"leave_out": ["no-such-track"]}):
        refused = answer(prefect_sqlite, run, nonsense)
        assert refused["status"] == "REJECT", refused
    track = "stalled"
    assert answer(prefect_sqlite, run, YES | {"limit": 2, "leave_out": [track]})["status"] == "ACCEPT"
    assert prefect_sqlite.wait(run)["type"] == "COMPLETED", prefect_sqlite.logs(run)
    found = project.ledger().actions(proposal.run)
    assert found["deal_id"].n_unique() == 2
    assert track not in set(found["track"])
    known = project.ledger().proposal(run)
    assert known is not None
    assert known.verdict == Verdict(approve=True, door=Door.PREFECT, limit=2, without=(track,))


def test_a_newer_plan_replaces_one_that_waits_and_a_rejected_one_writes_nothing(
    prefect_sqlite: PrefectServer, worker: Program, project: Project
) -> None:
    older, _ = suspended(prefect_sqlite, project)
    newer, proposal = suspended(prefect_sqlite, project)
    replaced = prefect_sqlite.wait(older)
    assert (replaced["name"], replaced["type"]) == ("Replaced", "CANCELLED")
    assert proposal.run in replaced["message"]
    assert answer(prefect_sqlite, newer, {"decision": "reject"})["status"] == "ACCEPT"
    ended = prefect_sqlite.wait(newer)
    assert (ended["name"], ended["type"]) == ("Rejected", "COMPLETED"), ended
    assert not (project.folder / "deals.recyclekit").exists()
    states = [one.state for one in project.ledger().proposals()]
    assert states == [ProposalState.REJECTED, ProposalState.SUPERSEDED]
    assert project.ledger().runs() == []


def test_a_shell_approves_what_a_guard_stopped_and_wakes_the_run_that_waits(
    prefect_sqlite: PrefectServer, worker: Program, tmp_path: Path
) -> None:
    project = company_whose_buyers_move(tmp_path)
    (tmp_path / "careful.yaml").write_text("extends: standard\nguards: {maximum_share: 0.001}\n", encoding="utf-8")
    file = tmp_path / "recyclekit.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("policy: standard", "policy: careful.yaml"), encoding="utf-8"
    )
    run, proposal = suspended(prefect_sqlite, project)
    assert (proposal.cause, len(proposal.manifest.guards)) == (Cause.GUARD, 1)
    done = recyclekit(project, "apply", proposal.run, "--yes", "--limit", "3", env=prefect_sqlite.env)
    assert done.returncode == 4, done.stdout + done.stderr
    ended = prefect_sqlite.wait(run)
    assert ended["type"] == "COMPLETED", prefect_sqlite.logs(run)
    assert proposal.run in ended["message"]
    assert project.ledger().run(run).run == proposal.run, "written by the shell, and yet this flow run's"
    assert f"recyclekit-outcome-{proposal.run}" in prefect_sqlite.artifacts(run)
    told = {f"recyclekit.{name}" for name in ("run.planned", "guard.tripped", "run.waiting", "run.approved")}
    told.add("recyclekit.deals.handed-back")  # by the run that was woken: a shell speaks to the ledger alone
    resource = f"recyclekit.run.{proposal.run}"
    eventually(lambda: told <= {e["event"] for e in prefect_sqlite.events(resource=resource)}, 30, str(told))


def test_a_plan_that_nobody_looked_at_expires_in_prefect_and_in_the_ledger(
    prefect_sqlite: PrefectServer, worker: Program, tmp_path: Path
) -> None:
    project = company(tmp_path, "approval: required, approval_hours: 0.002")
    run, proposal = suspended(prefect_sqlite, project)
    ended = prefect_sqlite.wait(run)
    assert ended["type"] == "FAILED"
    late = recyclekit(project, "apply", proposal.run, "--yes", env=prefect_sqlite.env)
    assert (late.returncode, "waited too long" in late.stderr) == (9, True), late.stderr
    assert not (project.folder / "deals.recyclekit").exists()


def test_without_a_worker_to_wake_it_the_run_ends_and_its_plan_waits(
    prefect_sqlite: PrefectServer, project: Project
) -> None:
    stopped = recyclekit(project, "run", "--as-of", str(AS_OF), env=prefect_sqlite.env)
    assert stopped.returncode == 9, stopped.stderr
    (proposal,) = project.ledger().proposals()
    assert f"recyclekit apply {proposal.run}" in stopped.stderr
    assert prefect_sqlite.flow_run(str(proposal.flow_run))["state"]["name"] == "Waiting"
    done = recyclekit(project, "apply", proposal.run, "--yes", env=prefect_sqlite.env)
    assert done.returncode == 4, done.stderr


def _at_least(count: int, found: list[Any]) -> list[Any] | None:
    return found if len(found) >= count else None

"""The main job as a Prefect flow, on the sample company."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from recyclekit.approving import propose
from recyclekit.errors import GuardError, ProjectError
from recyclekit.events import Event, RunEnded, StageEnded
from recyclekit.models.proposal import Cause, Door, Verdict
from recyclekit.models.run import RunState
from recyclekit.pipeline import STAGES
from recyclekit.plans import plan_file
from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from recyclekit_flows.recycle import recycle, run_recycle
from recyclekit_flows.retry import retry
from recyclekit_flows.undo import undo
from recyclekit_flows.wish import Approval
from tests.operations.persons import private_in
from tests.operations.server import environment

pytestmark = pytest.mark.prefect

AS_OF = date(2026, 11, 20)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small sample company."""
    sample = generate(tmp_path, deals=300, seed=7, as_of=AS_OF)
    (tmp_path / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    return open_project(tmp_path)


def test_the_flow_writes_what_the_command_line_would_write(api: str, project: Project) -> None:
    planned = project.job(as_of=AS_OF).plan().actions
    outcome = run_recycle(project.folder, None, AS_OF)
    kept = plan_file.kept(project.state, outcome.run).actions
    own = ["deal_id", "kind", "step", "payload"]
    assert kept.select(own).equals(planned.select(own))
    assert outcome.applied == outcome.planned == planned.height > 0
    assert outcome.sums_close


def test_a_second_flow_run_right_after_has_nothing_to_write(api: str, project: Project) -> None:
    run_recycle(project.folder, None, AS_OF)
    again = run_recycle(project.folder, None, AS_OF)
    assert (again.planned, again.state) == (0, RunState.SUCCESS)


def test_five_tasks_named_by_the_stages_are_in_the_history_of_one_run(api: str, project: Project) -> None:
    heard: list[Event] = []
    outcome = run_recycle(project.folder, None, AS_OF, listen=heard.append)
    (run,) = [r for r in _flow_runs(api) if outcome.run in (r["state"]["message"] or "")]
    assert run["name"] == f"recycle-main-{AS_OF}"
    assert run["state"]["type"] == "COMPLETED"
    assert run["parameters"]["as_of"] == str(AS_OF)
    assert [e.stage for e in heard if isinstance(e, StageEnded)][:4] == list(STAGES[:4])
    assert isinstance(heard[-1], RunEnded)


def test_the_artifacts_hold_counts_codes_and_ids_and_no_person(api: str, project: Project) -> None:
    outcome = run_recycle(project.folder, None, AS_OF)
    found = httpx.post(f"{api}/artifacts/filter", json={"limit": 200}).raise_for_status().json()
    texts = {a["key"]: str(a["data"]) for a in found if outcome.run in (a["key"] or "")}
    shown = ("plan", "changes", "progress", "outcome", "metrics")
    assert set(texts) == {f"recyclekit-{what}-{outcome.run}" for what in shown}
    everything = "\n".join(texts.values())
    assert "@" not in everything
    assert private_in(everything, project.folder) == []


def test_a_plan_only_flow_run_writes_nothing(api: str, project: Project) -> None:
    state = recycle(project=project.folder, as_of=AS_OF, approval=Approval.PLAN_ONLY, return_state=True)
    assert state.is_completed()
    assert "wrote none" in str(state.message)
    assert not project.has_ledger


def test_a_limit_writes_the_first_deals_of_the_plan_and_the_next_run_takes_up_the_others(
    api: str, project: Project
) -> None:
    outcome = run_recycle(project.folder, None, AS_OF, limit=3)
    kept = plan_file.kept(project.state, outcome.run).actions["deal_id"].unique(maintain_order=True)
    assert set(project.ledger().actions(outcome.run)["deal_id"]) == set(kept.head(3))
    assert outcome.sums_close
    rest = run_recycle(project.folder, None, AS_OF)
    assert set(project.ledger().actions(rest.run)["deal_id"]) == set(kept.tail(-3))


def test_retry_and_undo_are_flows_too(api: str, project: Project) -> None:
    outcome = run_recycle(project.folder, None, AS_OF)
    undone = undo(run=outcome.run, project=project.folder, return_state=True)
    assert undone.is_completed(), undone.message
    assert undone.result().value.applied == outcome.applied
    nothing = retry(project=project.folder, return_state=True)
    assert nothing.is_failed()
    assert "no unfinished run" in str(nothing.message)


def test_a_project_that_cannot_be_opened_is_told_as_on_the_command_line(api: str, tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        run_recycle(tmp_path)
    assert "recyclekit init" in caught.value.fix
    failed = recycle(project=tmp_path, return_state=True)
    assert "recyclekit init" in str(failed.message)


def test_a_tripped_guard_stops_the_flow_until_somebody_approves(api: str, project: Project) -> None:
    _guard_of_one_deal(project)
    with pytest.raises(GuardError):
        run_recycle(project.folder, None, AS_OF)
    approved = run_recycle(project.folder, None, AS_OF, approve_guards=True)
    assert approved.applied == approved.planned > 0


def test_the_next_run_writes_what_was_approved_where_whoever_was_to_write_it_died(api: str, project: Project) -> None:
    job = project.job(as_of=AS_OF)
    approved, _ = propose(job, job.plan(), Cause.APPROVAL, hours=1)
    project.ledger().decide(approved.run, Verdict(approve=True, door=Door.SHELL, limit=3))
    outcome = run_recycle(project.folder, None, AS_OF)
    ran = {run.run: run.counts for run in project.ledger().runs()}
    assert set(ran) == {approved.run, outcome.run}
    first, rest = (set(project.ledger().actions(run)["deal_id"]) for run in (approved.run, outcome.run))
    assert len(first) == 3, "on the terms of the approval"
    assert not first & rest


@pytest.mark.slow
def test_a_flow_run_killed_half_way_is_finished_by_prefects_own_retry(home: Path, api: str, project: Project) -> None:
    run = [sys.executable, "-m", "recyclekit", "run", "--project", str(project.folder), "--as-of", str(AS_OF)]
    killed = subprocess.run(run, env=environment(home, api) | {"RECYCLEKIT_FAULT": "kill:24"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    (begun,) = project.ledger().runs()
    assert begun.state is RunState.RUNNING

    # What a worker reports when its flow's process is gone; without one, the person who retries says so.
    crashed = {"state": {"type": "CRASHED", "name": "Crashed"}, "force": True}
    httpx.post(f"{api}/flow_runs/{begun.flow_run}/set_state", json=crashed).raise_for_status()
    retry = [sys.executable, "-m", "prefect", "flow-run", "retry", str(begun.flow_run)]
    again = [*retry, "--entrypoint", "recyclekit_flows.recycle.recycle"]
    done = subprocess.run(again, env=environment(home, api), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    (ended,) = project.ledger().runs()
    assert ended.state is RunState.SUCCESS
    assert set(ended.counts) == {"done"}, "all of it, in one run"
    assert run_recycle(project.folder, None, AS_OF).planned == 0


def _guard_of_one_deal(project: Project) -> None:
    file = project.folder / "recyclekit.yaml"
    (project.folder / "careful.yaml").write_text("extends: standard\nguards: {maximum_deals: 1}\n", encoding="utf-8")
    file.write_text(
        file.read_text(encoding="utf-8").replace("policy: standard", "policy: careful.yaml"), encoding="utf-8"
    )


def _flow_runs(api: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.post(f"{api}/flow_runs/filter", json={}).raise_for_status().json()
    return found

"""Story 6: one parent flow runs all pipelines of a project; one that fails holds no other up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recyclekit.project import Project, open_project
from tests.operations.company import AS_OF, sample_project
from tests.operations.fixtures import POOL
from tests.operations.process import Program
from tests.operations.server import PrefectServer

pytestmark = pytest.mark.prefect

RECYCLE, FAN_OUT = "recyclekit_flows.recycle.recycle", "recyclekit_flows.fan_out.fan_out"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two accounts in one project: pipelines of their own, of which the second lacks its policy."""
    one = sample_project(tmp_path, deals=60)
    for name in ("deals", "activities", "contacts"):
        shutil.copy(tmp_path / f"{name}.csv", tmp_path / f"{name}-2.csv")
    path, text = one.folder / "recyclekit.yaml", (one.folder / "recyclekit.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("connections:\n")
    crm, _, pipelines = rest.partition("\npipelines:\n")
    second = crm.replace("  crm:", "  crm_2:", 1).replace(".csv", "-2.csv")
    two = f"{head}connections:\n{crm}\n{second}\npipelines:\n  fan-2: {{source: crm_2, policy: policy-2.yaml}}\n"
    path.write_text(two + pipelines.replace("  main:", "  fan-1:"), encoding="utf-8")
    return open_project(one.folder)


def mend(project: Project) -> None:
    (project.folder / "policy-2.yaml").write_text('version: "1"\nname: second\nextends: standard\n', encoding="utf-8")


def test_one_that_fails_holds_no_other_up_and_a_retry_runs_it_alone(
    prefect_sqlite: PrefectServer, worker: Program, project: Project
) -> None:
    given = {"project": project.folder, "as_of": str(AS_OF)}
    each = [prefect_sqlite.deploy(RECYCLE, name, POOL, given | {"pipeline": name}) for name in ("fan-1", "fan-2")]
    parent = prefect_sqlite.run(prefect_sqlite.deploy(FAN_OUT, "fan", POOL, given))

    state = prefect_sqlite.wait(parent, seconds=240)
    assert state["type"] == "FAILED", prefect_sqlite.logs(parent)
    assert "1 of 2 pipelines did not come through. fan-2: Failed" in state["message"]
    assert [run.pipeline for run in project.ledger().runs()] == ["fan-1"]

    mend(project)
    prefect_sqlite.post(f"/flow_runs/{parent}/set_state", {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}})
    prefect_sqlite.wait(parent, ["COMPLETED"], seconds=240)
    assert sorted(run.pipeline for run in project.ledger().runs()) == ["fan-1", "fan-2"]
    children = [prefect_sqlite.flow_runs(deployment_id={"any_": [deployment]}) for deployment in each]
    assert [len(runs) for runs in children] == [1, 2], "the one that was through is not run again"


def test_a_task_runner_runs_them_in_processes_of_this_machine(
    prefect_sqlite: PrefectServer, worker: Program, project: Project
) -> None:
    mend(project)
    given = {"project": project.folder, "as_of": str(AS_OF), "on": "processes"}
    parent = prefect_sqlite.run(prefect_sqlite.deploy(FAN_OUT, "fan-here", POOL, given))
    state = prefect_sqlite.wait(parent, seconds=240)
    assert state["type"] == "COMPLETED", prefect_sqlite.logs(parent)
    assert sorted(run.pipeline for run in project.ledger().runs()) == ["fan-1", "fan-2"]

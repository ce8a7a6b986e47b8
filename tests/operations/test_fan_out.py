"""Story 6: one parent flow runs all pipelines of a project; one that fails holds no other up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recyclekit.project import open_project
from tests.operations.company import AS_OF, two_accounts
from tests.operations.fixtures import POOL
from tests.operations.process import Program
from tests.operations.server import PrefectServer
from tests.operations.stricken import awaiting_retry

pytestmark = pytest.mark.prefect

RECYCLE, FAN_OUT = "recyclekit_flows.recycle.recycle", "recyclekit_flows.fan_out.fan_out"


def test_a_pipeline_that_cannot_run_holds_no_other_up_and_a_retry_runs_it_alone(
    prefect_sqlite: PrefectServer, worker: Program, tmp_path: Path
) -> None:
    project = two_accounts(tmp_path)
    given = {"project": project.folder, "as_of": str(AS_OF)}
    first = prefect_sqlite.deploy(RECYCLE, "fan-1", POOL, given | {"pipeline": "fan-1"})
    parent = prefect_sqlite.run(prefect_sqlite.deploy(FAN_OUT, "fan", POOL, given))
    state = prefect_sqlite.wait(parent, seconds=200)
    assert state["type"] == "FAILED", prefect_sqlite.logs(parent)
    assert state["message"] == "1 of 2 pipelines did not come through. fan-2: Missing. Retry this flow run."
    told = {row["pipeline"]: row["message"] for row in _told(prefect_sqlite, parent)}
    assert told["fan-2"].startswith("There is no deployment recycle/fan-2 on the Prefect server.")
    assert [run.pipeline for run in project.ledger().runs()] == ["fan-1"]

    second = prefect_sqlite.deploy(RECYCLE, "fan-2", POOL, given | {"pipeline": "fan-2"})
    awaiting_retry(prefect_sqlite, parent)
    prefect_sqlite.wait(parent, ["COMPLETED"], seconds=200)
    assert sorted(run.pipeline for run in project.ledger().runs()) == ["fan-1", "fan-2"]
    for deployment in (first, second):
        (child,) = prefect_sqlite.flow_runs(deployment_id={"any_": [deployment]})
        assert child["parent_task_run_id"], "it is linked to its parent's page"


HERE = """
import sys
from datetime import date
from pathlib import Path

from recyclekit_flows.engines import Engine
from recyclekit_flows.fan_out import fan_out

as_of = date.fromisoformat(sys.argv[2])
print(fan_out(Path(sys.argv[1]), as_of=as_of, on=Engine.PROCESSES, return_state=True).message)
"""


def test_a_task_runner_runs_them_in_processes_and_one_that_fails_holds_no_other_up(
    prefect_sqlite: PrefectServer, tmp_path: Path
) -> None:
    file = two_accounts(tmp_path).folder / "recyclekit.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("{source: crm_2, policy: standard}", "{source: crm_2, policy: gone.yaml}"))
    command = [sys.executable, "-c", HERE, str(tmp_path), str(AS_OF)]
    done = subprocess.run(command, env=prefect_sqlite.env, capture_output=True, text=True, check=False, timeout=280)
    said = "1 of 2 pipelines did not come through. fan-2: Failed. Retry this flow run."
    assert done.stdout.splitlines()[-1:] == [said], done.stderr
    assert [run.pipeline for run in open_project(tmp_path).ledger().runs()] == ["fan-1"]


def _told(server: PrefectServer, flow_run: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(server.artifacts(flow_run)["recyclekit-fan-out"]["data"])
    return rows

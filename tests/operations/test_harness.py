"""The harness itself: servers and workers of the tests' own that can be killed and started again, on both databases."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from tests.operations.fixtures import POOL
from tests.operations.process import eventually
from tests.operations.server import PrefectServer, running_server
from tests.operations.worker import running_worker

pytestmark = pytest.mark.prefect

AS_OF = date(2026, 11, 20)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small sample company."""
    sample = generate(tmp_path, deals=100, seed=7, as_of=AS_OF)
    (tmp_path / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    return open_project(tmp_path)


def test_a_deployed_flow_is_run_by_a_real_worker(prefect_worked: PrefectServer, project: Project) -> None:
    given = {"project": project.folder, "as_of": str(AS_OF)}
    deployment = prefect_worked.deploy("recyclekit_flows.recycle.recycle", "by-hand", POOL, given)
    run = prefect_worked.run(deployment)
    assert prefect_worked.wait(run)["type"] == "COMPLETED", prefect_worked.logs(run)
    assert eventually(lambda: len(prefect_worked.task_runs(run)) >= 5, 30, "five task runs")
    assert prefect_worked.artifacts(run)
    assert eventually(lambda: prefect_worked.logs(run), 30, "a log")
    assert eventually(lambda: prefect_worked.events("prefect.flow-run."), 30, "an event")


@pytest.mark.slow
@pytest.mark.xdist_group("prefect-own")
def test_a_server_and_a_worker_can_be_killed_and_started_again(tmp_path: Path, project: Project) -> None:
    with running_server(tmp_path / "prefect") as server:
        server.pool(POOL)
        given = {"project": project.folder, "as_of": str(AS_OF)}
        deployment = server.deploy("recyclekit_flows.recycle.recycle", "by-hand", POOL, given)
        with running_worker(server.home, server.url, POOL) as worker:
            worker.kill_all()
            assert not worker.children()
        server.kill()
        assert server.program is not None
        assert not server.program.is_alive
        server.start()
        run = server.run(deployment)
        with running_worker(server.home, server.url, POOL):
            assert server.wait(run)["type"] == "COMPLETED", server.logs(run)

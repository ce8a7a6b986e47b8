"""Story 7: a plan that several processes write leaves the CRM and the ledger as one process would, whoever is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from recyclekit.project import Project, open_project
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.ready import ready
from tests.operations.company import AS_OF
from tests.operations.fixtures import POOL
from tests.operations.process import Program, eventually
from tests.operations.server import PrefectServer
from tests.operations.worker import running_worker

pytestmark = pytest.mark.prefect

RECYCLE, SHARD = "recyclekit_flows.recycle.recycle", "recyclekit_flows.shards.write_shard"
DEALS, SHARDS = 150, 3
OWN = ("recycle_track", "recycle_next_on", "recycle_owner", "recycle_reason", "recycle_cycle")


@dataclass
class Account:
    """A HubSpot account in this process, and a project on it."""

    crm: HubSpotSandbox
    project: Project

    def state(self) -> tuple[dict[str, dict[str, object]], list[str]]:
        """Return our fields on each deal, and the keys of the tasks there are."""
        deals = self.crm.objects["deals"]
        fields = {deal: {name: one.properties.get(name) for name in OWN} for deal, one in deals.items()}
        tasks = [one for one in self.crm.objects["tasks"].values() if not one.archived]
        return fields, sorted(str(one.properties["recycle_key"]) for one in tasks if one.properties.get("recycle_key"))

    def ledger(self) -> list[tuple[object, ...]]:
        """Return each write with its state, as the ledger knows it."""
        (run,) = self.project.ledger().runs()
        actions = self.project.ledger().actions(run.run)
        return sorted(actions.select("deal_id", "kind", "payload", "state").rows())


@contextmanager
def account(folder: Path) -> Iterator[Account]:
    """Yield the same company each time, in an account of its own; small calls, so that there is work for everybody."""
    made = ready("hubspot", deals=DEALS, seed=3, as_of=AS_OF)
    assert isinstance(made.crm, HubSpotSandbox)
    try:
        made.crm.define_own_fields()
        folder.mkdir()
        (folder / "recyclekit.yaml").write_text(made.project, encoding="utf-8")
        yield Account(made.crm, open_project(folder))
    finally:
        made.crm.stop()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """What one process leaves behind, in the CRM and in the ledger."""
    with account(tmp_path_factory.mktemp("alone") / "project") as one:
        job = one.project.job(as_of=AS_OF)
        job.write_back(job.plan())
        assert len(one.state()[1]) > 10
        return one.state(), one.ledger()


def run(
    server: PrefectServer, one: Account, engine: str, env: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the flow with shards; return its last state, and the flow runs of its shards."""
    # Deployments carry the pipeline's name; a name of its own keeps tests of this server apart.
    file = one.project.folder / "recyclekit.yaml"
    name = f"p{uuid4().hex[:8]}"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("\n  main:", f"\n  {name}:"), encoding="utf-8")
    given = {"project": str(one.project.folder), "pipeline": name}
    variables = {"job_variables": {"env": dict(env)}} if env else {}
    shards = server.deploy(SHARD, name, POOL, given, **variables)
    whole = server.deploy(RECYCLE, name, POOL, given | {"as_of": str(AS_OF), "shards": SHARDS, "shards_on": engine})
    flow_run = server.run(whole)
    state = server.wait(flow_run, seconds=240)
    assert state["type"] == "COMPLETED", "\n".join(server.logs(flow_run))
    return state, server.flow_runs(deployment_id={"any_": [shards]})


def told(server: PrefectServer, flow_run: str) -> list[str]:
    """Return what a shard's log says of its end."""
    return [line for line in server.logs(flow_run) if line.startswith("write_shard: ")]


def plain(found: tuple[Any, ...]) -> str:
    """Return a state of the CRM as text without the pipeline's name, which keys begin with."""
    return repr([found[0], [key.partition(":")[2] for key in found[1]]])


def test_several_workers_write_a_plan_as_one_process_does(
    prefect_sqlite: PrefectServer, worker: Program, alone: tuple[Any, ...], tmp_path: Path
) -> None:
    with (
        account(tmp_path / "project") as one,
        running_worker(tmp_path / "second", prefect_sqlite.url, POOL),
    ):
        _, shards = run(prefect_sqlite, one, "workers")
        assert sorted(shard["state"]["type"] for shard in shards) == ["COMPLETED"] * SHARDS
        (whole,) = one.project.ledger().runs()
        for shard in shards:
            (line,) = eventually(partial(told, prefect_sqlite, str(shard["id"])), 30, "the log of a shard")
            assert f"[run={whole.run} pipeline=" in line
        assert plain(one.state()) == plain(alone[0])
        assert one.ledger() == alone[1]


def test_what_lost_shards_leave_is_written_by_the_run_itself_and_once(
    prefect_sqlite: PrefectServer, worker: Program, alone: tuple[Any, ...], tmp_path: Path
) -> None:
    with account(tmp_path / "project") as one:
        _, shards = run(prefect_sqlite, one, "workers", {"RECYCLEKIT_FAULT": "kill:sink.write.answered"})
        assert {shard["state"]["type"] for shard in shards} == {"CRASHED"}
        assert plain(one.state()) == plain(alone[0])
        assert one.ledger() == alone[1]


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_a_task_runner_writes_a_plan_as_one_process_does(
    prefect_sqlite: PrefectServer, worker: Program, alone: tuple[Any, ...], tmp_path: Path, engine: str
) -> None:
    if engine == "dask":
        pytest.importorskip("prefect_dask", reason="the extra `dask` is not installed")
    with account(tmp_path / "project") as one:
        run(prefect_sqlite, one, engine)
        assert plain(one.state()) == plain(alone[0])
        assert one.ledger() == alone[1]

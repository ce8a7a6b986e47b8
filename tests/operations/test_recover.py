"""Whatever dies, in whichever stage: the next run finishes the work, and nothing is lost or there twice."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from recyclekit.errors import ExitCode
from recyclekit.models.run import RunState
from tests.operations.process import Program, eventually
from tests.operations.server import PrefectServer, running_server
from tests.operations.stricken import AS_OF, Company, OwnPostgres, deployed, fault, go_on, waiting
from tests.operations.worker import running_worker

pytestmark = pytest.mark.prefect

POOL = "recyclekit-recover"
IN_STAGES = ("stage.extract", "stage.schedule", "stage.write_back", "sink.write.answered")
"""Where a process is killed: before, between and in the stages. All of them, victim by victim: `make bench`."""


def test_a_process_killed_in_any_stage_is_marked_and_the_next_run_finishes_the_work(
    prefect_sqlite: PrefectServer, tmp_path: Path
) -> None:
    company = Company.founded(tmp_path / "each-stage")
    for where in IN_STAGES:
        died = _run(company, prefect_sqlite, RECYCLEKIT_FAULT=f"kill:{where}")
        assert died.code == -signal.SIGKILL, (where, died.said)
        written = company.judge(whole=False)
    assert written == 5, "the last one died after its first call, before it could note the answer"
    (dead,) = company.project.ledger().runs()
    assert dead.state is RunState.RUNNING
    assert dead.flow_run is not None
    marked = prefect_sqlite.wait(dead.flow_run, ["CRASHED"])
    assert "the next run of its pipeline takes up" in marked["message"], "its witness said so, before any next run"

    after = _run(company, prefect_sqlite)
    assert after.code == ExitCode.DONE, after.said
    company.judge()
    (finished,) = company.project.ledger().runs()
    assert (finished.run, finished.state) == (dead.run, RunState.SUCCESS)
    assert set(finished.counts) == {"done"}


@dataclass
class Site:
    """All that a company's runs need, each part of it a process that can be killed; ledger and server share one."""

    postgres: OwnPostgres
    server: PrefectServer
    worker: Program
    company: Company
    deployment: str

    def strike(self, where: str, what: Callable[[], object], mend: Callable[[], object]) -> str:
        """Let a run come to a point, strike, let it go on, and mend what was struck; return the flow run's id."""
        run = self.server.run(self.deployment, **fault(f"wait:{where}"))
        process = waiting(self.worker, self.company, where)
        what()
        go_on(process)
        if what == self.postgres.kill:
            psutil.wait_procs([process], timeout=120)  # it finds the ledger gone, and ends
        mend()
        return run


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with OwnPostgres.running() as postgres:
        company = Company.founded(tmp_path / "company", postgres.server.database())
        with (
            running_server(tmp_path / "prefect", postgres.server.database()) as server,
            running_worker(tmp_path / "home", server.url, server.pool(POOL)) as worker,
            deployed(server, company, POOL) as deployment,
        ):
            yield Site(postgres, server, worker, company, deployment)


@pytest.mark.slow
@pytest.mark.xdist_group("prefect-own")
@pytest.mark.timeout(900)
def test_postgres_server_and_worker_may_die_in_reading_and_in_writing(site: Site) -> None:
    company, server, postgres = site.company, site.server, site.postgres

    site.strike("stage.extract", postgres.kill, postgres.start)
    assert company.judge(whole=False) == 0, "PostgreSQL died while the deals were read: nothing was written"

    site.strike("sink.write.answered", postgres.kill, postgres.start)
    assert company.judge(whole=False) == 5, "it died between a call's answer and the note of it"

    server_died = site.strike("stage.write_back", server.kill, server.start)
    eventually(lambda: {run.state for run in company.project.ledger().runs()} == {RunState.SUCCESS}, 120, "its end")
    company.judge()
    assert server.wait(server_died, seconds=240)["type"] == "COMPLETED", "the flow went on without its server"


def test_a_machine_that_is_lost_while_it_writes_loses_nothing(prefect_sqlite: PrefectServer, tmp_path: Path) -> None:
    company = Company.founded(tmp_path / "lost-machine")
    pool = prefect_sqlite.pool("recyclekit-lost")
    with deployed(prefect_sqlite, company, pool) as deployment:
        with running_worker(tmp_path / "home", prefect_sqlite.url, pool) as worker:
            lost = prefect_sqlite.run(deployment, **fault("wait:sink.write.answered"))
            waiting(worker, company, "sink.write.answered")
            worker.kill_all()
        assert prefect_sqlite.flow_run(lost)["state"]["type"] == "RUNNING", "for ever, as far as Prefect knows"
        after = _run(company, prefect_sqlite)
        assert after.code == ExitCode.DONE, after.said
    company.judge()
    assert prefect_sqlite.flow_run(lost)["state"]["type"] == "CRASHED"


def test_a_worker_that_is_killed_alone_leaves_its_run_at_work(prefect_sqlite: PrefectServer, tmp_path: Path) -> None:
    company = Company.founded(tmp_path / "orphan")
    pool = prefect_sqlite.pool("recyclekit-orphan")
    with deployed(prefect_sqlite, company, pool) as deployment:
        with running_worker(tmp_path / "home", prefect_sqlite.url, pool) as worker:
            run = prefect_sqlite.run(deployment, **fault("wait:sink.write.answered"))
            orphan = waiting(worker, company, "sink.write.answered")
            worker.kill()
        assert prefect_sqlite.flow_run(run)["state"]["type"] == "RUNNING"
        assert _run(company, prefect_sqlite).code == ExitCode.LOCKED, "it lives, so nobody else writes"
        go_on(orphan)
        assert prefect_sqlite.wait(run)["type"] == "COMPLETED", "it needs no worker to end, and to say so"
    company.judge()
    assert [one.state for one in company.project.ledger().runs()] == [RunState.SUCCESS]


@dataclass
class Ended:
    """How a command ended."""

    code: int
    said: str


def _run(company: Company, server: PrefectServer, **env: str) -> Ended:
    """Run the flow from a shell, as a schedule would run it in a worker."""
    done = company.command("run", "--as-of", str(AS_OF), env=server.env | env, seconds=240)
    return Ended(done.returncode, done.stdout + done.stderr)

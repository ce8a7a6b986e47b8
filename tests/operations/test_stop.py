"""SIGTERM ends a run within ten seconds, wherever it is; what it left is finished by the next one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from recyclekit.errors import ExitCode
from recyclekit.models.run import RunState
from tests.operations.fixtures import POOL
from tests.operations.process import Program, eventually
from tests.operations.server import PrefectServer
from tests.operations.stricken import AS_OF, Company, deployed, fault, frozen, go_on, waiting, wake
from tests.operations.worker import running_worker

pytestmark = pytest.mark.prefect

SECONDS = 30
"""A deadline, not the bar: ten are what a machine takes that does nothing else."""


def test_a_command_that_is_asked_to_stop_ends_in_time_and_the_next_one_finishes(
    prefect_sqlite: PrefectServer, tmp_path: Path
) -> None:
    company = Company.founded(tmp_path / "by-hand")
    command = [sys.executable, "-m", "recyclekit", "run", "--json", "--as-of", str(AS_OF), "--project", company.folder]
    env = prefect_sqlite.env | {"RECYCLEKIT_FAULT": "stop:sink.write.answered"}
    run = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        process = psutil.Process(run.pid)
        eventually(lambda: process.status() == psutil.STATUS_STOPPED, 180, "a call under way")
        os.kill(run.pid, signal.SIGTERM)
        wake(process)
        out, err = run.communicate(timeout=SECONDS)
    finally:
        run.kill()
    assert run.returncode == ExitCode.UNREACHABLE, err
    said = json.loads(out)
    assert 0 < said["applied"] < said["planned"] == said["applied"] + said["unsent"]
    assert f"recyclekit retry {said['run']}" in said["why"]
    assert company.judge(whole=False) == said["applied"], "the answer of the call under way was noted"

    again = company.command("run", "--as-of", str(AS_OF), "--json", env=prefect_sqlite.env)
    assert again.returncode == ExitCode.DONE, again.stderr
    company.judge()
    assert [one.state for one in company.project.ledger().runs()] == [RunState.SUCCESS]


@pytest.mark.parametrize("whole", [True, False], ids=["the service", "the worker alone"])
def test_a_worker_and_its_flow_run_end_in_time_and_prefect_knows_at_once(
    prefect_sqlite: PrefectServer, tmp_path: Path, whole: bool
) -> None:
    company = Company.founded(tmp_path / f"service-{whole}")
    pool = prefect_sqlite.pool("recyclekit-stopped")
    with (
        deployed(prefect_sqlite, company, pool) as deployment,
        running_worker(tmp_path / "home", prefect_sqlite.url, pool) as worker,
    ):
        run = prefect_sqlite.run(deployment, **fault("stop:sink.write.answered"))
        _stop(worker, frozen(worker, 120), whole=whole)
    # A worker that stops kills what it started before that could say goodbye; with it, systemd stops its processes too.
    state = prefect_sqlite.flow_run(run)["state"]
    assert (state["type"], state["name"]) == ("CRASHED", "Stopped" if whole else "Crashed"), state
    assert "the next run of its pipeline takes up" in state["message"]
    (left,) = company.project.ledger().runs()
    assert company.judge(whole=False) < sum(left.counts.values())
    if not whole:
        return

    again = company.command("run", "--as-of", str(AS_OF), env=prefect_sqlite.env)
    assert again.returncode == ExitCode.DONE, again.stderr
    company.judge()
    assert [one.state for one in company.project.ledger().runs()] == [RunState.SUCCESS]
    assert prefect_sqlite.flow_run(run)["state"]["type"] == "CRASHED", "the dead run is marked"


def test_a_run_that_is_asked_to_stop_says_so_at_once_and_then_how_far_it_came(
    prefect_sqlite: PrefectServer, worker: Program, tmp_path: Path
) -> None:
    company = Company.founded(tmp_path / "asked")
    with deployed(prefect_sqlite, company, POOL) as deployment:
        run = prefect_sqlite.run(deployment, **fault("wait:sink.write.answered"))
        process = waiting(worker, company, "sink.write.answered")
        process.terminate()  # it waits outside of Python, as in a long computation, and hears no signal itself
        said = prefect_sqlite.wait(run, ["Stopped"], SECONDS)
        assert (said["type"], "It was asked to stop" in said["message"]) == ("CRASHED", True)
        go_on(process)
        said = prefect_sqlite.wait(run, ["Failed", "Crashed"], SECONDS)
        psutil.wait_procs([process], timeout=SECONDS)
    if said["name"] == "Failed":  # else this machine took more than ten seconds, and the process was ended
        assert "applied" in said["message"], said
    assert 0 < company.judge(whole=False) < sum(company.project.ledger().runs()[0].counts.values())


def test_a_stop_never_turns_a_plan_that_waits_for_approval_into_a_crash(
    prefect_sqlite: PrefectServer, worker: Program, tmp_path: Path
) -> None:
    company = Company.founded(tmp_path / "waits")
    with deployed(prefect_sqlite, company, POOL, {"approval": "required"}) as deployment:
        run = prefect_sqlite.run(deployment, **fault("wait:stage.schedule"))
        process = waiting(worker, company, "stage.schedule")
        process.terminate()
        prefect_sqlite.wait(run, ["Stopped"], SECONDS)
        go_on(process)
        prefect_sqlite.wait(run, ["Suspended"], SECONDS)
        _, alive = psutil.wait_procs([process], timeout=SECONDS)
        assert not alive
        assert prefect_sqlite.flow_run(run)["state"]["name"] == "Suspended"
        proposal = company.project.ledger().proposal(run)
        assert proposal is not None
        assert company.command("apply", proposal.run, "--yes", env=prefect_sqlite.env).returncode == ExitCode.DONE
        assert prefect_sqlite.wait(run)["type"] == "COMPLETED"
    company.judge()


def _stop(worker: Program, at_work: psutil.Process, *, whole: bool) -> None:
    """SIGTERM to a worker or, as systemd does, to every process of its service; wait for all of them."""
    everything = [psutil.Process(worker.pid), *worker.children()]
    for process in everything if whole else everything[:1]:
        process.terminate()
    wake(at_work)  # only now: woken before, it may come to its next call, and freeze there
    _, alive = psutil.wait_procs(everything, timeout=60)  # Prefect's worker, which tells its server first
    assert not alive, [" ".join(process.cmdline()) for process in alive]

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
from tests.operations.process import Program, eventually
from tests.operations.server import PrefectServer
from tests.operations.stricken import AS_OF, Company, deployed, fault, frozen, wake
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


def test_a_worker_and_its_flow_run_end_in_time_when_their_service_is_stopped(
    prefect_sqlite: PrefectServer, tmp_path: Path
) -> None:
    company = Company.founded(tmp_path / "service")
    pool = prefect_sqlite.pool("recyclekit-stopped")
    with (
        deployed(prefect_sqlite, company, pool) as deployment,
        running_worker(tmp_path / "home", prefect_sqlite.url, pool) as worker,
    ):
        stopped = prefect_sqlite.run(deployment, **fault("stop:sink.write.answered"))
        _stop_service(worker, frozen(worker, 120))
    # A worker that stops kills what it started, often before that could say goodbye.
    (left,) = company.project.ledger().runs()
    assert company.judge(whole=False) < sum(left.counts.values())

    again = company.command("run", "--as-of", str(AS_OF), env=prefect_sqlite.env)
    assert again.returncode == ExitCode.DONE, again.stderr
    company.judge()
    assert [one.state for one in company.project.ledger().runs()] == [RunState.SUCCESS]
    assert prefect_sqlite.flow_run(stopped)["state"]["type"] in {"CRASHED", "FAILED"}, "the dead run is marked"


def _stop_service(worker: Program, at_work: psutil.Process) -> None:
    """Do what systemd does: SIGTERM to every process of the service, and wait for all of them."""
    everything = [psutil.Process(worker.pid), *worker.children()]
    for process in everything:
        process.terminate()
    wake(at_work)  # only now: woken before, it may come to its next call, and freeze there
    _, alive = psutil.wait_procs(everything, timeout=60)  # Prefect's worker, which tells its server first
    assert not alive, [" ".join(process.cmdline()) for process in alive]

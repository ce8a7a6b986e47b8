"""The reaper marks flow runs whose process is gone, and spares whoever lives, waits for approval or is not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from recyclekit import clock
from recyclekit.errors import ConfigError, ExitCode
from recyclekit_flows.reap import run_reap, told
from tests.operations.process import eventually
from tests.operations.server import PrefectServer

pytestmark = pytest.mark.prefect

SILENCE = timedelta(minutes=10)


@pytest.fixture
def deployment(prefect_sqlite: PrefectServer) -> str:
    return prefect_sqlite.deploy("recyclekit_flows.recycle.recycle", "reaped", prefect_sqlite.pool("nobody-polls"))


@pytest.fixture
def asked(prefect_sqlite: PrefectServer) -> Iterator[None]:
    """The reaper asks the tests' server from this process."""
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_RETRY_EXTRA_CODES, temporary_settings

    # 500 is what a busy server on SQLite says while somebody else writes
    with temporary_settings({PREFECT_API_URL: prefect_sqlite.url, PREFECT_CLIENT_RETRY_EXTRA_CODES: "500"}):
        yield


def _run(server: PrefectServer, deployment: str, *states: str, tag: str = "recyclekit") -> str:
    """Make a flow run without a process that has been in these states, one after the other."""
    run = server.run(deployment, tags=[tag])
    for state in states:
        server.force(run, state)
    return run


def _beats(server: PrefectServer, run: str) -> datetime:
    """Send what a living flow run's process sends, and return when that was."""
    resource, at = f"prefect.flow-run.{run}", clock.now()
    event = {
        "id": str(uuid4()), "event": "prefect.flow-run.heartbeat", "occurred": at.isoformat(),
        "resource": {"prefect.resource.id": resource},
    }  # fmt: skip
    httpx.post(f"{server.url}/events", json=[event], timeout=30).raise_for_status()
    eventually(lambda: server.events("prefect.flow-run.heartbeat", resource), 60, "the heartbeat")
    return at


@pytest.mark.usefixtures("asked")
def test_the_dead_are_marked_and_nobody_else(
    prefect_sqlite: PrefectServer, deployment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = _run(prefect_sqlite, deployment, "PENDING", "RUNNING")
    stuck = _run(prefect_sqlite, deployment, "PENDING")
    living = _run(prefect_sqlite, deployment, "PENDING", "RUNNING")
    suspended = _run(prefect_sqlite, deployment, "PENDING", "RUNNING", "PAUSED")
    scheduled = _run(prefect_sqlite, deployment)
    of_others = _run(prefect_sqlite, deployment, "PENDING", "RUNNING", tag="theirs")
    began = clock.now()
    eventually(lambda: clock.now() - began > timedelta(seconds=2), 30, "two seconds between the dead and the living")
    last_sign = _beats(prefect_sqlite, living)
    monkeypatch.setattr(clock, "now", lambda: last_sign + SILENCE - timedelta(seconds=1))
    spared = {one: prefect_sqlite.flow_run(one)["state"] for one in (living, suspended, scheduled, of_others)}

    would_be = run_reap(SILENCE, dry_run=True)
    assert {dead, stuck} <= {one.flow_run for one in would_be}
    assert "would be marked" in told(would_be, dry_run=True)
    assert prefect_sqlite.flow_run(dead)["state"]["type"] == "RUNNING", "a dry run changes nothing"

    marked = {one.flow_run for one in run_reap(SILENCE)}
    assert {dead, stuck} <= marked
    assert not marked & set(spared)
    for one in (dead, stuck):
        state = prefect_sqlite.flow_run(one)["state"]
        assert state["type"] == "CRASHED"
        assert "No sign of life" in state["message"]
    assert spared == {one: prefect_sqlite.flow_run(one)["state"] for one in spared}
    assert not {dead, stuck} & {one.flow_run for one in run_reap(SILENCE)}


def test_a_young_run_is_spared_and_the_shell_lists_who_is_not(prefect_sqlite: PrefectServer, deployment: str) -> None:
    young = _run(prefect_sqlite, deployment, "PENDING", "RUNNING")
    command = [sys.executable, "-m", "recyclekit", "reap", "--dry-run", "--json"]
    done = subprocess.run(command, env=prefect_sqlite.env, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert young not in {one["flow_run"] for one in json.loads(done.stdout)}
    prefect_sqlite.force(young, "CANCELLED")


def test_a_reaper_without_a_server_says_what_is_missing() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(ConfigError, match="PREFECT_API_URL"):
        run_reap()

"""Story 1: schedules keep the business hour over the change of clocks, and a schedule's runs really happen."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.operations.company import AS_OF, sample_project
from tests.operations.fixtures import POOL
from tests.operations.process import eventually
from tests.operations.server import PrefectServer

pytestmark = pytest.mark.prefect

RECYCLE = "recyclekit_flows.recycle.recycle"


@pytest.mark.parametrize(
    ("zone", "start", "offsets"),
    [
        ("Europe/Berlin", "2027-03-26", ["+0100", "+0100", "+0200", "+0200"]),  # clocks go forward on 28 March
        ("Europe/Berlin", "2027-10-29", ["+0200", "+0200", "+0100", "+0100"]),  # and back on 31 October
        ("America/New_York", "2027-03-12", ["-0500", "-0500", "-0400", "-0400"]),
        ("America/New_York", "2027-11-05", ["-0400", "-0400", "-0500", "-0500"]),
        ("Asia/Tokyo", "2027-03-26", ["+0900"] * 4),
    ],
)
def test_a_run_at_six_is_at_six_on_both_sides_of_a_change_of_clocks(
    prefect_sqlite: PrefectServer, zone: str, start: str, offsets: list[str]
) -> None:
    schedule = {"schedule": {"cron": "0 6 * * *", "timezone": zone}, "active": True}
    name = f"clocks-{zone.replace('/', '-')}-{start}"
    deployment = prefect_sqlite.deploy(RECYCLE, name, prefect_sqlite.pool("never-worked"), schedules=[schedule])
    window = {"start_time": f"{start}T00:00:00Z", "min_runs": 4, "max_runs": 4}
    prefect_sqlite.post(f"/deployments/{deployment}/schedule", window)
    first = datetime.fromisoformat(f"{start}T00:00:00+00:00")
    planned = [datetime.fromisoformat(r["expected_start_time"]) for r in _scheduled(prefect_sqlite, deployment)]
    httpx.delete(f"{prefect_sqlite.url}/deployments/{deployment}", timeout=30)
    times = [at.astimezone(ZoneInfo(zone)) for at in sorted(planned) if at >= first][:4]
    assert [f"{at:%H:%M}" for at in times] == ["06:00"] * 4
    assert [f"{at:%z}" for at in times] == offsets


def test_a_schedule_creates_runs_and_the_worker_runs_one(prefect_worked: PrefectServer, tmp_path: Path) -> None:
    project = sample_project(tmp_path)
    parameters = {"project": project.folder, "as_of": str(AS_OF)}
    rule = {"interval": 15, "anchor_date": "2026-01-01T00:00:00Z"}
    every = {"schedule": rule, "active": True, "max_scheduled_runs": 3}
    deployment = prefect_worked.deploy(RECYCLE, f"soon-{tmp_path.name}", POOL, parameters, schedules=[every])
    try:
        run = eventually(lambda: _of_schedule(prefect_worked, deployment), 120, "a run of the schedule")
        assert prefect_worked.wait(run)["type"] == "COMPLETED", prefect_worked.logs(run)
    finally:
        httpx.delete(f"{prefect_worked.url}/deployments/{deployment}", timeout=30)
    assert project.ledger().runs()


def _scheduled(server: PrefectServer, deployment: str) -> list[dict[str, str]]:
    wanted = {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": ["SCHEDULED"]}}}
    return eventually(lambda: server.flow_runs(**wanted), 60, "scheduled runs")


def _of_schedule(server: PrefectServer, deployment: str) -> str | None:
    runs = server.flow_runs(deployment_id={"any_": [deployment]}, state={"type": {"any_": ["PENDING", "RUNNING"]}})
    done = server.flow_runs(deployment_id={"any_": [deployment]}, state={"type": {"any_": ["COMPLETED", "FAILED"]}})
    found = [run for run in (*runs, *done) if run["auto_scheduled"]]
    return str(found[0]["id"]) if found else None

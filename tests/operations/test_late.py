"""A server that was down for a night does one run, not all that it missed; the others say why they did nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.operations.process import eventually
from tests.operations.server import ENDED, Json, PrefectServer
from tests.operations.stricken import Company, deployed
from tests.operations.worker import running_worker

pytestmark = pytest.mark.prefect

MISSED = 6
IN_TIME = 2  # of the missed, due within what max_lateness_minutes allows


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> PrefectServer:
    """Each of the two servers in turn; the test has a worker of its own."""
    found: PrefectServer = request.getfixturevalue(f"prefect_{request.param}")
    return found


def test_of_all_the_runs_that_were_missed_one_does_the_work(server: PrefectServer, tmp_path: Path) -> None:
    company = Company.founded(tmp_path / "night")
    pool = server.pool("recyclekit-late")
    schedule = {"schedule": {"interval": 86_400.0}, "active": True}
    one_at_a_time = {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": "CANCEL_NEW"}}
    lateness = {"max_lateness_minutes": IN_TIME * 60 + 30}
    with deployed(server, company, pool, lateness, schedules=[schedule], **one_at_a_time) as deployment:
        server.post(f"/deployments/{deployment}/schedule", {"min_runs": MISSED})
        missed = _missed(server, deployment)
        with running_worker(tmp_path / "home", server.url, pool):
            states = [server.wait(run, ENDED, 240) for run in missed]
    worked = [state for state in states if state["type"] == "COMPLETED"]
    assert len(worked) == 1, states
    assert {state["type"] for state in states if state not in worked} == {"CANCELLED"}
    assert all(state["message"] for state in states)
    company.judge()
    assert len(company.project.ledger().runs()) == 1


def _missed(server: PrefectServer, deployment: str) -> list[str]:
    """Make a deployment's next scheduled runs those of the past hours: what a server finds that was down meanwhile."""

    def scheduled() -> list[Json] | None:
        wanted = {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": ["SCHEDULED"]}}}
        found = server.post("/flow_runs/filter", {"flow_runs": wanted, "sort": "EXPECTED_START_TIME_ASC"})
        return found[:MISSED] if len(found) >= MISSED else None

    runs = [str(run["id"]) for run in eventually(scheduled, 60, "scheduled runs")]
    now = datetime.now(UTC)
    due = {run: now - timedelta(hours=hours) for hours, run in enumerate(reversed(runs), start=1)}
    # to Prefect's database, since its API lets nobody change when a run was due
    (_backdate_in_postgres if server.database else _backdate_in_sqlite)(server, due)
    return runs


def _backdate_in_sqlite(server: PrefectServer, due: Mapping[str, datetime]) -> None:
    with closing(sqlite3.connect(server.home / "prefect.db", timeout=60)) as database, database:
        for run, at in due.items():
            database.execute(
                "UPDATE flow_run SET expected_start_time = ?, next_scheduled_start_time = ? WHERE id = ?",
                (f"{at:%Y-%m-%d %H:%M:%S.%f}", f"{at:%Y-%m-%d %H:%M:%S.%f}", run),
            )
            database.execute(
                "UPDATE flow_run_state SET state_details = json_set(state_details, '$.scheduled_time', ?)"
                " WHERE flow_run_id = ?",
                (at.isoformat(), run),
            )


def _backdate_in_postgres(server: PrefectServer, due: Mapping[str, datetime]) -> None:
    import psycopg

    with psycopg.connect(str(server.database).replace("+asyncpg", "")) as database:
        for run, at in due.items():
            database.execute(
                "UPDATE flow_run SET expected_start_time = %s, next_scheduled_start_time = %s WHERE id = %s",
                (at, at, run),
            )
            database.execute(
                "UPDATE flow_run_state SET state_details = jsonb_set(state_details::jsonb, '{scheduled_time}',"
                " to_jsonb(%s::text)) WHERE flow_run_id = %s",
                (at.isoformat(), run),
            )

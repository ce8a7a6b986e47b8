"""Session fixtures, for tests of any room: one server of each kind and one worker each, started when first asked for.

Tests that kill or stop a server start one of their own with `running_server`. All that use these fixtures carry
`pytest.mark.prefect`, which keeps them together on two workers of xdist, so that each server starts once on each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests import postgres_server
from tests.operations.process import Program
from tests.operations.server import PrefectServer, running_server
from tests.operations.worker import running_worker

POOL = "recyclekit-tests"
"""The work pool that `worker` and `postgres_worker` poll."""

_shared: list[PrefectServer] = []


@pytest.fixture(scope="session")
def prefect_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A Prefect server on SQLite, shared."""
    with running_server(tmp_path_factory.mktemp("prefect")) as server:
        _shared.append(server)
        yield server
        _shared.remove(server)


@pytest.fixture(scope="session")
def prefect_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A Prefect server on PostgreSQL, shared."""
    postgres = postgres_server.server()
    if postgres is None:
        pytest.skip(postgres_server.MISSING)
    with running_server(tmp_path_factory.mktemp("prefect-pg"), postgres.database()) as server:
        _shared.append(server)
        yield server
        _shared.remove(server)


@pytest.fixture(scope="session")
def worker(prefect_sqlite: PrefectServer) -> Iterator[Program]:
    """A worker of `prefect_sqlite` on the pool POOL, shared: do not kill it."""
    prefect_sqlite.pool(POOL)
    with running_worker(prefect_sqlite.home, prefect_sqlite.url, POOL) as program:
        yield program


@pytest.fixture(scope="session")
def postgres_worker(prefect_postgres: PrefectServer) -> Iterator[Program]:
    """A worker of `prefect_postgres` on the pool POOL, shared: do not kill it."""
    prefect_postgres.pool(POOL)
    with running_worker(prefect_postgres.home, prefect_postgres.url, POOL) as program:
        yield program


@pytest.fixture(scope="module", autouse=True)
def shared_servers_left_as_found() -> Iterator[None]:
    """Remove what a module deployed on the shared servers: the next has its own names and schedules.

    First its flow runs let go of their deployment's places, which they could not any more afterwards. Then they are
    removed: a process that still lives would set its run going again, for the next module to find.
    """
    yield
    for server in _shared:
        for run in server.flow_runs(state={"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}):
            with suppress(AssertionError):  # its deployment is gone already, and its place with it
                server.force(run["id"], "CRASHED")
            server.delete(f"/flow_runs/{run['id']}")
        for kind in ("deployments", "automations"):
            for made in server.post(f"/{kind}/filter", {"limit": 200}):
                server.delete(f"/{kind}/{made['id']}")


@pytest.fixture(params=["sqlite", "postgres"])
def prefect_worked(request: pytest.FixtureRequest) -> PrefectServer:
    """Each of the two servers in turn, with its worker polling POOL."""
    on_sqlite = request.param == "sqlite"
    request.getfixturevalue("worker" if on_sqlite else "postgres_worker")
    server: PrefectServer = request.getfixturevalue("prefect_sqlite" if on_sqlite else "prefect_postgres")
    return server

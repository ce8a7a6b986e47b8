"""A real Prefect server of the tests' own, and what tests ask it by REST: pools, deployments, runs, logs, events.

A server is started on a free loopback port, in a folder of its own, on SQLite there or on a PostgreSQL database, with
the settings of deployments/server.env. It can be killed or stopped, and started again on the same three.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

from tests.architecture.house import ROOT
from tests.operations.process import Program, eventually, free_port

SECONDS_TO_START = 300
ANSWERS = 120.0
"""Seconds to wait for one answer: a server on a busy machine takes its time."""
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
Json = dict[str, Any]


@dataclass
class PrefectServer:
    """A Prefect server: `start`, `kill`, `stop`, `start` again; `url` is its API's address, `env` a client's world."""

    home: Path
    port: int = field(default_factory=free_port)
    database: str | None = None  # postgresql+asyncpg://…; default: SQLite in `home`
    settings: Mapping[str, str] = field(default_factory=dict)  # beside deployments/server.env
    ui: bool = False
    program: Program | None = None

    # -- the process ---------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def env(self) -> dict[str, str]:
        """The environment of a process that talks to this server: worker, `prefect`, `recyclekit run`."""
        return environment(self.home, self.url)

    @property
    def log(self) -> Path:
        """What the server said."""
        return self.home / "server.log"

    def start(self) -> PrefectServer:
        """Start it, also again after `kill` or `stop`; return when it answers."""
        command = [
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            *([] if self.ui else ["--no-ui"]),
        ]
        own = {"PREFECT_API_DATABASE_CONNECTION_URL": self.database} if self.database else {}
        own |= {"PREFECT_SERVER_UI_API_URL": self.url} if self.ui else {}
        env = environment(self.home) | tuned() | own | dict(self.settings)
        program = self.program = Program.start([sys.executable, "-m", "prefect", *command], self.log, env)

        def healthy() -> bool:
            assert program.is_alive, program.said()
            try:
                return httpx.get(f"{self.url}/health", timeout=5).is_success
            except httpx.HTTPError:
                return False

        try:
            eventually(healthy, SECONDS_TO_START, f"a healthy server, see {self.log}")
        except BaseException:
            program.end()
            raise
        return self

    def kill(self) -> None:
        """kill -9, with everything that belongs to it."""
        assert self.program is not None
        self.program.kill_all()

    def stop(self) -> None:
        """SIGTERM, then whatever it takes."""
        if self.program is not None:
            self.program.end()

    # -- asking it -----------------------------------------------------------------------------------------------------

    def get(self, path: str) -> Any:
        """GET a path of the API, like `/work_pools/x`; the answer as JSON."""
        return httpx.get(self.url + path, timeout=ANSWERS).raise_for_status().json()

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST to a path of the API, like `/flow_runs/filter`; the answer as JSON, None where there is none."""

        answer = self._ask("POST", path, dict(body or {}))
        assert answer.status_code < 400, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def delete(self, path: str) -> None:
        """DELETE what is at a path of the API, unless it is gone already."""
        answer = self._ask("DELETE", path, None)
        assert answer.status_code < 400 or answer.status_code == 404, f"{path}: {answer.status_code} {answer.text}"

    def _ask(self, method: str, path: str, body: Json | None) -> httpx.Response:
        def ask() -> httpx.Response | None:
            found = httpx.request(method, self.url + path, json=body, timeout=ANSWERS)
            return None if found.status_code == httpx.codes.SERVICE_UNAVAILABLE else found

        # 503 is what a server on SQLite says while another of its own services writes: nothing was done
        return eventually(ask, 30, f"an answer to {path}")

    def pool(self, name: str) -> str:
        """Create a work pool of processes unless it is there; return its name."""
        if httpx.get(f"{self.url}/work_pools/{name}", timeout=ANSWERS).status_code == 404:
            self.post("/work_pools/", {"name": name, "type": "process", "base_job_template": _process_template()})
        return name

    def deploy(
        self, entrypoint: str, name: str, pool: str, parameters: Mapping[str, Any] | None = None, **more: Any
    ) -> str:
        """Deploy an installed flow, like `recyclekit_flows.recycle.recycle`; return the deployment's id.

        Args:
            more: further fields of Prefect's `POST /deployments/`: schedules, concurrency_limit, tags, job_variables, …
        """
        from prefect.utilities.callables import parameter_schema

        module, _, function = entrypoint.rpartition(".")
        flow = getattr(import_module(module), function)
        body = {
            "name": name,
            "flow_id": self.post("/flows/", {"name": flow.name})["id"],
            "entrypoint": entrypoint,
            "pull_steps": [],
            "work_pool_name": pool,
            "parameters": _plain(parameters or {}),
            "parameter_openapi_schema": parameter_schema(flow).model_dump_for_openapi(),
            "enforce_parameter_schema": True,
        }
        made: Json = self.post("/deployments/", body | more)
        return str(made["id"])

    def run(self, deployment: str, parameters: Mapping[str, Any] | None = None, **more: Any) -> str:
        """Start a run of a deployment; return the flow run's id.

        Args:
            parameters: laid over the deployment's, one by one.
            more: further fields of `POST /deployments/{id}/create_flow_run`: state, idempotency_key, name, …
        """
        body = {"parameters": _plain(parameters or {})} | more
        return str(self.post(f"/deployments/{deployment}/create_flow_run", body)["id"])

    def flow_run(self, flow_run: str) -> Json:
        """Return a flow run; `["state"]` has type, name and message."""
        found: Json = self.get(f"/flow_runs/{flow_run}")
        return found

    def wait(self, flow_run: str, states: Collection[str] = ENDED, seconds: float = 120) -> Json:
        """Wait until a flow run is in one of these states, by type (COMPLETED) or name (Suspended); return it."""
        last: Json = {}

        def there() -> Json | None:
            last.update(self.flow_run(flow_run)["state"] or {})
            return last if {last.get("type"), last.get("name")} & set(states) else None

        try:
            return eventually(there, seconds, f"flow run {flow_run} to be {' or '.join(states)}")
        except AssertionError as error:
            raise AssertionError(f"{error}; last {last}\n" + "\n".join(self.logs(flow_run)[-30:])) from None

    def force(self, flow_run: str, state: str) -> None:
        """Set a flow run's state by type, without asking Prefect's rules: what a reaper or a person does."""
        body = {"state": {"type": state, "name": state.capitalize()}, "force": True}
        self.post(f"/flow_runs/{flow_run}/set_state", body)

    def flow_runs(self, **wanted: Any) -> list[Json]:
        """Return flow runs; e.g. `deployment_id={"any_": [id]}`, `state={"type": {"any_": ["SCHEDULED"]}}`."""
        found: list[Json] = self.post("/flow_runs/filter", {"flow_runs": wanted, "sort": "START_TIME_ASC"})
        return found

    def task_runs(self, flow_run: str) -> list[Json]:
        """Return a flow run's task runs; they arrive a second or so after the fact."""
        found: list[Json] = self.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
        return found

    def logs(self, flow_run: str) -> list[str]:
        """Return the messages of a flow run's log, in order; they arrive up to two seconds after the fact."""
        body = {"logs": {"flow_run_id": {"any_": [flow_run]}}, "sort": "TIMESTAMP_ASC"}
        return [str(line["message"]) for line in self.post("/logs/filter", body)]

    def artifacts(self, flow_run: str | None = None) -> dict[str, Json]:
        """Return artifacts by key: a flow run's, or all."""
        wanted = {"artifacts": {"flow_run_id": {"any_": [flow_run]}}} if flow_run else {}
        return {str(found["key"]): found for found in self.post("/artifacts/filter", wanted)}

    def events(self, name: str = "recyclekit.", resource: str | None = None) -> list[Json]:
        """Return events whose name begins with `name`, newest first; they arrive a second or so after the fact."""
        wanted: Json = {"event": {"prefix": [name]}} | ({"resource": {"id": [resource]}} if resource else {})
        found: list[Json] = self.post("/events/filter", {"filter": wanted | {"order": "DESC"}, "limit": 50})["events"]
        return found


@contextmanager
def running_server(
    home: Path, database: str | None = None, *, settings: Mapping[str, str] | None = None, ui: bool = False
) -> Iterator[PrefectServer]:
    """Yield a running server, and stop it however the test went.

    Args:
        home: Prefect's own folder; made if it is not there.
        database: URL of an empty PostgreSQL database, as `tests.postgres_server` gives; default: SQLite in `home`.
        settings: more of Prefect's environment, over deployments/server.env.
        ui: serve the pages too, for tests in a browser.
    """
    home.mkdir(parents=True, exist_ok=True)
    driver = database.replace("+psycopg", "+asyncpg") if database else None
    server = PrefectServer(home, database=driver, settings=settings or {}, ui=ui)
    try:
        yield server.start()
    finally:
        server.stop()


def environment(home: Path, url: str | None = None) -> dict[str, str]:
    """Return the environment of a process that uses this Prefect folder and, where given, this server."""
    return os.environ | {"PREFECT_HOME": str(home)} | ({"PREFECT_API_URL": url} if url else {})


def tuned() -> dict[str, str]:
    """Return what deployments/server.env sets."""
    lines = (ROOT / "deployments/server.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line.strip() and not line.startswith("#"))


def _process_template() -> Json:
    from prefect.workers.process import ProcessWorker

    return ProcessWorker.get_default_base_job_template()


def _plain(parameters: Mapping[str, Any]) -> Json:
    return {name: str(value) if isinstance(value, Path) else value for name, value in parameters.items()}

"""A company whose runs are killed, frozen and taken up again, and the judge, who looks into the CRM's own tables."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import psutil
import pytest
from sqlalchemy import Connection, Executable, select, text, update

from recyclekit.connectors.csv.own_tables import FIELDS, TASKS, OwnTables
from recyclekit.errors import LedgerError
from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from tests.operations.process import Program, eventually
from tests.operations.server import ANSWERS, PrefectServer
from tests.postgres_server import MISSING, Server, started
from tests.postgres_watch import unprivileged

AS_OF = date(2026, 11, 20)
RECYCLE = "recyclekit_flows.recycle.recycle"
DEALS = 100
BATCH = 5


@dataclass
class Company:
    """A sample company that is written to in small batches, so that there is something between two calls."""

    folder: Path

    @classmethod
    def founded(cls, folder: Path, ledger: str = "sqlite:///ledger.db") -> Company:
        """Lay a company's files down; `ledger` as in a project file."""
        folder.mkdir(parents=True, exist_ok=True)
        sample = generate(folder, deals=DEALS, seed=7, as_of=AS_OF, bad_rows=0)
        text = demo_project(sample).replace("settings: {", f"settings: {{batch_size: {BATCH}, ", 1)
        text = text.replace("ledger: sqlite:///ledger.db", f"ledger: {ledger}")
        assert f"batch_size: {BATCH}" in text
        assert ledger in text
        (folder / "recyclekit.yaml").write_text(text, encoding="utf-8")
        return cls(folder)

    def elsewhere(self, folder: Path) -> Company:
        """Return the same company as another machine sees it: the same CRM and ledger, nothing of this one's state."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns(".recyclekit"))
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm", "deals.recyclekit", "deals.csv"):
            there, here = folder / name, self.folder / name
            if there.is_dir():
                shutil.rmtree(there)
            there.unlink(missing_ok=True)
            if here.exists():
                there.symlink_to(here)
        return Company(folder)

    @property
    def project(self) -> Project:
        return open_project(self.folder)

    @property
    def parameters(self) -> dict[str, Any]:
        """Of a flow run."""
        return {"project": str(self.folder), "as_of": str(AS_OF)}

    def command(
        self, *words: str, env: Mapping[str, str] | None = None, seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of ours on this company and return how it ended."""
        command = [sys.executable, "-m", "recyclekit", *words, "--project", str(self.folder)]
        return subprocess.run(
            command, env=os.environ | dict(env or {}), capture_output=True, text=True, check=False, timeout=seconds
        )

    # -- the judge -----------------------------------------------------------------------------------------------------

    def effects(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return what stands in the CRM: our own fields by deal, and our tasks."""
        tables = OwnTables(self.folder / "deals.recyclekit")
        return tables.table(FIELDS).sort("deal_id"), tables.table(TASKS).sort("key")

    def judge(self, *, whole: bool = True) -> int:
        """Assert on the CRM's own tables that nothing stands there twice and, if `whole`, that nothing is missing.

        Returns how many writes stand there.
        """
        fields, tasks = self.effects()
        keys = [key for row in fields["keys"] for key in json.loads(row)] + tasks["key"].to_list()
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"written twice: {twice}"
        several = fields.filter(pl.col("keys").map_elements(lambda row: len(json.loads(row)), pl.Int64) > 1)
        assert several.is_empty(), f"own fields written more than once: {several['deal_id'].to_list()}"
        expected_fields, expected_tasks = expected()
        fields = fields.drop("keys")
        if whole:
            assert fields.equals(expected_fields), "own fields are not those of an undisturbed run"
            assert tasks.equals(expected_tasks), "tasks are not those of an undisturbed run"
        else:
            assert fields.join(expected_fields, on=fields.columns, how="anti", nulls_equal=True).is_empty()
            assert set(tasks["key"]) <= set(expected_tasks["key"])
        return len(keys)


@functools.cache
def expected() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what an undisturbed run leaves in the CRM of such a company, without the runs' ids."""
    with tempfile.TemporaryDirectory() as folder:
        company = Company.founded(Path(folder))
        job = company.project.job(as_of=AS_OF)
        outcome = job.write_back(job.plan())
        assert outcome.applied == outcome.planned > 3 * BATCH
        fields, tasks = company.effects()
        return fields.drop("keys"), tasks


def fault(what: str) -> dict[str, Any]:
    """Return what makes a flow run's process stumble: `kill:stage.extract`, `stop:sink.write`, `kill:22`."""
    return {"job_variables": {"env": {"RECYCLEKIT_FAULT": what}}}


def frozen(worker: Program, seconds: float = 60) -> psutil.Process:
    """Wait for a process of a worker's that has frozen at its fault point, and return it."""

    def found() -> psutil.Process | None:
        for process in worker.children():
            try:
                if process.status() == psutil.STATUS_STOPPED:
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    return eventually(found, seconds, f"a frozen flow run; the worker said: {worker.said()}")


def wake(process: psutil.Process) -> None:
    """Let a frozen process go on."""
    os.kill(process.pid, signal.SIGCONT)


def waiting(worker: Program, company: Company, where: str, seconds: float = 120) -> psutil.Process:
    """Wait until a worker's flow run has come to its fault `wait:…`, and return its process."""
    log, line = worker.log.stat().st_size, f"waiting at {where}"
    eventually(lambda: line in worker.log.read_bytes()[log:].decode(errors="replace"), seconds, line)
    return at_work(company)


def at_work(company: Company, seconds: float = 90) -> psutil.Process:
    """Wait until a process holds a company's pipeline, and return it."""

    def holder() -> psutil.Process | None:
        with contextlib.suppress(psutil.NoSuchProcess):
            pid = holding(company)
            return None if pid is None else psutil.Process(pid)
        return None

    return eventually(holder, seconds, "a run at work")


def holding(company: Company) -> int | None:
    """Return the id of the process that holds a company's pipeline."""
    if not company.project.has_ledger:
        return None
    try:
        found = _leases(company, "SELECT holder FROM leases WHERE holder IS NOT NULL")
    except LedgerError:  # it is being made just now
        return None
    return int(str(found[0][0]).split(":")[1]) if found else None


def lease_ends(company: Company) -> datetime | None:
    """Return when the lease of a company's pipeline ends by itself; None where nobody holds it."""
    from recyclekit.ledger.schema import leases

    found = _leases(company, select(leases.c.expires_at).where(leases.c.holder.is_not(None)))
    return found[0][0] if found else None


def as_from_elsewhere(company: Company) -> None:
    """Let a company's lease look as another machine sees it, which cannot know that the holder's process is gone."""
    from recyclekit.ledger.schema import leases

    _leases(company, update(leases).values(machine="another"))


def _leases(company: Company, statement: str | Executable) -> list[Any]:
    store = company.project.ledger().store  # type: ignore[attr-defined]  # a look behind the door
    asked = text(statement) if isinstance(statement, str) else statement

    def work(connection: Connection) -> list[Any]:
        answer = connection.execute(asked)
        return list(answer.all()) if answer.returns_rows else []

    try:
        return list(store.write("look", work))
    finally:
        store.close()


def go_on(process: psutil.Process) -> None:
    """Let a process go on that waits at its fault point."""
    process.send_signal(signal.SIGUSR1)


def awaiting_retry(server: PrefectServer, flow_run: str) -> None:
    """Do what the "Retry" button of Prefect's page does."""
    from datetime import UTC, datetime

    now = datetime.now(UTC).isoformat()
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "state_details": {"scheduled_time": now}}
    answer = server.post(f"/flow_runs/{flow_run}/set_state", {"state": state, "force": True})
    assert answer["status"] == "ACCEPT", answer


@contextmanager
def deployed(
    server: PrefectServer, company: Company, pool: str, parameters: Mapping[str, Any] | None = None, **more: Any
) -> Iterator[str]:
    """Yield a deployment of this company's own, which is gone afterwards."""
    name, given = f"{company.folder.name}-{pool}", company.parameters | dict(parameters or {})
    made = server.deploy(RECYCLE, name, pool, given, tags=["recyclekit"], **more)
    try:
        yield made
    finally:
        httpx.delete(f"{server.url}/deployments/{made}", timeout=ANSWERS)


def messages(server: PrefectServer, runs: Sequence[str]) -> list[str]:
    """Return what flow runs said in the end."""
    return [str(server.flow_run(run)["state"]["message"]) for run in runs]


@dataclass
class OwnPostgres:
    """A PostgreSQL server of one test's own, which may be killed and started again on the same port."""

    server: Server

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[OwnPostgres]:
        """Yield one, or skip the test where PostgreSQL is not installed."""
        one = started()
        if one is None:
            pytest.skip(MISSING)
        try:
            yield cls(one)
        finally:
            one.stop()

    @property
    def data(self) -> Path:
        return self.server.folder / "data"

    def kill(self) -> None:
        """kill -9 of the server and of everything that belongs to it."""
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        everything = [postmaster, *postmaster.children(recursive=True)]
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everything, timeout=10)

    def start(self) -> None:
        """Start it again as its keeper did; it recovers first."""
        options = shlex.split((self.data / "postmaster.opts").read_text())[1:]
        start = [str(self.server.programs / "pg_ctl"), "-D", str(self.data), "-l", str(self.server.folder / "log")]
        words = shlex.join(options[: options.index("-D")] + options[options.index("-D") + 2 :])
        done = subprocess.run(
            [*start, "-o", words, "-w", "-t", "60", "start"], check=False, cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **unprivileged(),
        )  # fmt: skip
        assert done.returncode == 0, (self.server.folder / "log").read_text()[-3000:]

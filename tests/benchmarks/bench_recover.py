"""Every victim in every stage: what dies is mended, the next run finishes, and the CRM's own tables are asked.

Victims: the flow's process, its worker with it (a lost machine), Prefect's server, PostgreSQL (which holds the ledger
and Prefect's own data). Stages: the five, and the moment between a call's answer and the note of it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from recyclekit.errors import ExitCode
from recyclekit.pipeline import STAGES
from tests.benchmarks.figure import Figure
from tests.operations.process import eventually
from tests.operations.server import PrefectServer, running_server
from tests.operations.stricken import AS_OF, Company, OwnPostgres, deployed, fault, go_on, waiting
from tests.operations.worker import start_worker

POOL = "recyclekit-victims"
POINTS = (*(f"stage.{stage}" for stage in STAGES), "sink.write.answered")
VICTIMS = ("flow", "machine", "server", "postgres")


def measure() -> Iterator[Figure]:
    """Kill, mend, run again, and count what stands in the CRM."""
    with tempfile.TemporaryDirectory(prefix="recyclekit-victims-") as name, OwnPostgres.running() as postgres:
        place = Path(name)
        with running_server(place / "prefect", postgres.server.database()) as server:
            server.pool(POOL)
            cases = _Cases(place, postgres, server)
            try:
                for victim in VICTIMS:
                    yield from cases.of(victim)
            finally:
                cases.worker.end()


class _Cases:
    def __init__(self, place: Path, postgres: OwnPostgres, server: PrefectServer) -> None:
        self.place, self.postgres, self.server = place, postgres, server
        self.worker = start_worker(place / "home", server.url, POOL)

    def of(self, victim: str) -> Iterator[Figure]:
        whole, longest = 0, 0.0
        for point in POINTS:
            company = Company.founded(self.place / f"{victim}-{point}", self.postgres.server.database())
            with deployed(self.server, company, POOL) as deployment:
                self.strike(victim, point, company, deployment)
                began = time.monotonic()
                again = company.command("run", "--as-of", str(AS_OF), env=self.server.env, seconds=600)
                longest = max(longest, time.monotonic() - began)
            assert again.returncode == ExitCode.DONE, (victim, point, again.stderr)
            company.judge()
            whole += 1
        note = "the next run leaves in the CRM what an undisturbed one leaves"
        yield Figure(
            name=f"{victim}: finished whole", value=whole, unit="of 6", bar=len(POINTS), better="higher", note=note
        )
        yield Figure(
            name=f"{victim}: the next run", value=longest, unit="s", note="the longest, with the start of its process"
        )

    def strike(self, victim: str, point: str, company: Company, deployment: str) -> None:
        """Let a run come to a point, kill the victim there, mend it, and wait until the run's process is gone."""
        if victim == "flow":
            run = self.server.run(deployment, **fault(f"kill:{point}"))
            self.server.wait(run, seconds=300)
            return
        self.server.run(deployment, **fault(f"wait:{point}"))
        process = waiting(self.worker, company, point, 300)
        if victim == "machine":
            self.worker.kill_all()
            self.worker = start_worker(self.place / "home", self.server.url, POOL)
            return
        struck = self.server if victim == "server" else self.postgres
        struck.kill()
        go_on(process)
        if victim == "postgres":
            psutil.wait_procs([process], timeout=300)
        struck.start()
        eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 300, "its end")

"""Every victim in every stage: what dies is mended, the next run finishes, and the CRM's own tables are asked.

Victims: the flow's process, its worker alone (the flow lives on, an orphan), both (a lost machine), Prefect's server,
PostgreSQL (which holds the ledger and Prefect's own data). Stages: the five, and the moment between a call's answer and
the note of it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from recyclekit import clock
from recyclekit.errors import ExitCode
from recyclekit.pipeline import STAGES
from tests.benchmarks.figure import Figure
from tests.operations.process import eventually
from tests.operations.server import ENDED, PrefectServer, running_server
from tests.operations.stricken import (
    AS_OF,
    Company,
    OwnPostgres,
    as_from_elsewhere,
    at_work,
    deployed,
    expected,
    fault,
    go_on,
    lease_ends,
)
from tests.operations.worker import start_worker

POOL = "recyclekit-victims"
POINTS = (*(f"stage.{stage}" for stage in STAGES), "sink.write.answered")
VICTIMS = ("flow", "worker", "machine", "server", "postgres")
LEASE = 65
"""Seconds after which no lock may be left: the lease and five more."""
PATIENCE = 600
"""Seconds; a deadline, not a bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """What became of one case."""

    point: str
    flow_run: str
    kept: float = 0.0  # seconds from the blow to the end of the lease, for whoever cannot see that its holder is gone
    next_run: float = 0.0  # seconds
    wrong: str = ""


def measure(victims: Sequence[str] = VICTIMS, points: Sequence[str] = POINTS) -> Iterator[Figure]:
    """Kill, mend, run again, and count what stands in the CRM; six companies at once, each at another point."""
    with tempfile.TemporaryDirectory(prefix="recyclekit-victims-") as name, OwnPostgres.running() as postgres:
        place = Path(name)
        with running_server(place / "prefect", postgres.server.database()) as server:
            server.pool(POOL)
            expected()  # once, before threads ask for it
            site = _Site(place, postgres, server)
            try:
                struck = {victim: site.round(victim, points) for victim in victims}
            finally:
                site.worker.end()
            for victim, found in struck.items():
                yield from _figures(victim, found)
            yield _marked(server, [one.flow_run for found in struck.values() for one in found])


class _Site:
    def __init__(self, place: Path, postgres: OwnPostgres, server: PrefectServer) -> None:
        self.place, self.postgres, self.server = place, postgres, server
        self.worker = start_worker(place / "home", server.url, POOL)

    def round(self, victim: str, points: Sequence[str]) -> list[Struck]:
        """Let one run of a company of its own come to each point, strike once, and run each company again."""
        database = self.postgres.server.database
        companies = {point: Company.founded(self.place / f"{victim}-{point}", database()) for point in points}
        log = self.worker.log.stat().st_size
        with ExitStack() as stack:
            deployments = {p: stack.enter_context(deployed(self.server, c, POOL)) for p, c in companies.items()}
            runs = {point: self.server.run(made, **fault(f"wait:{point}")) for point, made in deployments.items()}
            there = self.all_there(companies, log)
            blow = clock.now()
            self.strike(victim, there)
            with ThreadPoolExecutor(len(points)) as pool:
                return list(
                    pool.map(lambda point: self.after(victim, point, companies[point], runs[point], blow), points)
                )

    def all_there(self, companies: Mapping[str, Company], log: int) -> list[psutil.Process]:
        """Wait until each run has come to its point, and return their processes."""

        def missing() -> list[str]:
            said = self.worker.log.read_bytes()[log:].decode(errors="replace")
            return [point for point in companies if f"waiting at {point}\n" not in said]

        eventually(lambda: not missing(), PATIENCE, f"every run at its point, see {self.worker.log}")
        return [at_work(company) for company in companies.values()]

    def strike(self, victim: str, runs: Sequence[psutil.Process]) -> None:
        """Kill the victim, mend it, and wait until all processes of the runs are gone."""
        if victim == "flow":
            for process in runs:
                process.kill()
        elif victim in {"machine", "worker"}:
            (self.worker.kill_all if victim == "machine" else self.worker.kill)()
            self.worker = start_worker(self.place / "home", self.server.url, POOL)
            for process in runs if victim == "worker" else ():
                go_on(process)
        else:
            struck = self.server if victim == "server" else self.postgres
            struck.kill()
            for process in runs:
                go_on(process)
            if victim == "postgres":
                psutil.wait_procs(runs, timeout=PATIENCE)  # they find the ledger gone, and end
            struck.start()
        eventually(lambda: not any(map(_lives, runs)), PATIENCE, "the end of all runs")

    def after(self, victim: str, point: str, company: Company, flow_run: str, blow: datetime) -> Struck:
        """Look at what is left, run the pipeline again, and say how that went."""
        ends, began = lease_ends(company), time.monotonic()
        wrong = self.next_run(company, elsewhere=(victim, point) == ("machine", POINTS[-1]))
        kept = (ends - blow).total_seconds() if ends else 0.0
        one = Struck(point=point, flow_run=flow_run, kept=kept, next_run=time.monotonic() - began, wrong=wrong)
        print(f"{victim}: {one}", file=sys.stderr, flush=True)
        return one

    def next_run(self, company: Company, *, elsewhere: bool) -> str:
        """Run the pipeline again and return what is wrong afterwards; from elsewhere, once the lease lets it."""
        deadline = time.monotonic() + LEASE
        if elsewhere:
            as_from_elsewhere(company)
        while True:
            again = company.command("run", "--as-of", str(AS_OF), env=self.server.env, seconds=PATIENCE)
            if again.returncode != ExitCode.LOCKED or not elsewhere or time.monotonic() > deadline:
                break
        if again.returncode != ExitCode.DONE:
            return f"exit code {again.returncode}: {again.stderr[-2000:]}"
        try:
            company.judge()
        except AssertionError as error:
            return str(error)
        return "" if lease_ends(company) is None else "the lease was not given back"


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _figures(victim: str, found: Sequence[Struck]) -> Iterator[Figure]:
    wrong = "; ".join(one.wrong.splitlines()[0] for one in found if one.wrong)
    yield Figure(
        name=f"{victim}: finished whole", value=sum(not one.wrong for one in found), unit=f"of {len(found)}",
        bar=len(found), better="higher", note=wrong or "the next run leaves in the CRM what an undisturbed one leaves",
    )  # fmt: skip
    yield Figure(
        name=f"{victim}: lease left", value=max(one.kept for one in found), unit="s", bar=LEASE,
        note="the longest, as another machine sees it; on this one the next run began at once",
    )  # fmt: skip
    yield Figure(
        name=f"{victim}: the next run", value=max(one.next_run for one in found), unit="s",
        note="the longest, with the start of its process",
    )  # fmt: skip


def _marked(server: PrefectServer, struck: Sequence[str]) -> Figure:
    """Count the flow runs that have ended, as Prefect sees it, after the reaper has looked once."""
    before = [run for run in struck if server.flow_run(run)["state"]["type"] not in ENDED]
    reap = [sys.executable, "-m", "recyclekit", "reap", "--silence", "1"]
    subprocess.run(reap, env=server.env, check=True, capture_output=True, timeout=120)
    ended = [run for run in struck if server.flow_run(run)["state"]["type"] in ENDED]
    return Figure(
        name="dead runs marked", value=len(ended), unit=f"of {len(struck)}", bar=len(struck), better="higher",
        note=f"{len(before)} of them by the reaper: they had planned nothing yet that a next run could take up",
    )  # fmt: skip

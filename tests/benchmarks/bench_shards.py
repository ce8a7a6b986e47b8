"""What each further shard costs beside its share of the work: parts with nothing to do, on every engine.

Seconds on the clock: starting processes and telling a server is waiting, which no ratio of processor time shows.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from recyclekit.models.shard import ticket
from tests.benchmarks.figure import Figure
from tests.operations.company import AS_OF, sample_project
from tests.operations.server import PrefectServer, running_server
from tests.operations.worker import running_worker

COUNTS, ON_WORKERS, POOL = (1, 10, 100, 1_000), (1, 10), "bench"
SHARD = "recyclekit_flows.shards.write_shard"


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-shards-") as name, running_server(Path(name) / "prefect") as server:
        for engine in ("processes", "dask"):
            yield from _figures(engine, {count: _by_runner(server, engine, count) for count in COUNTS})
        yield from _figures("workers", _on_workers(server, Path(name)))


def _figures(engine: str, seconds: dict[int, float]) -> Iterator[Figure]:
    for count, took in seconds.items():
        yield Figure(
            name=f"{count:,} empty shards, {engine}", value=took, unit="s", note=f"{took / count:.2f} s a shard"
        )
    fewest, most = min(seconds), max(seconds)
    each = (seconds[most] - seconds[fewest]) / (most - fewest)
    yield Figure(name=f"each further shard, {engine}", value=each, unit="s", note=f"from {fewest} to {most:,}")


def _by_runner(server: PrefectServer, engine: str, count: int) -> float:
    """Return the seconds of `count` empty parts by a task runner, in a process that has Prefect loaded already."""
    # Imported, not run as a script: what a task is must have a name that other processes can import.
    code = f"from tests.benchmarks.shard_cases import main; main({engine!r}, {count})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=server.env, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def _on_workers(server: PrefectServer, folder: Path) -> dict[int, float]:
    """Return the seconds of flow runs by one worker, by their number: from their creation to the end of the last."""
    project = sample_project(folder / "project")
    job = project.job(as_of=AS_OF)
    with job.holding() as held:
        outcome = held.write_back(held.plan())
        assert held.lease is not None
        told = ticket(outcome.run, held.lease, AS_OF).model_dump(mode="json")
    deployment = server.deploy(SHARD, "bench", server.pool(POOL), {"project": str(project.folder)})
    found = {}
    with running_worker(server.home, server.url, POOL):
        for count in ON_WORKERS:
            began = time.monotonic()
            parts = [{"ticket": told, "number": number, "of": count} for number in range(count)]
            for run in [server.run(deployment, part) for part in parts]:
                assert server.wait(run, seconds=600)["type"] == "COMPLETED", server.logs(run)
            found[count] = time.monotonic() - began
    return found

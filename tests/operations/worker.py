"""A real Prefect worker of the tests' own: `prefect worker start` as a process that can be killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.operations.process import Program, eventually
from tests.operations.server import environment

_NUMBERS = count(1)
SECONDS_TO_START = 240


def start_worker(
    home: Path, url: str, pool: str, env: Mapping[str, str] | None = None, *, query_seconds: int = 1
) -> Program:
    """Start a worker and return it when it polls; whoever starts one calls `end`. See `running_worker`."""
    number = next(_NUMBERS)
    home.mkdir(parents=True, exist_ok=True)
    log = home / f"worker-{number}.log"
    command = ["worker", "start", "--pool", pool, "--type", "process", "--name", f"worker-{number}"]
    own = {"PREFECT_WORKER_QUERY_SECONDS": str(query_seconds), "PREFECT_WORKER_PREFETCH_SECONDS": "1"}
    world = environment(home, url) | own | dict(env or {})
    worker = Program.start([sys.executable, "-m", "prefect", *command], log, world)

    def polls() -> bool:
        assert worker.is_alive, worker.said()
        return "started!" in worker.said()

    try:
        eventually(polls, SECONDS_TO_START, f"a worker that polls, see {log}")
    except BaseException:
        worker.end()
        raise
    return worker


@contextmanager
def running_worker(
    home: Path, url: str, pool: str, env: Mapping[str, str] | None = None, *, query_seconds: int = 1
) -> Iterator[Program]:
    """Yield a polling worker; it and all its flow runs are ended however the test went.

    Args:
        home: the server's folder, or another one: then it is another machine.
        env: what flow runs see beside this process's environment: secrets, RECYCLEKIT_FAULT, …
    """
    worker = start_worker(home, url, pool, env, query_seconds=query_seconds)
    try:
        yield worker
    finally:
        worker.end()

"""Processes to be killed: a clean process with everything imported forks one for each attempt, in some milliseconds.

The test process itself must not fork: Polars has threads there, and a fork would inherit their locks and not them.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.chaos.work import World

ROOT = Path(__file__).parents[2]


def attempt(world: World, what: str, kill_at: int) -> bool:
    """Do `apply`, `resume` or `undo` in a process that is killed at its n-th fault point; return whether it was."""
    job = {"url": world.url, "folder": str(world.folder), "deals": world.deals, "what": what, "kill_at": kill_at}
    mother = _mother()
    assert mother.stdin is not None
    assert mother.stdout is not None
    mother.stdin.write(json.dumps(job) + "\n")
    mother.stdin.flush()
    status = int(mother.stdout.readline())
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    assert status == 0, f"the attempt failed by itself: wait status {status}"
    return False


@functools.cache
def _mother() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.chaos.forks"]
    started = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(started.kill)
    return started


def _serve() -> None:
    import alembic.command
    import psycopg
    import sqlalchemy.dialects.postgresql.psycopg
    import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401  # imported once here, not in each child

    assert alembic.command
    assert psycopg
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _work(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(status, flush=True)


def _work(job: dict[str, object]) -> None:
    from recyclekit.faultpoint import KillAt, arm

    code = 1
    try:
        world = World(str(job["url"]), Path(str(job["folder"])), deals=int(str(job["deals"])))
        arm(KillAt(int(str(job["kill_at"]))))
        getattr(world, str(job["what"]))()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()

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
from collections.abc import Callable
from pathlib import Path

from tests.chaos.csv_crm import CsvWorld
from tests.chaos.work import World

ROOT = Path(__file__).parents[2]
WORLDS = {"World": World, "CsvWorld": CsvWorld}


def attempt(world: World, what: str, kill_at: int) -> bool:
    """Do `apply`, `resume` or `undo` in a process that is killed at its n-th fault point; return whether it was."""
    [status] = _ask(_job(world, what) | {"kill_at": kill_at})
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    assert status == 0, f"the attempt failed by itself: wait status {status}"
    return False


def race(world: World, runners: int) -> list[int]:
    """Let so many processes apply at once; return their exit codes. The winner waits until all others have ended."""
    return [os.waitstatus_to_exitcode(status) for status in _ask(_job(world, "race") | {"runners": runners})]


def _job(world: World, what: str) -> dict[str, object]:
    same = {"url": world.url, "folder": str(world.folder), "deals": world.deals, "what": what}
    return {**same, "world": type(world).__name__}


def _ask(job: dict[str, object]) -> list[int]:
    mother = _mother()
    assert mother.stdin is not None
    assert mother.stdout is not None
    mother.stdin.write(json.dumps(job) + "\n")
    mother.stdin.flush()
    answer: list[int] = json.loads(mother.stdout.readline())
    return answer


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

    import recyclekit.ledger.postgres
    import recyclekit.ledger.sqlite

    assert alembic.command
    assert psycopg
    assert recyclekit.ledger.postgres
    assert recyclekit.ledger.sqlite
    for line in sys.stdin:
        job = json.loads(line)
        losers = os.pipe()
        children = [_fork(job, losers) for _ in range(job.get("runners", 1))]
        statuses = [os.waitpid(child, 0)[1] for child in children]
        for end in losers:
            os.close(end)
        print(json.dumps(statuses), flush=True)


def _fork(job: dict[str, object], losers: tuple[int, int]) -> int:
    child = os.fork()
    if child == 0:
        _work(job, losers)
    return child


def _work(job: dict[str, object], losers: tuple[int, int]) -> None:
    from recyclekit.errors import LeaseError
    from recyclekit.faultpoint import KillAt, arm

    code = 1
    try:
        world = WORLDS[str(job["world"])](str(job["url"]), Path(str(job["folder"])), deals=int(str(job["deals"])))
        if job["what"] == "race":
            arm(_until_the_others_ended(losers, int(str(job["runners"])) - 1))
            world.apply()
        else:
            arm(KillAt(int(str(job["kill_at"]))))
            getattr(world, str(job["what"]))()
        code = 0
    except LeaseError as error:
        code = error.exit_code
    finally:
        os.write(losers[1], b"x")
        sys.stderr.flush()
        os._exit(code)


def _until_the_others_ended(losers: tuple[int, int], others: int) -> Callable[[str], None]:
    """Let whoever got the lease wait until every other process has been refused."""
    left = [others]

    def wait(name: str) -> None:
        # not inside a transaction: the others must be able to look who holds the lease
        while name == "sink.write" and left[0]:
            left[0] -= len(os.read(losers[0], left[0]))

    return wait


if __name__ == "__main__":
    _serve()

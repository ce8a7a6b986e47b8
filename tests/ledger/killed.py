"""Processes to be killed while they migrate: a clean one with everything imported forks one for each statement."""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def upgrade_killed_at(url: str, folder: Path, statement: int) -> bool:
    """Upgrade a ledger in a process that is killed just before its n-th statement; return whether it was."""
    mother = _mother()
    assert mother.stdin is not None
    assert mother.stdout is not None
    mother.stdin.write(json.dumps({"url": url, "folder": str(folder), "statement": statement}) + "\n")
    mother.stdin.flush()
    status = int(mother.stdout.readline())
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    assert status == 0, f"the upgrade failed by itself: wait status {status}"
    return False


@functools.cache
def _mother() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.ledger.killed"]
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
        child = os.fork()
        if child == 0:
            _upgrade(job["url"], Path(job["folder"]), job["statement"])
        print(os.waitpid(child, 0)[1], flush=True)


def _upgrade(url: str, folder: Path, statement: int) -> None:
    from sqlalchemy import Engine, event

    from recyclekit.ledger import open_ledger

    code, left = 1, [statement]

    def kill(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        event.listen(Engine, "before_cursor_execute", kill)
        open_ledger(url, folder).upgrade()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()

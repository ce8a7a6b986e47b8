"""A real PostgreSQL server of our own for tests: a free loopback port, gone when the session ends, however it ends."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.postgres_watch import sweep

ROOT = Path(__file__).parents[1]
PREFIX = "recyclekit-pg-"
PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
MISSING = "no PostgreSQL server programs (pg_ctl, initdb) here; on Debian: apt-get install postgresql"


@dataclass
class Server:
    """A running cluster. `database()` makes an empty database, `copy_of` a copy of one, in some milliseconds."""

    programs: Path
    folder: Path
    port: int
    keeper: subprocess.Popen[str]
    numbers: count[int] = field(default_factory=count)

    @property
    def admin(self) -> str:
        return self.url("postgres")

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://recyclekit@127.0.0.1:{self.port}/{database}"

    def database(self, template: str = "template0") -> str:
        """Return the URL of a new database."""
        name = f"t{next(self.numbers)}"
        self.run_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def copy_of(self, url: str) -> str:
        return self.database(url.rpartition("/")[2])

    def drop(self, url: str) -> None:
        self.run_sql(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    def run_sql(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.admin.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]  # psycopg wants a literal

    def stop(self) -> None:
        """Let go of the server: its keeper stops it and removes its folder."""
        assert self.keeper.stdin is not None
        self.keeper.stdin.close()
        self.keeper.wait()


def programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs, the newest where there are several."""
    found = [path for place in PLACES for path in Path("/").glob(place.lstrip("/")) if (path / "initdb").exists()]
    on_path = shutil.which("initdb")
    return max(found, default=Path(on_path).parent if on_path else None)


@functools.cache
def server() -> Server | None:
    """Start the session's server, once; None where PostgreSQL is not installed."""
    return started()


def started() -> Server | None:
    """Start a server, for whoever must have one of its own, since it will be killed; None as above."""
    where = programs()
    try:
        import psycopg  # noqa: F401  # the driver is an extra
    except ImportError:
        return None
    if where is None:
        return None
    place = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
    sweep(where, place, PREFIX)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    command = [sys.executable, "-m", "tests.postgres_watch", str(where), str(folder)]
    # in a session of its own, or Ctrl-C would reach it before the tests have ended
    keeper = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert keeper.stdout is not None
    port = keeper.stdout.readline().strip()
    if not port:
        raise RuntimeError("PostgreSQL did not start; its keeper said why above.")
    started = Server(where, folder, int(port), keeper)
    atexit.register(_stop_in, os.getpid(), started)
    return started


def _stop_in(pid: int, one: Server) -> None:
    """Stop the server in the process that started it, not in a child that a test forked."""
    if os.getpid() == pid:
        one.stop()

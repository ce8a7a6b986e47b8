"""A real PostgreSQL server of our own for tests: durable settings, a free loopback port, gone when the session ends."""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

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
        command = [str(self.programs / "pg_ctl"), "-D", str(self.folder / "data"), "-m", "immediate", "stop"]
        subprocess.run(command, check=False, capture_output=True, **_unprivileged())
        shutil.rmtree(self.folder, ignore_errors=True)


def programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs, the newest where there are several."""
    found = [path for place in PLACES for path in Path("/").glob(place.lstrip("/")) if (path / "initdb").exists()]
    on_path = shutil.which("initdb")
    return max(found, default=Path(on_path).parent if on_path else None)


@functools.cache
def server() -> Server | None:
    """Start the session's server, once; None where PostgreSQL is not installed."""
    where = programs()
    try:
        import psycopg  # noqa: F401  # the driver is an extra
    except ImportError:
        return None
    if where is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="recyclekit-pg-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    as_whom = _unprivileged()
    if as_whom:
        shutil.chown(folder, as_whom["user"], as_whom["group"])
    started = Server(where, folder, _free_port())
    _start(started, as_whom)
    atexit.register(_stop_in, os.getpid(), started)
    return started


def _start(one: Server, as_whom: dict[str, str]) -> None:
    data, log = str(one.folder / "data"), str(one.folder / "log")
    options = f"-p {one.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=60"
    init = ["initdb", "-D", data, "-U", "recyclekit", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    start = ["pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start"]
    for program, *arguments in (init, start):
        # a file, not a pipe: the server would keep a pipe open for ever
        with (one.folder / f"{program}.out").open("wb") as out:
            done = subprocess.run(
                [str(one.programs / program), *arguments], check=False, stdout=out, stderr=out, cwd="/", **as_whom
            )
        if done.returncode:
            raise RuntimeError(f"{program}: {(one.folder / f'{program}.out').read_text()}")


def _stop_in(pid: int, one: Server) -> None:
    """Stop the server in the process that started it, not in a child that a test forked."""
    if os.getpid() == pid:
        one.stop()


def _unprivileged() -> dict[str, str]:
    """PostgreSQL refuses to run as root: another user then runs it."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    import grp

    return {"user": user, "group": grp.getgrgid(names[user].pw_gid).gr_name}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])

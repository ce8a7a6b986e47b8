"""Keeps a PostgreSQL server while whoever asked for it lives: `python -m tests.postgres_watch PROGRAMS FOLDER`.

A test process that is killed cannot stop anything. So the server belongs to this process, which reads its standard
input: at its end the other side is gone, however it went, and so are then the server and its folder.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

HELD = "held"
"""A file in the server's folder that stays locked while somebody keeps it."""


def main(programs: Path, folder: Path) -> None:
    held = (folder / HELD).open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        print(_start(programs, folder), flush=True)
        sys.stdin.read()
    finally:
        stop(programs, folder)


def stop(programs: Path, folder: Path) -> None:
    """Stop a server at once and remove its folder."""
    command = [str(programs / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop"]
    subprocess.run(command, check=False, capture_output=True, cwd="/", **unprivileged())
    shutil.rmtree(folder, ignore_errors=True)


def sweep(programs: Path, place: Path, prefix: str) -> None:
    """Stop the servers under a folder that nobody keeps any more."""
    for folder in place.glob(f"{prefix}*"):
        try:
            with (folder / HELD).open() as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stop(programs, folder)
        except OSError:
            continue  # somebody keeps it, it is another user's, or it is just being made


def _start(programs: Path, folder: Path) -> int:
    """Start a server on a free loopback port, and return that."""
    as_whom, port = unprivileged(), _free_port()
    if as_whom:
        shutil.chown(folder, as_whom["user"], as_whom["group"])
    data, log = str(folder / "data"), str(folder / "log")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=60"
    # What tests kill is a process of ours: the server outlives it, and needs no disk for that.
    options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    init = ["initdb", "-D", data, "-U", "recyclekit", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    start = ["pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start"]
    for program, *arguments in (init, start):
        # a file, not a pipe: the server would keep a pipe open for ever
        with (folder / f"{program}.out").open("wb") as out:
            done = subprocess.run(
                [str(programs / program), *arguments], check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd="/", **as_whom,
            )  # fmt: skip
        if done.returncode:
            sys.exit(f"{program}: {(folder / f'{program}.out').read_text()}")
    return port


def unprivileged() -> dict[str, str]:
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


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked decides when it is over
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""A real Prefect server of the tests' own: a free loopback port, a folder of its own, gone afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx

T = TypeVar("T")
SECONDS_TO_START = 120


@contextmanager
def running_server(home: Path) -> Iterator[str]:
    """Start a server, yield its API's address, stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    log = home / "server.log"
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    with log.open("wb") as out:
        server = subprocess.Popen(command, env=environment(home), stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        try:
            eventually(lambda: _healthy(url, server, log), SECONDS_TO_START, f"a healthy server, see {log}")
            yield url
        finally:
            server.terminate()
            server.wait(30)


def environment(home: Path, url: str | None = None) -> dict[str, str]:
    """Return the environment of a process that uses this server's folder and, where given, its address."""
    return os.environ | {"PREFECT_HOME": str(home)} | ({"PREFECT_API_URL": url} if url else {})


def eventually(ask: Callable[[], T | None], seconds: float, what: str) -> T:
    """Ask again and again until there is an answer; a deadline, not a bar on time."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while True:
        if answer := ask():
            return answer
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        pause.wait(0.2)


def _healthy(url: str, server: subprocess.Popen[bytes], log: Path) -> bool:
    assert server.poll() is None, log.read_text(errors="replace")[-3000:]
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False

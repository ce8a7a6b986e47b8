"""Programs that tests start, kill and stop by their id: `Program`. And `eventually`: deadlines instead of sleeps."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")


@dataclass
class Program:
    """A running program with its own process group and log; whoever starts one ends it with `end`."""

    popen: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, command: Sequence[str], log: Path, env: Mapping[str, str]) -> Program:
        """Start a program; what it says is appended to `log`. Its working folder is the log's, not the checkout."""
        with log.open("ab") as out:
            return cls(
                subprocess.Popen(
                    command, env=dict(env), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=log.parent,
                    start_new_session=True,
                ),
                log,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def said(self, characters: int = 3000) -> str:
        """Return the end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:]

    def children(self) -> list[psutil.Process]:
        """Return its living descendants: of a worker, the flow runs' processes and theirs."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def terminate(self, seconds: float = 30) -> int:
        """Ask it to end (SIGTERM), wait, and return its exit code."""
        self.popen.terminate()
        return self.popen.wait(seconds)

    def kill(self) -> None:
        """kill -9 this process, and nothing of what it started."""
        self.popen.kill()
        self.popen.wait()

    def kill_all(self) -> None:
        """kill -9 it together with everything that it started: the machine is gone."""
        everything = self.children()
        self.kill()
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def end(self, seconds: float = 20) -> None:
        """Stop it however it takes, and everything that it started. Harmless where it has ended."""
        everything = self.children()
        if self.is_alive:
            self.popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(seconds)
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()


def eventually(ask: Callable[[], T | None], seconds: float, what: str) -> T:
    """Ask again and again until there is a true answer, and return it; a deadline, not a bar on time."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while True:
        if answer := ask():
            return answer
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        pause.wait(0.2)


def free_port() -> int:
    """Return a loopback port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

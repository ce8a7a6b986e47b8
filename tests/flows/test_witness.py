"""The witness beside a flow run: what it tells the server, and when it says nothing, asked of its own process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from recyclekit_flows import witness

FLOW_RUN = "60f19b05-fba4-4f8f-b6f1-05c1f5bd2a1c"
STATES = {
    "stopped": {"type": "CRASHED", "name": "Stopped", "message": "asked"},
    "gone": {"type": "CRASHED", "name": "Crashed", "message": "killed"},
}
COMMAND = [sys.executable, "-I", "-S", witness.__file__]


@dataclass
class Api:
    """What a witness asks: each call is kept, and answered with the next of `answers`, then with 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    calls: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    def told(self) -> list[str]:
        """Return the names of the states that were proposed and taken."""
        return [body["state"]["name"] for _, path, _, body in self.calls[-1:] if path.endswith("/set_state")]


@pytest.fixture
def api() -> Iterator[Api]:
    asked = Api()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.calls.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
            self.send_response(asked.answers.pop(0) if asked.answers else 200)
            self.end_headers()
            self.wfile.write(b'{"token": "t0ken"}')

        do_GET = do_POST  # noqa: N815  # as http.server asks for it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        asked.url = f"http://127.0.0.1:{server.server_port}/api"
        yield asked
        server.shutdown()
        thread.join()


def case(api: Api, **other: Any) -> bytes:
    about = {
        "url": api.url, "headers": {"Authorization": "Bearer k3y"}, "authorities": None, "flow_run": FLOW_RUN,
        "process": os.getpid(), "seconds": 30.0, **STATES,
    }  # fmt: skip
    return json.dumps(about | other).encode() + b"\n"


def watched(api: Api, heard: bytes, *signals: signal.Signals) -> None:
    """Let a witness hear these bytes, and these signals itself, then the end of the process; wait for its end."""
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        process.stdin.write(case(api) + heard)
        for number in signals:
            _until_it_listens(process.pid)
            process.send_signal(number)
        process.stdin.close()
        assert process.wait(60) == 0


def _until_it_listens(pid: int) -> None:
    pause = threading.Event()
    while True:
        told = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        caught = next(int(line.split()[1], 16) for line in told if line.startswith("SigCgt"))
        if caught & (1 << (signal.SIGHUP - 1)):  # the last that it sets
            return
        pause.wait(0.01)


def test_a_process_that_ends_without_a_word_is_told_of(api: Api) -> None:
    watched(api, b"")
    ((method, path, headers, body),) = api.calls
    assert (method, path) == ("POST", f"/api/flow_runs/{FLOW_RUN}/set_state")
    assert body == {"state": STATES["gone"]}, "proposed, never forced"
    assert headers["Authorization"] == "Bearer k3y"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_the_process_heard_is_told_at_once_and_once(api: Api, number: int) -> None:
    watched(api, bytes([signal.SIGCHLD, number, number, witness.OVER]))
    assert [body["state"]["name"] for *_, body in api.calls] == ["Stopped"]


def test_a_run_that_ended_by_itself_is_not_told_of(api: Api) -> None:
    watched(api, bytes([signal.SIGUSR1, witness.OVER]))
    assert not api.calls


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks into /proc for the signals that a process hears")
def test_with_its_service_stopped_a_killed_process_counts_as_stopped(api: Api) -> None:
    watched(api, b"", signal.SIGTERM)
    assert api.told() == ["Stopped"]


def test_a_busy_server_is_asked_again_and_one_that_refuses_is_not(api: Api) -> None:
    api.answers = [503, 500]
    watched(api, b"")
    assert (len(api.calls), api.told()) == (3, ["Crashed"])
    api.calls.clear()
    api.answers = [404]
    watched(api, b"")
    assert len(api.calls) == 1


def test_a_server_that_asks_for_a_token_gets_one(api: Api) -> None:
    api.answers = [403]
    watched(api, b"")
    refused, token, again = api.calls
    assert token[:2] == ("GET", f"/api/csrf-token?client={FLOW_RUN}")
    assert "Prefect-Csrf-Token" not in {name.title() for name in refused[2]}
    assert {name.title(): value for name, value in again[2].items()}["Prefect-Csrf-Token"] == "t0ken"


def test_a_process_that_does_not_end_is_ended(api: Api) -> None:
    heard = case(api, process=0, seconds=0.1).replace(b'"process": 0', b'"process": %d')
    program = (
        "import os, signal, subprocess, sys; one = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, bufsize=0);"
        "one.stdin.write(sys.argv[1].encode() % os.getpid() + b'\\x0f'); signal.pause()"
    )
    told = heard.decode().rstrip("\n") + "\n"
    done = subprocess.run([sys.executable, "-c", program, told, *COMMAND], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert api.told() == ["Stopped"]

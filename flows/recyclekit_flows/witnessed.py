"""A flow run whose page says at once that it was stopped or killed, though its own process cannot say so any more.

Prefect's worker, when it is stopped itself, kills its flow runs within milliseconds and tells nobody. So a small
process stands beside each run (`witness`), which hears what happens and tells the server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import certifi
from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_TLS_INSECURE_SKIP_VERIFY,
    PREFECT_API_URL,
    get_current_settings,
)
from prefect.states import Running

from recyclekit_flows import witness
from recyclekit_flows.stopping import LAST, POLITE

STOPPED = "Stopped"
"""The state's name of a flow run that was asked to stop and has not said yet how it ended."""
_LEFT = "What it had not finished, the next run of its pipeline takes up, or retrying this one. Nothing is lost."
_STATES = {
    "stopped": {"type": "CRASHED", "name": STOPPED, "message": f"It was asked to stop. {_LEFT}"},
    "gone": {
        "type": "CRASHED",
        "name": "Crashed",
        "message": f"Its process ended without a word: it was killed, or its worker was stopped. {_LEFT}",
    },
}
_A_LITTLE = 1.0  # seconds more than the process gives itself; and for the witness to end
_HERE: ContextVar[Witness | None] = ContextVar("witness", default=None)


@dataclass
class Witness:
    """A process that watches this one and knows of which flow run."""

    flow_run: UUID
    process: subprocess.Popen[bytes] | None = None
    _before: int = -1

    def call(self) -> None:
        """Start it, and let the system write into its ear each signal that this process gets."""
        # In a session of its own, so that a terminal's Ctrl-C spares it; nothing of it keeps a worker's pipes open.
        self.process = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-I", "-S", witness.__file__], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/", env=_world(), start_new_session=True, bufsize=0,
        )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(_case(self.flow_run)).encode() + b"\n")
        ear = self.process.stdin.fileno()
        os.set_blocking(ear, False)
        self._before = signal.set_wakeup_fd(ear, warn_on_full_buffer=False)

    def dismiss(self) -> None:
        """Tell it that there is nothing to witness any more, and let it finish what it may be saying."""
        process, self.process = self.process, None
        if process is None or process.stdin is None:
            return
        signal.set_wakeup_fd(self._before)
        with suppress(OSError):  # it is gone
            process.stdin.write(bytes([witness.OVER]))
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_A_LITTLE)


@contextmanager
def witnessed() -> Iterator[None]:
    """Have this flow run witnessed. Outside of a flow run, without a server or in another thread, nobody does."""
    flow_run = runtime.flow_run.id
    if flow_run is None or not PREFECT_API_URL.value() or threading.current_thread() is not threading.main_thread():
        yield
        return
    one = Witness(UUID(str(flow_run)))
    one.call()
    token = _HERE.set(one)
    try:
        yield
    finally:
        _HERE.reset(token)
        one.dismiss()


@contextmanager
def unwitnessed() -> Iterator[None]:
    """Have this flow run not marked while it is about to wait for a person: that outlasts a stop.

    Where the person's word is there already, it is witnessed again.
    """
    one = _HERE.get()
    if one is None:
        yield
        return
    one.dismiss()
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(one.flow_run).state
        if state is not None and state.name == STOPPED:
            client.set_flow_run_state(one.flow_run, Running(), force=True)
    yield
    one.call()


def _case(flow_run: UUID) -> dict[str, Any]:
    insecure = PREFECT_API_TLS_INSECURE_SKIP_VERIFY.value()
    return {
        "url": PREFECT_API_URL.value().rstrip("/"),
        "headers": _headers(),
        "authorities": None if insecure else PREFECT_API_SSL_CERT_FILE.value() or certifi.where(),
        "flow_run": str(flow_run),
        "process": os.getpid(),
        "seconds": POLITE + LAST + _A_LITTLE,
        **_STATES,
    }


def _headers() -> dict[str, str]:
    # They reach the witness by its input: no list of processes shows them.
    headers = dict(get_current_settings().client.custom_headers)
    word, key = PREFECT_API_AUTH_STRING.value(), PREFECT_API_KEY.value()
    if word:
        headers["Authorization"] = f"Basic {b64encode(word.encode()).decode()}"
    elif key:
        headers["Authorization"] = f"Bearer {key}"
    return headers


def _world() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}

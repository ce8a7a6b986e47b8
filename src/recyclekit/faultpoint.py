"""Named places where a test may stop the process. A no-op unless `RECYCLEKIT_FAULT` or `arm` says otherwise."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

_ENV = "RECYCLEKIT_FAULT"

Handler = Callable[[str], None]
_handler: Handler | None = None


def arm(handler: Handler | None) -> None:
    """Call `handler(name)` at every fault point of this process; None disarms."""
    global _handler  # noqa: PLW0603  # one switch per process is the point
    _handler = handler


def faultpoint(name: str) -> None:
    """Mark a boundary at which a crash must lose nothing and double nothing."""
    if _handler is not None:
        _handler(name)


class SignalAt:
    """Send this process a signal at the n-th fault point reached, counted from 1 over all names, or at a named one.

    SIGKILL is the crash; SIGSTOP freezes the process, so that a test can do something to the world around it.
    """

    def __init__(self, number: signal.Signals, at: int | str) -> None:
        self._number, self._at = number, at
        self._passed = 0

    def __call__(self, name: str) -> None:
        self._passed += 1
        if self._at in (self._passed, name):
            os.kill(os.getpid(), self._number)


class KillAt(SignalAt):
    """End this process with SIGKILL at the n-th fault point reached."""

    def __init__(self, n: int) -> None:
        super().__init__(signal.SIGKILL, n)


class WaitAt:
    """Let the process say so and wait until SIGUSR1 when it first comes to a named fault point; its threads go on."""

    def __init__(self, at: str) -> None:
        self._at: str | None = at
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})

    def __call__(self, name: str) -> None:
        if name == self._at:
            self._at = None
            os.write(2, f"waiting at {name}\n".encode())
            signal.sigwait({signal.SIGUSR1})


def arm_from_environment() -> None:
    """Arm what RECYCLEKIT_FAULT says: `kill:22`, `kill:sink.write`, `stop:stage.extract`, `wait:…`; once in a process.

    The command line calls this at its start, and so does whoever imports the flows.
    """
    kind, _, at = os.environ.get(_ENV, "").partition(":")
    if not at or _handler is not None:
        return
    number = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}.get(kind)
    if number is not None:
        arm(SignalAt(number, int(at) if at.isdecimal() else at))
    elif kind == "wait":
        arm(WaitAt(at))

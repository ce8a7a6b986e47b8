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


class KillAt:
    """End this process with SIGKILL at the n-th fault point reached, counted from 1 over all names."""

    def __init__(self, n: int) -> None:
        self._left = n

    def __call__(self, _name: str) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm_from_environment() -> None:
    """Arm `KillAt(n)` where RECYCLEKIT_FAULT=kill:n is set; the command line calls this once at start."""
    kind, _, n = os.environ.get(_ENV, "").partition(":")
    if kind == "kill" and n.isdecimal():
        arm(KillAt(int(n)))

"""Whether somebody asked us to stop: a question that is asked in many places and answered in one."""

from __future__ import annotations

import time
from collections.abc import Callable

from recyclekit.errors import StoppedError

SLICE = 0.5
"""Seconds between two looks at whether a stop was asked for."""


def never() -> bool:
    """Return that nobody asked us to stop."""
    return False


class Stop:
    """A question that is handed out before it is known who answers it; until then, nobody asked us to stop."""

    def __init__(self) -> None:
        self._answer = never

    def __call__(self) -> bool:
        return self._answer()

    def answered_by(self, should_stop: Callable[[], bool]) -> None:
        """Let all who hold this question hear this answer from now on."""
        self._answer = should_stop


def asleep(seconds: float) -> None:
    """Sleep. `time.sleep` is looked up at each call, so that what a test put in its place counts everywhere."""
    time.sleep(seconds)


def wait(seconds: float, *, sleep: Callable[[float], None], should_stop: Callable[[], bool]) -> None:
    """Wait in short pieces, looking between them whether a stop was asked for.

    Args:
        seconds: how long.
        sleep: waits for so many seconds.
        should_stop: the question; where it is `never`, the wait is one piece.

    Raises:
        StoppedError: a stop was asked for.
    """
    if should_stop is never:
        sleep(seconds)
        return
    left = seconds
    refuse_stopped(should_stop)
    while True:
        sleep(min(left, SLICE))
        refuse_stopped(should_stop)
        left -= SLICE
        if left <= 0:
            return


def refuse_stopped(should_stop: Callable[[], bool]) -> None:
    """Raise StoppedError where a stop was asked for."""
    if should_stop():
        raise StoppedError("The run was asked to stop.", fix="Take it up again: recyclekit retry")

"""How often and how long to try again where nothing was applied. Waits through what it is given; reads no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from recyclekit.errors import RetryableError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Waits in seconds, doubling from the first to the longest; the other side's own word (`retry_after`) counts more.

    Attributes:
        lease: length of the lease of a run.
        passes: how often an action that proved absent after a doubtful call is sent again.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    lease: int = 60
    passes: int = 3

    def ask(self, call: Callable[[], T], wait: Callable[[float], None], give_up: Callable[[], bool]) -> T:
        """Return the answer of `call`, asking again after RetryableError; the last error is raised as it is."""
        pause = self.first_wait
        for _ in range(self.attempts - 1):
            try:
                return call()
            except RetryableError as error:
                seconds = pause if error.retry_after is None else error.retry_after
                if seconds > self.longest_wait or give_up():
                    raise
                wait(seconds)
                pause = min(pause * 2, self.longest_wait)
        return call()

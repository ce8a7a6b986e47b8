"""How often a connector asks again by itself, on the vocabulary of `recyclekit.errors`. For plugin authors.

RetryableError says that nothing was applied, so the same call may always be made again. InDoubtError says that nobody
knows: only a call whose repetition changes nothing (a read, an update to the same values, an upsert on a key) is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from recyclekit.errors import InDoubtError, RefusedError, RemoteError, RetryableError
from recyclekit.stopping import asleep, never, wait

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """Tries and waits, in seconds. The n-th wait is drawn evenly from zero to `first` doubled n times ("full jitter").

    Attributes:
        tries: calls in all, the first included.
        first, longest: what the drawing of the waits begins with and never exceeds.
        total: no wait is begun that would end later than this after the first call began.
        clock, sleep, chance: seconds that only grow, waiting for them, and the source of jitter; tests put theirs in.
        should_stop: asked while waiting.
    """

    tries: int = 6
    first: float = 1.0
    longest: float = 60.0
    total: float = 300.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = asleep
    chance: random.Random = field(default_factory=random.Random)
    should_stop: Callable[[], bool] = never

    def call(self, ask: Callable[[], T], *, repeatable: bool) -> T:
        """Return the answer of `ask`, asking again after RetryableError, and InDoubtError where `repeatable`.

        What the other side asks us to wait (`retry_after`) wins over the jitter, and is never cut short: where it is
        longer than what is left of `total`, the error is raised at once for the caller to wait or to stop.

        Raises:
            RemoteError: the last error, as it came. An InDoubtError where an earlier attempt left doubt that none of
                the later ones settled: what says that *its* call was not applied says nothing of that one.
            StoppedError: a stop was asked for while waiting.
        """
        doubts: list[InDoubtError] = []
        try:
            return self._asked(ask, repeatable=repeatable, doubts=doubts)
        except (InDoubtError, RefusedError):
            raise  # refused, the same call cannot have been applied before either
        except RemoteError as error:
            if doubts:
                raise doubts[-1] from error
            raise

    def _asked(self, ask: Callable[[], T], *, repeatable: bool, doubts: list[InDoubtError]) -> T:
        again = (RetryableError, InDoubtError) if repeatable else (RetryableError,)
        began = self.clock()
        for attempt in range(self.tries - 1):
            try:
                return ask()
            except again as error:
                if isinstance(error, InDoubtError):
                    doubts.append(error)
                seconds = self._wait(attempt, error)
                if self.clock() + seconds - began > self.total:
                    raise
            self.wait(seconds)
        return ask()

    def wait(self, seconds: float) -> None:
        """Wait, for as long as nobody asks us to stop.

        Raises:
            StoppedError: a stop was asked for.
        """
        wait(seconds, sleep=self.sleep, should_stop=self.should_stop)

    def pause(self, attempt: int) -> None:
        """Wait as `call` does behind its attempt of that number (0 for the first): between tries of one's own."""
        self.wait(self._drawn(attempt))

    def _wait(self, attempt: int, error: RemoteError) -> float:
        asked = getattr(error, "retry_after", None)
        return self._drawn(attempt) if asked is None else float(asked)

    def _drawn(self, attempt: int) -> float:
        # Not for secrets: it spreads callers that failed together.
        return self.chance.uniform(0.0, min(self.first * 2.0**attempt, self.longest))

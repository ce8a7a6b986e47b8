"""A polite end: SIGTERM or Ctrl-C stops writing after the call in hand, so that nothing is left in doubt."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_writing: list[bool] = []


def writes_from_here() -> None:
    """Note that from now on something may have been written, so that an interruption does not deny it."""
    _writing.append(True)


def may_have_written() -> bool:
    """Return whether this process has come to where it writes."""
    return bool(_writing)


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Yield a question, "should we stop?", that a first signal answers with yes. A second signal ends at once."""
    asked: list[int] = []
    writes_from_here()

    def hear(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""A polite end of a flow's process: the call in hand is finished, the rest is resumable; ten seconds at most."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

POLITE = 6.0
"""Seconds after which a stop that was asked for is enforced: what was sent by then without an answer is in doubt."""
LAST = 3.0
"""Further seconds after which the process is gone, whatever keeps it: a long computation, a silent server."""


_PAUSING: ContextVar[threading.Event | None] = ContextVar("pausing", default=None)


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Yield the question "should we stop?", which SIGTERM and Ctrl-C answer with yes.

    Once asked to stop, the process ends within POLITE + LAST seconds. A second Ctrl-C ends it at once; a second SIGTERM
    changes nothing, since a service manager and a worker both send one. Signals reach the main thread only; in another
    one, nobody asks.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked, enough, pausing = threading.Event(), threading.Event(), threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def hear(number: int, frame: FrameType | None) -> None:
        if not pausing.is_set() and (enough.is_set() or (asked.is_set() and number == signal.SIGINT)):
            _as_before(before[signal.Signals(number)], number, frame)
        if not asked.is_set():
            asked.set()
            threading.Thread(target=_insist, args=(number, enough), name="recyclekit-end", daemon=True).start()

    for number in before:
        signal.signal(number, hear)
    token = _PAUSING.set(pausing)
    try:
        yield asked.is_set
    finally:
        _PAUSING.reset(token)
        # Else what remains is to report how it ended, which nothing should interrupt.
        if not asked.is_set() and not pausing.is_set():
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def pausing() -> Iterator[None]:
    """Let no signal interrupt what is done here, which ends this process by itself: the run waits for a person.

    Where it does not, since the person's word is there already, all is as before.
    """
    here = _PAUSING.get()
    if here is not None:
        here.set()
    yield
    if here is not None:
        here.clear()


def _as_before(handler: object, number: int, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)  # Prefect's own, which ends the flow run as crashed or cancelled; or KeyboardInterrupt
    raise KeyboardInterrupt


def _insist(number: int, enough: threading.Event) -> None:
    time.sleep(POLITE)
    enough.set()
    os.kill(os.getpid(), number)
    time.sleep(LAST)
    os._exit(128 + number)

"""How fast a connector may call: windows of so many calls, and what is left of a quota. For plugin authors.

A window is the vendor's "190 calls in any ten seconds". The vendor counts a call when it arrives, which the caller
cannot see; it lies between sending and answer. So a slot is free again one window after the call's *answer*: safe
under any delay, and measured to lose one per cent against the bound (docs/decisions/0012-pacing.md).
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from typing import Any

from recyclekit.connectors.sharing import Exchange, Shared
from recyclekit.errors import QuotaError
from recyclekit.stopping import SLICE, asleep, never, refuse_stopped

_SURE = 0.1  # seconds that any clock shows: coarse ones let a shorter wait look like none
_EVER = float("-inf")  # when a slot that was never used is free
_LEAST = 0.001  # seconds that a clock surely notices: a wait of less could last for ever


class Stamp(StrEnum):
    """From when a call counts: its answer (safe under any delay) or its sending (for windows shorter than a call)."""

    ANSWER = "answer"
    SENDING = "sending"


class Window:
    """The reckoning of one window, without waiting or threads: which slot is free when.

    Args:
        calls: how many calls any window may hold.
        seconds: its length; add slack where calls are stamped at sending.
    """

    def __init__(self, calls: int, seconds: float) -> None:
        if calls < 1 or seconds <= 0:
            raise ValueError(f"a window of {calls} calls in {seconds} seconds lets nothing through")
        self._calls, self._seconds = calls, seconds
        self._free_at: list[float] = []  # a heap: when each slot that was used and is not in flight can be used again
        self._in_flight = 0
        self._paused_until = float("-inf")

    @property
    def calls(self) -> int:
        """How many calls any window may hold."""
        return self._calls

    def take(self) -> float | None:
        """Take the slot that is free first; return from when on (see `opens`), or None if all are in flight."""
        if self._in_flight >= self._calls:
            return None
        unused = self._calls > self._in_flight + len(self._free_at)
        if not unused and not self._free_at:
            return None
        self._in_flight += 1
        return _EVER if unused else heapq.heappop(self._free_at)

    def opens(self, free_at: float) -> float:
        """Return from when on a slot that is free at a moment may be used: not before a pause is over."""
        return max(free_at, self._paused_until)

    def stamp(self, now: float) -> None:
        """Give back a slot whose call counts until one window from now."""
        self.give_back(now + self._seconds)

    def give_back(self, free_at: float) -> None:
        """Give back a slot that is free from a moment on: as it was taken, if it was not used after all."""
        self._in_flight -= 1
        if free_at > _EVER and self._in_flight + len(self._free_at) < self._calls:
            heapq.heappush(self._free_at, free_at)

    def pause(self, until: float) -> None:
        """Let no call start before a moment: the vendor said so."""
        self._paused_until = max(self._paused_until, until)

    def learn(self, now: float, *, remaining: int | None = None, limit: int | None = None) -> None:
        """Follow what the vendor says in an answer: how many calls its window still holds, and how many it may.

        Fewer remaining than we reckon means that somebody else shares the window: as many slots are closed for a
        window's length. More is not believed, since answers in flight overtake one another.
        """
        if limit is not None and limit >= 1:
            self._resize(limit)
        if remaining is None:
            return
        closed = self._in_flight + sum(1 for at in self._free_at if at > now)
        for _ in range(self._calls - closed - max(remaining, 0)):
            if self._calls > self._in_flight + len(self._free_at):
                heapq.heappush(self._free_at, now + self._seconds)
            else:
                heapq.heapreplace(self._free_at, now + self._seconds)

    def _resize(self, calls: int) -> None:
        if calls < self._calls:
            # The slots that stay closed longest stay: they stand for calls that the vendor has counted already.
            keep = max(calls - self._in_flight, 0)
            self._free_at = heapq.nlargest(keep, self._free_at)
            heapq.heapify(self._free_at)
        self._calls = calls


class Limiter:
    """Lets calls of many threads through a window, each waiting its turn.

    Args:
        calls, seconds: so many calls in any window of this length.
        stamp: see Stamp; at SENDING, `slack` seconds are added for what a call may linger on its way. A shared window
            is always stamped at the answer: what lingers in one process must not hurt another.
        clock, sleep: seconds that only grow, and waiting for them; tests put their own in.
        should_stop: asked before and while waiting.
        exchange: where processes share the window (Opening.sharing); this one then takes its part of it in chunks.
    """

    def __init__(
        self,
        calls: int,
        seconds: float,
        *,
        exchange: Exchange | None = None,
        stamp: Stamp = Stamp.ANSWER,
        slack: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = asleep,
        should_stop: Callable[[], bool] = never,
    ) -> None:
        self._window = Window(calls, seconds + (slack if stamp is Stamp.SENDING else 0.0))
        self._shared = None
        if exchange is not None:
            ways: Any = {"clock": self._now, "sleep": self._wait, "should_stop": should_stop}
            self._shared = Shared(exchange, calls, seconds, **ways)
        self._stamp, self._clock, self._sleep, self._should_stop = stamp, clock, sleep, should_stop
        self._given_back = threading.Condition()
        self._ahead = 0.0  # seconds that a sleep of a test's own let pass, which the clock does not show

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a slot, make the call inside the `with`, and leave it once the answer (or its failure) is there.

        Raises:
            StoppedError: a stop was asked for; the call was not made.
        """
        with self._shared.slot() if self._shared else nullcontext():
            self._wait_for_slot()
            if self._stamp is Stamp.SENDING:
                self._stamped()
            try:
                yield
            finally:
                if self._stamp is Stamp.ANSWER:
                    self._stamped()

    def pause(self, seconds: float) -> None:
        """Let no call start for so long: what a 429 asks for."""
        with self._given_back:
            self._window.pause(self._now() + seconds)
        if self._shared:
            self._shared.pause(seconds)

    def learn(self, *, remaining: int | None = None, limit: int | None = None) -> None:
        """Follow the vendor's own figures; see Window.learn."""
        if self._shared:
            self._shared.learn(remaining=remaining, limit=limit)
            # What the vendor counts are the calls of all who share; our own window knows of ours alone.
            remaining = remaining if self._shared.alone else None
        with self._given_back:
            self._window.learn(self._now(), remaining=remaining, limit=limit)
            self._given_back.notify_all()

    def _wait_for_slot(self) -> None:
        free_at = self._taken()
        try:
            refuse_stopped(self._should_stop)
            # Asked anew after each slice: a pause may have been called meanwhile.
            while (left := self._window.opens(free_at) - self._now()) > 0:
                self._wait(min(max(left, _LEAST), SLICE))
                refuse_stopped(self._should_stop)
        except BaseException:
            with self._given_back:
                self._window.give_back(free_at)
                self._given_back.notify()
            raise

    def _now(self) -> float:
        return self._clock() + self._ahead

    def _wait(self, seconds: float) -> None:
        before = self._clock()
        self._sleep(seconds)
        passed = self._clock() - before
        if seconds >= _SURE and passed < seconds / 2:
            # No real sleep ends so early: it was one that only notes the wait, so its word counts for the time.
            with self._given_back:
                self._ahead += seconds - passed
            if self._shared:
                self._shared.leave()  # whose clock shows nothing of it

    def _taken(self) -> float:
        with self._given_back:
            while (free_at := self._window.take()) is None:
                refuse_stopped(self._should_stop)
                self._given_back.wait(SLICE)
            return free_at

    def _stamped(self) -> None:
        with self._given_back:
            self._window.stamp(self._now())
            self._given_back.notify()


class Allowance:
    """What is left of a quota (of a day, usually), by the vendor's last word less the calls made since.

    Args:
        name: in words, for the error ("calls of today").
        margin: calls that are left to other users of the same quota.
        believed: seconds for which the vendor's word counts; a quota may have been renewed since.
        clock: seconds that only grow.
    """

    def __init__(
        self, name: str, margin: int = 0, *, believed: float = 600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._margin, self._believed, self._clock = name, margin, believed, clock
        self._left: int | None = None
        self._learned = 0.0
        self._lock = threading.Lock()

    @property
    def left(self) -> int | None:
        """Calls that may still be made, after the margin; None while the vendor has not said so lately."""
        with self._lock:
            self._forget()
            return None if self._left is None else max(self._left - self._margin, 0)

    def learn(self, left: int) -> None:
        """Take the vendor's word."""
        with self._lock:
            self._left, self._learned = left, self._clock()

    def spend(self) -> None:
        """Count one call, to be made now.

        Raises:
            QuotaError: none is left.
        """
        with self._lock:
            self._forget()
            if self._left is None:
                return
            if self._left <= self._margin:
                kept = f" {self._margin:,} are left to others." if self._margin else ""
                raise QuotaError(f"No {self._name} are left.", why=kept.strip(), fix="Resume later: recyclekit retry")
            self._left -= 1

    def _forget(self) -> None:
        if self._clock() - self._learned > self._believed:
            self._left = None

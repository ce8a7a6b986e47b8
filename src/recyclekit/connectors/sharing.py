"""A window that processes share: this process's part of it, taken in chunks. `Limiter(shared=…)` waits for it.

Politeness towards the vendor, never correctness: where the ledger cannot be asked, this process goes on under its own
window alone, and the vendor's 429 is heeded as ever.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from recyclekit.errors import LedgerError
from recyclekit.models.budget import Ask, Grant, Used
from recyclekit.stopping import refuse_stopped

Exchange = Callable[[Ask], Grant | None]
"""Asks those who share for slots of one window; None: nobody shares it (yet)."""

_log = logging.getLogger(__name__)
_PARTS = 10  # a chunk is at most this part of a window, so that as many processes find something in it
_POLLS = 20  # a process that waits asks this often in a window
_GRACE = 1.0  # seconds that asking, and a call's way there, may take on a busy machine
_ALONE = 5.0  # seconds without asking, after those who share could not be asked


@dataclass(slots=True)
class _Chunk:
    """Slots that were given, and what became of them. Moments are the limiter's clock's."""

    left: int
    until: float
    in_flight: int = 0
    stamps: list[float] = field(default_factory=list)

    def told(self, name: str, now: float) -> Used:
        return Used(chunk=name, ages=tuple(max(now - at, 0.0) for at in self.stamps), in_flight=self.in_flight)


class Shared:
    """This process's part of a shared window.

    Args:
        exchange: see Exchange.
        calls, seconds: so many calls in any window of this length, all processes together.
        clock, sleep, should_stop: as in pacing.Limiter.
    """

    def __init__(
        self,
        exchange: Exchange,
        calls: int,
        seconds: float,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._exchange, self._calls, self._seconds = exchange, calls, seconds
        self._clock, self._sleep, self._should_stop = clock, sleep, should_stop
        self._within = min(seconds / 5, 2.0)
        self._changed = threading.Condition()
        self._chunks: dict[str, _Chunk] = {}
        self._asking = self._learned = False
        self._waiting, self._size = 0, 1
        self._remaining: tuple[int, float] | None = None
        self._closed_until = self._alone_until = float("-inf")

    @property
    def alone(self) -> bool:
        """Whether nobody can be asked just now, so that this process paces itself by its own window only."""
        return self._clock() < self._alone_until

    def leave(self) -> None:
        """Share no longer: from now on this process paces itself by its own window only."""
        self._alone_until = float("inf")

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a slot; the call counts from the end of the `with` on: safe under any delay, of any process.

        Raises:
            StoppedError: a stop was asked for; the call was not made.
        """
        chunk = self._taken()
        try:
            yield
        finally:
            with self._changed:
                chunk.in_flight -= 1
                chunk.stamps.append(self._clock())

    def learn(self, *, remaining: int | None, limit: int | None) -> None:
        """Take the vendor's own figures, to be told with the next question."""
        with self._changed:
            if limit is not None and limit >= 1:
                self._calls, self._learned = limit, True
            if remaining is not None:
                self._remaining = (remaining, self._clock())

    def pause(self, seconds: float) -> None:
        """Let nobody call for so long; the others hear of it at once, since this process now asks for nothing."""
        with self._changed:
            self._closed_until = max(self._closed_until, self._clock() + seconds)
            ask = self._question(0, pause=seconds, used=())
        self._answer(ask)

    def _taken(self) -> _Chunk:
        with self._changed:
            self._waiting += 1
        try:
            while True:
                refuse_stopped(self._should_stop)
                with self._changed:
                    chunk = self._usable()
                    if chunk is not None:
                        chunk.left, chunk.in_flight = chunk.left - 1, chunk.in_flight + 1
                        return chunk
                    if self._asking:
                        self._changed.wait(self._seconds / _POLLS)
                        continue
                    self._asking = True
                self._sleep_or_ask()
        finally:
            with self._changed:
                self._waiting -= 1

    def _usable(self) -> _Chunk | None:
        now = self._clock()
        if now < self._closed_until:
            return None
        if now < self._alone_until:
            return _Chunk(left=1, until=now)  # counted nowhere
        return next((chunk for chunk in self._chunks.values() if chunk.left and now < chunk.until), None)

    def _sleep_or_ask(self) -> None:
        """Ask for slots, and where there are none, wait a little; the others wait for what this thread finds."""
        try:
            pause = self._closed_until - self._clock()
            if pause <= 0:
                with self._changed:
                    ask = self._question(self._wanted(), self._over())
                pause = self._answer(ask)
            if pause > 0:
                self._sleep(min(pause, self._seconds / _POLLS))
        finally:
            with self._changed:
                self._asking = False
                self._changed.notify_all()

    def _wanted(self) -> int:
        # As many as wait for one; twice as many as last time where those were used up, so that a busy process asks
        # seldom and one that makes a call now and then takes nothing from the others.
        used_up = any(chunk.left == 0 for chunk in self._chunks.values())
        most = max(self._calls // _PARTS, 1)
        self._size = min(max(self._waiting, self._size * 2 if used_up else 1), most)
        return self._size

    def _over(self) -> tuple[Used, ...]:
        now = self._clock()
        over = {name: one for name, one in self._chunks.items() if not one.left or now >= one.until}
        return tuple(chunk.told(name, now) for name, chunk in over.items())

    def _question(self, want: int, used: tuple[Used, ...], pause: float = 0.0) -> Ask:
        now, remaining = self._clock(), self._remaining
        return Ask(
            chunk=secrets.token_hex(6),
            want=want,
            calls=self._calls,
            seconds=self._seconds,
            within=self._within,
            grace=_GRACE,
            learned=self._learned,
            used=used,
            remaining=None if remaining is None else (remaining[0], now - remaining[1]),
            pause=pause,
        )

    def _answer(self, ask: Ask) -> float:
        """Exchange, and return how long to wait before asking again: 0 where there is something now."""
        asked_at = self._clock()
        try:
            grant = self._exchange(ask)
        except LedgerError as error:
            _log.warning("The shared limit cannot be asked; this process paces itself for now: %s", error.what)
            grant = None
        with self._changed:
            if grant is None:
                self._alone_until = max(self._alone_until, asked_at + _ALONE)
                return 0.0
            self._told(ask, asked_at)
            if grant.calls:
                # The ledger keeps the slots from when it answered, which lies between asking and now.
                until = min(self._clock(), asked_at + _GRACE / 2) + self._within
                self._chunks[grant.chunk] = _Chunk(left=grant.calls, until=until)
            return grant.wait

    def _told(self, ask: Ask, asked_at: float) -> None:
        """Forget what has been told; calls that were on their way are told again once they are back."""
        if ask.remaining is not None and self._remaining is not None and self._remaining[1] <= asked_at:
            self._remaining = None
        for used in ask.used:
            chunk = self._chunks[used.chunk]
            chunk.left = 0
            del chunk.stamps[: len(used.ages)]
            if not chunk.in_flight and not chunk.stamps:
                del self._chunks[used.chunk]

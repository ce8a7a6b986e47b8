"""A rate limit that processes share: what they ask for and get, and the reckoning. No clock, no store: both are given.

A process takes slots in chunks, to be used within a few moments, and says with its next question what became of the
earlier ones. What it does not say counts as used, until a whole window after it may have been used last: so the slots
of a process that died come back with time, and nothing has to look for the dead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

_GRAIN = 100  # parts of a window: moments are kept no finer, rounded to the safe side
_KEPT = 5.0  # seconds that spent slots are remembered, so that an older word of the vendor can be held against them


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What became of a chunk.

    Attributes:
        chunk: as in Grant.
        ages: for each call made, seconds since the moment from which it counts; what is missing was never used.
        in_flight: calls on their way.
    """

    chunk: str
    ages: tuple[float, ...] = ()
    in_flight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question for slots, and all news since the last one.

    Attributes:
        chunk: a new id, of what is asked for; the same question twice gets the same answer.
        want: slots wanted at most; 0 only tells news.
        calls, seconds: so many calls in any window of this length.
        learned: the number of calls is the vendor's own word, which goes before what others assume.
        within: seconds in which the slots are used, or not at all.
        grace: seconds that a call may linger on its way.
        used: what became of earlier chunks.
        remaining: calls that the vendor's window still held by its own word, and that word's age in seconds.
        pause: seconds in which nobody may call: the vendor said so.
    """

    chunk: str
    want: int
    calls: int
    seconds: float
    within: float
    grace: float
    learned: bool = False
    used: tuple[Used, ...] = ()
    remaining: tuple[int, float] | None = None
    pause: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Slots given under a chunk's id; with none, seconds after which asking again may help."""

    chunk: str
    calls: int
    wait: float = 0.0


@dataclass(slots=True, kw_only=True)
class Budget:
    """The state of one shared window. Moments are seconds of the clock that all who share it agree on.

    Attributes:
        limit: what the vendor said that the window may hold; None where it said nothing.
        paused_until: no slot is given before.
        out: chunk → (slots, when they are free at the latest).
        spent: when slots of calls made are free → how many.
    """

    limit: int | None = None
    paused_until: float = 0.0
    out: dict[str, tuple[int, float]] = field(default_factory=dict)
    spent: dict[float, int] = field(default_factory=dict)

    def reckon(self, ask: Ask, now: float) -> Grant:
        """Take the news in and answer."""
        if ask.learned:
            self.limit = ask.calls
        self.paused_until = max(self.paused_until, now + ask.pause if ask.pause else 0.0)
        for used in ask.used:
            self._settle(used, ask, now)
        if ask.remaining is not None:
            self._close(ask, now)
        self._forget(now)
        return self._given(ask, now)

    def _given(self, ask: Ask, now: float) -> Grant:
        if ask.chunk in self.out:  # the answer to this question was lost on its way
            return Grant(chunk=ask.chunk, calls=self.out[ask.chunk][0])
        if self.paused_until > now:
            return Grant(chunk=ask.chunk, calls=0, wait=self.paused_until - now)
        free = (self.limit or ask.calls) - self._taken(now)
        if free <= 0:
            return Grant(chunk=ask.chunk, calls=0, wait=max(self._first_free(now) - now, 0.0))
        calls = min(ask.want, free)
        if calls:
            self.out[ask.chunk] = (calls, now + ask.within + ask.grace + ask.seconds)
        return Grant(chunk=ask.chunk, calls=calls)

    def _settle(self, used: Used, ask: Ask, now: float) -> None:
        self.out.pop(used.chunk, None)
        for age in used.ages:
            self._spend(now - age + ask.seconds, ask)
        if used.in_flight:
            self.out[used.chunk] = (used.in_flight, now + ask.grace + ask.seconds)

    def _close(self, ask: Ask, now: float) -> None:
        """Close the slots that the vendor counts and we do not: somebody else uses the same window."""
        assert ask.remaining is not None
        left, age = ask.remaining
        open_then = (self.limit or ask.calls) - self._taken(now - age)
        if open_then > left:
            self._spend(now - age + ask.seconds, ask, open_then - left)

    def _spend(self, free_at: float, ask: Ask, calls: int = 1) -> None:
        grain = ask.seconds / _GRAIN
        moment = round(math.ceil(free_at / grain) * grain, 6)
        self.spent[moment] = self.spent.get(moment, 0) + calls

    def _taken(self, at: float) -> int:
        """Return how many slots were not free at a moment."""
        return sum(n for n, until in self.out.values() if until > at) + sum(
            n for until, n in self.spent.items() if until > at
        )

    def _first_free(self, now: float) -> float:
        moments = [*self.spent, *(until for _, until in self.out.values())]
        return min((until for until in moments if until > now), default=now)

    def _forget(self, now: float) -> None:
        before = now - _KEPT
        self.spent = {until: n for until, n in self.spent.items() if until > before}
        self.out = {chunk: (n, until) for chunk, (n, until) in self.out.items() if until > before}

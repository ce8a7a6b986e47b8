"""How many calls are allowed: in a rolling window, or in a day. Both run on the sandbox's clock."""

from __future__ import annotations

from collections import deque
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


class RollingLimit:
    """At most `limit` calls in any `seconds`; a call that is refused does not count."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._taken: deque[float] = deque()

    def take(self, now: datetime) -> bool:
        """Count a call; return False where it is one too many."""
        if self.left(now) <= 0:
            return False
        self._taken.append(now.timestamp())
        return True

    def left(self, now: datetime) -> int:
        """Return how many calls may still come now."""
        gone = now.timestamp() - self.seconds
        while self._taken and self._taken[0] <= gone:
            self._taken.popleft()
        return self.limit - len(self._taken)


class DailyQuota:
    """At most `limit` calls a day; the day ends at midnight of `timezone`. `used` may be set by a test."""

    def __init__(self, limit: int, timezone: ZoneInfo) -> None:
        self.limit, self.timezone, self.used = limit, timezone, 0
        self._day: date | None = None

    def take(self, now: datetime) -> bool:
        """Count a call; return False where it is one too many."""
        if self.left(now) <= 0:
            return False
        self.used += 1
        return True

    def left(self, now: datetime) -> int:
        """Return how many calls may still come today."""
        day = now.astimezone(self.timezone).date()
        if self._day not in (None, day):
            self.used = 0
        self._day = day
        return self.limit - self.used

    def renewed_at(self, now: datetime) -> datetime:
        """Return the moment at which the day ends."""
        morrow = now.astimezone(self.timezone).date() + timedelta(days=1)
        return datetime.combine(morrow, time(), self.timezone)

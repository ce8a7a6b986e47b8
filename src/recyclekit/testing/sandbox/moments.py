"""A clock that stands still until a test moves it: rate limits, quotas and tokens run on it, so nothing has to wait."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 3, tzinfo=UTC)


class StillClock:
    """Call it for the time. Give `sleep` to the client under test: its waits then move the clock and cost nothing."""

    def __init__(self, at: datetime = START) -> None:
        self._at = at
        self._lock = threading.Lock()
        self.slept = 0.0

    def __call__(self) -> datetime:
        return self._at

    def timestamp(self) -> float:
        """Return the time in seconds since 1970."""
        return self._at.timestamp()

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        with self._lock:
            self._at += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        """Move the clock on instead of waiting; `slept` sums it up."""
        self.advance(seconds)
        with self._lock:
            self.slept += seconds

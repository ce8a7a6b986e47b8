"""The search index: what search knows, which lags behind what was written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from recyclekit.testing.sandbox.hubspot.records import Record, Records, Values


class SearchIndex:
    """The index of one object type. Without a lag it is the records themselves."""

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self._records, self._clock = records, clock
        self._lag = timedelta()
        self._known: dict[str, Values] | None = None
        self._coming: deque[tuple[datetime, str, Values | None]] = deque()
        self._arrived = 0

    def lag(self, seconds: float) -> None:
        """Let everything that is written from now on be found only so much later; 0 catches up at once."""
        self._lag = timedelta(seconds=seconds)
        if seconds and self._known is None:
            self._known = {record.id: dict(record.properties) for record in self._live()}
        if not seconds:
            self._known = None
            self._coming.clear()
        self._arrived += 1

    def note(self, record: Record) -> None:
        """Take notice of a write."""
        if self._known is not None:
            values = None if record.archived else dict(record.properties)
            self._coming.append((self._clock() + self._lag, record.id, values))

    def documents(self) -> Iterable[tuple[str, Mapping[str, str | None]]]:
        """Return id and values of all that search knows now."""
        if self._known is None:
            return ((record.id, record.properties) for record in self._live())
        self._catch_up(self._known)
        return tuple(self._known.items())

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever `documents` may have changed."""
        if self._known is not None:
            self._catch_up(self._known)
            return self._arrived, -1
        return self._arrived, self._records.version

    def _catch_up(self, known: dict[str, Values]) -> None:
        now = self._clock()
        while self._coming and self._coming[0][0] <= now:
            _, record_id, values = self._coming.popleft()
            self._arrived += 1
            if values is None:
                known.pop(record_id, None)
            else:
                known[record_id] = values

    def _live(self) -> Iterable[Record]:
        return (record for record in self._records.values() if not record.archived)

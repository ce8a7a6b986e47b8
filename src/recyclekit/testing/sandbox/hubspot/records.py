"""The records of one object type: their values, who changed which when, and the order in which they are listed."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

Values = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who wrote a value: a person in the browser, an app through the API, a workflow."""

    kind: str = "INTEGRATION"
    id: str = "3141592"
    user: int | None = None


API = Origin()
PERSON = Origin("CRM_UI", "userId:1001", 1001)
WORKFLOW = Origin("AUTOMATION_PLATFORM", "enrollmentId:1")


@dataclass(frozen=True, slots=True)
class Change:
    """One value of a property's history."""

    value: str | None
    at: str
    origin: Origin


@dataclass(slots=True)
class Record:
    """One record. `properties` may be changed by a test; `HubSpotSandbox.edit` also writes history, as a person does.

    `history` holds what changed since the record was made, newest first.
    """

    id: str
    properties: Values
    created_at: str
    updated_at: str
    archived: bool = False
    origin: Origin = API
    history: dict[str, list[Change]] = field(default_factory=dict)

    def changes(self, name: str) -> list[Change]:
        """Return all values that a property had, newest first."""
        if name in self.history:
            return self.history[name]
        first = self.properties.get(name)
        return [Change(first, self.created_at, self.origin)] if first else []


class Records(Mapping[str, Record]):
    """The records of one type by id; listed by ascending id. `version` changes with every write."""

    def __init__(self) -> None:
        self._by_id: dict[str, Record] = {}
        self._order: list[int] = []
        self.version = 0

    def __getitem__(self, record_id: str) -> Record:
        return self._by_id[record_id]

    def __iter__(self) -> Iterator[str]:
        return (str(number) for number in tuple(self._order))

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, record: Record) -> Record:
        """Put in a new record."""
        number = int(record.id)
        self._by_id[record.id] = record
        if self._order and number < self._order[-1]:
            insort(self._order, number)
        else:
            self._order.append(number)
        self.version += 1
        return record

    def live(self, record_id: str) -> Record | None:
        """Return a record that exists and is not archived."""
        record = self._by_id.get(record_id)
        return None if record is None or record.archived else record

    def page(self, start: int, limit: int, *, archived: bool) -> tuple[list[Record], int | None]:
        """Return up to `limit` records with ids from `start` on, and the id at which the next page starts, or None."""
        found: list[Record] = []
        for place in range(bisect_left(self._order, start), len(self._order)):
            record = self._by_id[str(self._order[place])]
            if record.archived is archived:
                if len(found) == limit:
                    return found, int(found[-1].id) + 1
                found.append(record)
        return found, None


def iso(moment: datetime) -> str:
    """Return a moment as HubSpot writes it: UTC, Z, milliseconds unless there are none."""
    utc = moment.astimezone(UTC)
    digits = "milliseconds" if utc.microsecond >= 1000 else "seconds"
    return utc.isoformat(timespec=digits).replace("+00:00", "Z")


def milliseconds(text: str) -> int:
    """Return an ISO moment, or a date at midnight UTC, in milliseconds since 1970.

    Raises:
        ValueError: it is neither.
    """
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)

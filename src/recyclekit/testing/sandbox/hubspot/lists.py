"""Lists of records and who is in them. Only MANUAL and SNAPSHOT ones take members by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from recyclekit.testing.sandbox.hubspot.object_types import OBJECT_TYPES

BY_HAND = frozenset({"MANUAL", "SNAPSHOT"})


@dataclass(slots=True)
class MemberList:
    """One list. `members` maps the record's id to the moment at which it came in."""

    id: str
    name: str
    kind: str = "contacts"
    processing: str = "MANUAL"
    created_at: str = "2020-01-01T00:00:00.000Z"
    members: dict[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Return it as the lists API shows it."""
        return {
            "listId": self.id,
            "listVersion": 1,
            "name": self.name,
            "objectTypeId": OBJECT_TYPES[self.kind].type_id,
            "processingStatus": "COMPLETE",
            "processingType": self.processing,
            "createdAt": self.created_at,
            "updatedAt": self.created_at,
            "filtersUpdatedAt": self.created_at,
            "createdById": "1001",
            "updatedById": "1001",
            "size": len(self.members),
        }

    def put(self, ids: Iterable[str], now: str) -> list[str]:
        """Take records in; return those that were not in it."""
        new = [record_id for record_id in dict.fromkeys(ids) if record_id not in self.members]
        self.members.update(dict.fromkeys(new, now))
        return new

    def drop(self, ids: Iterable[str]) -> list[str]:
        """Let records out; return those that were in it."""
        return [record_id for record_id in dict.fromkeys(ids) if self.members.pop(record_id, None) is not None]

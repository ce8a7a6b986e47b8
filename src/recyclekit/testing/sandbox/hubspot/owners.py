"""The people who own records. One who left is archived, and still stands in old records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SINCE = "2020-01-01T00:00:00.000Z"


@dataclass(slots=True)
class Owner:
    """One owner. `id` is what records hold in hubspot_owner_id; `user_id` is another number."""

    id: str
    email: str
    first_name: str
    last_name: str
    archived: bool = False

    @property
    def user_id(self) -> int:
        """The number of the user account."""
        return int(self.id) + 900_000

    def shown(self) -> dict[str, Any]:
        """Return it as the owners API shows it: of an archived one the user is no longer active."""
        return {
            "id": self.id,
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
            **({} if self.archived else {"userId": self.user_id}),
            "userIdIncludingInactive": self.user_id,
            "createdAt": _SINCE,
            "updatedAt": _SINCE,
            "archived": self.archived,
        }

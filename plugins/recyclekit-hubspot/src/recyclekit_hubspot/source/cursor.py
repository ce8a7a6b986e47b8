"""Where a reading stands: opaque text for others, a few fields for us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from recyclekit.errors import ConnectorError

_VERSION = 1


@dataclass(slots=True)
class Stretch:
    """Records still to be read: behind the cursor `after` (None: all), their ids from `least` on and below `until`."""

    after: str | None = None
    until: int | None = None
    least: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A position in a reading.

    Attributes:
        how: `whole` (listing), `linked` (records that deals link to) or `changes` (what changed since).
        since: milliseconds; changes begin there, or a whole reading began then.
        until: milliseconds; where the window of changes under way ends; None between two readings.
        kind: HubSpot's object that is being read, where a table has several.
        part: which of the parts of a reading of changes.
        left: stretches still to be listed; `after`: id behind which to go on.
    """

    how: str
    since: int
    until: int | None = None
    kind: str = ""
    part: str = ""
    after: str | None = None
    left: tuple[Stretch, ...] = ()
    by_id: bool = False

    def text(self) -> str:
        """Return the cursor as text."""
        left = [[one.after, one.until, one.least] for one in self.left]
        return orjson.dumps(
            {"v": _VERSION, "how": self.how, "since": self.since, "until": self.until, "kind": self.kind,
             "part": self.part, "after": self.after, "left": left, "by_id": self.by_id}
        ).decode()  # fmt: skip


def read_cursor(text: str) -> Cursor:
    """Return the cursor that a text stands for.

    Raises:
        ConnectorError: it is none of ours.
    """
    try:
        value: dict[str, Any] = orjson.loads(text)
        if value.pop("v") != _VERSION or value["how"] not in {"whole", "linked", "changes"}:
            raise ValueError("another version")
        left = tuple(Stretch(*one) for one in value.pop("left"))
        return Cursor(**value, left=left)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConnectorError(
            f"'{text[:40]}' is not a cursor of HubSpot.", fix="Start again without a cursor."
        ) from None

"""Where reading stands, as opaque text: by the last record's stamp and id, or by a Bulk job and its locator."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from recyclekit.errors import ConnectorError

FORMAT = 1
OVERLAP = timedelta(minutes=2)
"""How far an incremental reading reaches back: long transactions commit late, under an old stamp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A position in one table.

    Attributes:
        since: an incremental reading of what changed from this moment on; None for a full one.
        part: which of the table's parts is being read (tasks, then events, …).
        at, record: stamp and id of the last record handed over in this part; None at its beginning.
        job, locator: the Bulk job that is being read instead, and where in its result the next records begin.
        newest: the highest stamp seen so far, from which the next incremental reading goes on.
        ended: nothing is left; reading on from here is the next incremental reading.
    """

    since: str | None = None
    part: int = 0
    at: str | None = None
    record: str | None = None
    job: str | None = None
    locator: str | None = None
    newest: str | None = None
    ended: bool = False

    def text(self) -> str:
        """Return it as text."""
        filled = {name: value for name, value in asdict(self).items() if value}
        return orjson.dumps({"v": FORMAT, **filled}).decode()

    def seen(self, stamp: str | None) -> Cursor:
        """Return it with a higher newest stamp, where this one is higher."""
        return self if stamp is None or (self.newest or "") >= stamp else replace(self, newest=stamp)

    def next_part(self) -> Cursor:
        """Return the beginning of the next part."""
        return replace(self, part=self.part + 1, at=None, record=None, job=None, locator=None)

    def end(self) -> Cursor:
        """Return the position from which the next incremental reading starts."""
        return Cursor(newest=self.newest or self.since, ended=True)


def cursor(text: str | None) -> Cursor:
    """Return the position that a text stands for; the beginning of a full reading for None.

    Raises:
        ConnectorError: it is no cursor of ours, or of another format.
    """
    if text is None:
        return Cursor()
    try:
        found = orjson.loads(text)
        if found.pop("v") != FORMAT:
            raise ValueError
        known = Cursor(**found)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConnectorError(
            f"'{text[:60]}' is not a cursor of a Salesforce table.", fix="Start again without a cursor."
        ) from None
    if known.ended:
        return Cursor(since=known.newest, newest=known.newest)
    return known


def moment(text: str) -> datetime:
    """Return the moment of a stamp as Salesforce writes it."""
    return datetime.fromisoformat(text.replace("+0000", "+00:00")).astimezone(UTC)

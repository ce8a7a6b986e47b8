"""How a record looks in an answer: the properties that were asked for, null where there is no value, sorted by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from recyclekit.testing.sandbox.hubspot.object_types import ObjectType
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.hubspot.records import Change, Record
from recyclekit.testing.sandbox.wire import Request

HISTORY_KEPT = 20


class View:
    """Shows records of one type with the same properties each time.

    Args:
        asked: property names; those that this app cannot see are left out without a word. Empty shows the usual ones.
        history: names of properties to show with their history.
    """

    def __init__(
        self, portal: Portal, kind: ObjectType, asked: Iterable[str] = (), history: Iterable[str] = ()
    ) -> None:
        known = portal.definitions[kind.name]
        self._history = [name for name in history if known.open(name)]
        wanted = [name for name in (*asked, *self._history) if known.open(name)] or kind.shown
        self._names = sorted({name for name in (*wanted, *kind.always) if known.open(name)})

    def shown(self, record: Record) -> dict[str, Any]:
        """Return one record."""
        values = record.properties
        shown: dict[str, Any] = {
            "id": record.id,
            "properties": dict(zip(self._names, map(values.get, self._names), strict=True)),
            "createdAt": record.created_at,
            "updatedAt": record.updated_at,
            "archived": record.archived,
        }
        if record.archived:
            shown["archivedAt"] = record.updated_at
        if self._history:
            shown["propertiesWithHistory"] = {
                name: [_change(change) for change in record.changes(name)[:HISTORY_KEPT]] for name in self._history
            }
        return shown


def written(record: Record, names: Iterable[str]) -> dict[str, Any]:
    """Return a record as a write echoes it, with these properties; an emptied value as ""."""
    return {
        "id": record.id,
        "properties": {name: record.properties.get(name) or "" for name in sorted(names)},
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
        "archived": record.archived,
    }


def asked_for(request: Request, name: str) -> Sequence[str]:
    """Return the names in a query string, repeated or with commas."""
    return [part for value in request.query.get(name, ()) for part in value.split(",") if part]


def _change(change: Change) -> dict[str, Any]:
    user = {} if change.origin.user is None else {"updatedByUserId": change.origin.user}
    return {
        "value": change.value or "",
        "timestamp": change.at,
        "sourceType": change.origin.kind,
        "sourceId": change.origin.id,
        **user,
    }

"""The org's records, with the indexes that keep a query or a duplicate check from reading all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from recyclekit.testing.sandbox.salesforce import ids
from recyclekit.testing.sandbox.salesforce.objects import ObjectType


@dataclass(slots=True)
class Record:
    """One record. `properties` holds the fields that are not null, as they travel in JSON.

    `activity_floor` is the date below which roll-ups of activities do not take LastActivityDate: activities that this
    org has no record of (archived, or loaded as the date only) count for it too.
    """

    type: str
    id: str
    properties: dict[str, Any]
    activity_floor: str | None = None

    def get(self, name: str) -> Any:
        """Return a field's value, null where it is empty."""
        return self.properties.get(name)

    @property
    def deleted(self) -> bool:
        """Whether it lies in the recycle bin."""
        return bool(self.properties["IsDeleted"])


class Store:
    """Records by object and id. Everything that changes a record goes through `add` and `change`."""

    def __init__(self, types: Iterable[ObjectType]) -> None:
        self.types: dict[str, ObjectType] = {}
        self.records: dict[str, dict[str, Record]] = {}
        self._numbers: dict[str, int] = defaultdict(int)
        self._unique: dict[tuple[str, str], dict[str, str]] = {}
        self._links: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
        self._by_time: dict[str, list[Record]] = {}
        self._undo: list[tuple[Record, dict[str, Any] | None]] | None = None
        for each in types:
            self.types[each.name] = each
            self.records[each.name] = {}

    def next_id(self, type_: ObjectType) -> str:
        """Return a new record's id."""
        self._numbers[type_.name] += 1
        return ids.make(type_.prefix, self._numbers[type_.name])

    def add(self, record: Record) -> None:
        """Put a new record in."""
        self.records[record.type][record.id] = record
        if self._undo is not None:
            self._undo.append((record, None))
        self._by_time.pop(record.type, None)
        self._index(record, record.properties)

    def change(self, record: Record, changes: dict[str, Any]) -> None:
        """Set fields of a record; null empties one."""
        if self._undo is not None:
            self._undo.append((record, {name: record.properties.get(name) for name in changes}))
        self._forget(record, changes)
        for name, value in changes.items():
            if value is None:
                record.properties.pop(name, None)
            else:
                record.properties[name] = value
        if "SystemModstamp" in changes:
            self._by_time.pop(record.type, None)
        self._index(record, changes)

    @contextmanager
    def transaction(self) -> Iterator[Callable[[], None]]:
        """Give a function that takes back everything changed in this block so far."""
        outer, self._undo = self._undo, []
        try:
            yield self._take_back
        finally:
            done = self._undo
            self._undo = outer if outer is None else outer + done

    def _take_back(self) -> None:
        undo, self._undo = self._undo or [], None
        for record, before in reversed(undo):
            if before is None:
                self._forget(record, record.properties)
                del self.records[record.type][record.id]
                self._by_time.pop(record.type, None)
            else:
                self.change(record, before)
        self._undo = []

    def find(self, type_name: str, record_id: str) -> Record | None:
        """Return the record of this id, deleted or not, or None."""
        return self.records[type_name].get(record_id)

    def anywhere(self, record_id: str) -> Record | None:
        """Return the record of this id, of whatever object, or None."""
        for records in self.records.values():
            if record_id in records:
                return records[record_id]
        return None

    def living(self, type_name: str) -> Iterator[Record]:
        """Yield the records of an object that are not deleted."""
        return (record for record in self.records[type_name].values() if not record.deleted)

    def by_time(self, type_name: str) -> list[Record]:
        """Return an object's records in the order of SystemModstamp, then id."""
        if type_name not in self._by_time:
            records = self.records[type_name].values()
            self._by_time[type_name] = sorted(records, key=lambda record: (record.get("SystemModstamp"), record.id))
        return self._by_time[type_name]

    def children(self, type_name: str, field: str, parent: str) -> list[Record]:
        """Return the records, deleted ones too, whose reference field holds this parent; in the order of creation."""
        records = self.records[type_name]
        return [records[child] for child in self._links_of(type_name, field).get(parent, ())]

    def holder(self, type_name: str, field: str, value: object) -> Record | None:
        """Return the living record whose unique field holds this value, or None."""
        found = self._uniques_of(type_name, field).get(self._key(type_name, field, value))
        record = self.records[type_name].get(found) if found else None
        return None if record is None or record.deleted else record

    def _key(self, type_name: str, field: str, value: object) -> str:
        known = self.types[type_name].find(field)
        return str(value) if known and known.case_sensitive else str(value).lower()

    def _uniques_of(self, type_name: str, field: str) -> dict[str, str]:
        if (type_name, field) not in self._unique:
            found = self._unique[type_name, field] = {}
            for record in self.living(type_name):
                if field in record.properties:
                    found[self._key(type_name, field, record.properties[field])] = record.id
        return self._unique[type_name, field]

    def _links_of(self, type_name: str, field: str) -> dict[str, dict[str, None]]:
        if (type_name, field) not in self._links:
            found = self._links[type_name, field] = {}
            for record in self.records[type_name].values():
                if field in record.properties:
                    found.setdefault(record.properties[field], {})[record.id] = None
        return self._links[type_name, field]

    def _forget(self, record: Record, changes: dict[str, Any]) -> None:
        for name in changes:
            old = record.properties.get(name)
            if old is None:
                continue
            uniques = self._unique.get((record.type, name))
            if uniques is not None and uniques.get(key := self._key(record.type, name, old)) == record.id:
                del uniques[key]
            if (links := self._links.get((record.type, name))) is not None:
                links.get(old, {}).pop(record.id, None)

    def _index(self, record: Record, changes: dict[str, Any]) -> None:
        if changes.get("IsDeleted") is not None:
            self._reindex_unique(record)
        for name, value in changes.items():
            if value is None:
                continue
            uniques = self._unique.get((record.type, name))
            if uniques is not None and not record.properties.get("IsDeleted"):
                uniques[self._key(record.type, name, value)] = record.id
            if (links := self._links.get((record.type, name))) is not None:
                links.setdefault(value, {})[record.id] = None

    def _reindex_unique(self, record: Record) -> None:
        """A deleted record frees its unique values; an undeleted one takes them again."""
        for (type_name, name), uniques in self._unique.items():
            if type_name == record.type and name in record.properties:
                key = self._key(type_name, name, record.properties[name])
                if not record.deleted:
                    uniques[key] = record.id
                elif uniques.get(key) == record.id:
                    del uniques[key]

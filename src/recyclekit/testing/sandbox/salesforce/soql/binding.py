"""A path bound to the org: which field it ends in, and how to take its value out of a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from recyclekit.testing.sandbox.salesforce.fields import Field, text
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.soql.faults import unknown_column, unknown_relationship
from recyclekit.testing.sandbox.salesforce.soql.syntax import Path, Query
from recyclekit.testing.sandbox.salesforce.store import Record

Getter = Callable[[Record], Any]
_TYPE = text("Type", create=False, update=False)  # what a parent of several possible objects is
_MOST_PARENTS = 5


@dataclass(frozen=True, slots=True)
class Column:
    """A path's field and how to get at it. `steps` are the reference fields followed before it."""

    field: Field
    steps: tuple[Field, ...]
    get: Getter


def bind(org: Org, query: Query, type_: ObjectType, path: Path) -> Column:
    """Return the column that a path means, seen from the statement's object.

    Raises:
        SoqlError: INVALID_FIELD, for a field or a relationship that is not there or not to be seen.
    """
    names = path.names
    if len(names) > 1 and names[0].lower() in {type_.name.lower(), (query.alias or "").lower()}:
        names = names[1:]
    steps: list[Field] = []
    here = [type_]
    for name in names[:-1]:
        link = _parent(org, here, name)
        if link is None or len(steps) == _MOST_PARENTS:
            raise unknown_relationship(query.statement, path.place, name)
        steps.append(link)
        here = [org.store.types[each] for each in link.refers_to if each in org.store.types]
    field = _field(org, here, names[-1], several=bool(steps) and len(here) > 1)
    if field is None:
        raise unknown_column(query.statement, path.place, names[-1], here[0].name)
    return Column(field, tuple(steps), getter(org, steps, field))


def getter(org: Org, steps: list[Field] | tuple[Field, ...], field: Field) -> Getter:
    """Return how to take a field out of a record, or of its parent over some steps."""
    name = field.name
    if not steps:
        return lambda record: record.properties.get(name)

    def of_parent(record: Record) -> Any:
        parent = follow(org, record, steps)
        if parent is None:
            return None
        return parent.type if field is _TYPE else parent.properties.get(name)

    return of_parent


def follow(org: Org, record: Record, steps: list[Field] | tuple[Field, ...]) -> Record | None:
    """Return the parent over some steps, or None where one of them is empty."""
    here: Record | None = record
    for step in steps:
        value = here.properties.get(step.name) if here else None
        here = next((p for each in step.refers_to if value and (p := org.store.records.get(each, {}).get(value))), None)
    return here


def _parent(org: Org, here: list[ObjectType], name: str) -> Field | None:
    links = ((type_, type_.parent(name)) for type_ in here)
    return next((link for type_, link in links if link and org.visible(type_, link.name)), None)


def _field(org: Org, here: list[ObjectType], name: str, *, several: bool) -> Field | None:
    if several and name.lower() == "type":
        return _TYPE
    return next((found for type_ in here if (found := org.visible(type_, name))), None)

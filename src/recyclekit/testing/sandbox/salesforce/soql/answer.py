"""The rows of an answer: records turned into the JSON that the select list asks for, parents and children nested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from recyclekit.testing.sandbox.salesforce.fields import Field
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.soql.binding import Column, bind, follow
from recyclekit.testing.sandbox.salesforce.soql.faults import malformed, unknown_relationship
from recyclekit.testing.sandbox.salesforce.soql.groups import grouped
from recyclekit.testing.sandbox.salesforce.soql.parser import AGGREGATES
from recyclekit.testing.sandbox.salesforce.soql.selection import selected, source_of
from recyclekit.testing.sandbox.salesforce.soql.syntax import Call, Path, Query
from recyclekit.testing.sandbox.salesforce.store import Record

Row = dict[str, Any]
Page = Callable[[list[Record], Callable[[Record], Row]], Row | None]
"""Puts the records of an inner statement into pages: records and how to print one → what stands in the row."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a statement found. Rows are printed when they are asked for: `row(record)`; groups are rows already."""

    records: list[Any]
    row: Callable[[Any], Row]
    total: int


def answered(org: Org, query: Query, *, base: str, page: Page, deleted: bool = False, tooling: bool = False) -> Found:
    """Return what a statement finds.

    Args:
        org: whose records.
        query: the statement.
        base: the path of the API version, for the records' urls.
        page: how the records of inner statements are put into pages.
        deleted: with the recycle bin (queryAll).
        tooling: of the tooling API's objects.

    Raises:
        SoqlError: the statement asks for something that is not there.
    """
    type_ = source_of(org, query, tooling=tooling)
    if query.counts_only:
        return Found([], _nothing, len(selected(org, query, type_, deleted=deleted)))
    if query.group_by or any(isinstance(item, Call) and item.function in AGGREGATES for item in query.select):
        all_of_them = replace(query, limit=None, offset=0, order_by=())
        rows = grouped(org, query, type_, selected(org, all_of_them, type_, deleted=deleted))
        return Found(rows, dict, len(rows))
    row = printer(org, query, type_, base=base, page=page, deleted=deleted)
    records = selected(org, query, type_, deleted=deleted)
    return Found(records, row, len(records))


def _nothing(_: Any) -> Row:
    return {}


def printer(
    org: Org, query: Query, type_: ObjectType, *, base: str, page: Page, deleted: bool
) -> Callable[[Record], Row]:
    """Return how one record is printed for a select list.

    Raises:
        SoqlError: a field or relationship that is not there, or a field that is asked for twice.
    """
    columns = _columns(org, query, type_)
    plain = [column.field.name for column in columns if not column.steps]
    more = [_parent(org, column.steps, column.field, base) for column in columns if column.steps]
    inner = [item for item in query.select if isinstance(item, Query)]
    more += [_children(org, item, type_, base=base, page=page, deleted=deleted) for item in inner]
    url = f"{base}/sobjects/{type_.name}/"

    def row(record: Record) -> Row:
        properties = record.properties
        made: Row = {"attributes": {"type": type_.name, "url": url + record.id}}
        for name in plain:
            made[name] = properties.get(name)
        for add in more:
            add(record, made)
        return made

    return row


def _columns(org: Org, query: Query, type_: ObjectType) -> list[Column]:
    """Return the columns of a select list; a function of a field is the field, in an org of one language."""
    found: dict[tuple[str, ...], Column] = {}
    for item in query.select:
        path = item.path if isinstance(item, Call) else item
        if not isinstance(path, Path):
            continue
        column = bind(org, query, type_, path)
        spelt = (*(step.name for step in column.steps), column.field.name)
        if spelt in found:
            raise malformed(query.statement, path.place, f"duplicate field selected: {path}")
        found[spelt] = column
    return list(found.values())


def _parent(org: Org, steps: Sequence[Field], field: Field, base: str) -> Callable[[Record, Row], None]:
    def add(record: Record, row: Row) -> None:
        here, into = record, row
        for step in steps:
            parent = follow(org, here, [step])
            name = step.relationship or step.name
            if parent is None:
                into.setdefault(name, None)
                return
            fresh = {"attributes": {"type": parent.type, "url": f"{base}/sobjects/{parent.type}/{parent.id}"}}
            into = into.setdefault(name, fresh)
            here = parent
        is_type = field.name == "Type" and len(steps[-1].refers_to) > 1
        into[field.name] = here.type if is_type else here.properties.get(field.name)

    return add


def _children(
    org: Org, inner: Query, parent: ObjectType, *, base: str, page: Page, deleted: bool
) -> Callable[[Record, Row], None]:
    name = str(inner.source)
    found = next(
        ((type_, field) for type_ in org.types() for field in type_
         if parent.name in field.refers_to and (field.children or "").lower() == name.lower()), None,
    )  # fmt: skip
    if found is None:
        raise unknown_relationship(inner.statement, inner.source.place, name, child=True)
    type_, link = found
    print_row = printer(org, inner, type_, base=base, page=page, deleted=deleted)
    selected(org, inner, type_, among=[])  # a wrong condition is wrong where there is no child, too

    def add(record: Record, row: Row) -> None:
        children = org.store.children(type_.name, link.name, record.id)
        fitting = selected(org, inner, type_, deleted=deleted, among=children) if children else []
        row[link.children or name] = page(fitting, print_row)

    return add

"""The records that a statement finds: as few candidates as an index allows, tested, sorted and cut."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.soql.binding import bind
from recyclekit.testing.sandbox.salesforce.soql.conditions import compiled, folded, literal
from recyclekit.testing.sandbox.salesforce.soql.faults import at
from recyclekit.testing.sandbox.salesforce.soql.syntax import Both, Comparison, Condition, Order, Path, Query
from recyclekit.testing.sandbox.salesforce.store import Record

_BY_TIME = (("systemmodstamp",), ("systemmodstamp", "id"))


def selected(
    org: Org, query: Query, type_: ObjectType, *, deleted: bool = False, among: Sequence[Record] | None = None
) -> list[Record]:
    """Return the records of a statement, in its order.

    Args:
        org: whose records.
        query: the statement.
        type_: its object.
        deleted: take records from the recycle bin and the archive of activities too (queryAll).
        among: only these, for a statement inside another.

    Raises:
        SoqlError: a field that is not there or cannot be used so, or a value of the wrong type.
    """

    def semijoin(inner: Query) -> set[Any]:
        return _joined(org, inner, deleted=deleted)

    test = compiled(org, query, type_, query.where, semijoin)
    pool = among if among is not None else _candidates(org, query, type_)
    found = [record for record in pool if (deleted or _at_hand(record)) and test(record)]
    by_time = among is None and _ordered_by_time(query.order_by)
    if not by_time:
        _sort(org, query, type_, found)
    elif not _by_time_already(query.where):
        found.sort(key=lambda record: (record.properties["SystemModstamp"], record.id))
    stop = None if query.limit is None else query.offset + query.limit
    return found[query.offset : stop]


def _at_hand(record: Record) -> bool:
    return not (record.properties["IsDeleted"] or record.properties.get("IsArchived"))


def source_of(org: Org, query: Query, *, tooling: bool = False) -> ObjectType:
    """Return the object of a statement's FROM, of the data API or of the tooling API.

    Raises:
        SoqlError: INVALID_TYPE, there is none.
    """
    name = str(query.source)
    for type_ in org.types(tooling=tooling):
        if type_.name.lower() == name.lower():
            return type_
    raise at(
        "INVALID_TYPE",
        query.statement,
        query.source.place,
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the "
        "'__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
    )


def _joined(org: Org, inner: Query, *, deleted: bool) -> set[Any]:
    type_ = source_of(org, inner)
    if len(inner.select) != 1 or not isinstance(inner.select[0], Path):
        sentence = "semi join sub-selects must select exactly one field"
        raise at("MALFORMED_QUERY", inner.statement, inner.source.place, sentence)
    column = bind(org, inner, type_, inner.select[0])
    fold = folded(column.field)
    return {fold(column.get(record)) for record in selected(org, inner, type_, deleted=deleted)} - {None}


# -- candidates -------------------------------------------------------------------------------------------------------


def _candidates(org: Org, query: Query, type_: ObjectType) -> Sequence[Record]:
    """Return no fewer records than can fit: those of some ids, parents or keys, those of a window of time, or all."""
    for asked in _conjuncts(query.where):
        known = org.visible(type_, asked.path.names[-1]) if len(asked.path.names) == 1 else None
        values = asked.value if isinstance(asked.value, tuple) else (asked.value,)
        if known is None or asked.operator not in {"=", "IN"} or not all(isinstance(v, str) and v for v in values):
            continue
        wanted = dict.fromkeys(literal(query, known, asked.path, v) for v in values)  # type: ignore[arg-type]  # all are text
        if known.type == "id":
            records = org.store.records[type_.name]
            return sorted((records[each] for each in wanted if each in records), key=lambda record: record.id)
        if known.type == "reference":
            return [record for each in wanted for record in org.store.children(type_.name, known.name, each)]
        if known.unique and not known.case_sensitive:
            holders = (org.store.holder(type_.name, known.name, each) for each in wanted)
            return [holder for holder in holders if holder is not None]
    if _by_time_already(query.where) or _ordered_by_time(query.order_by):
        return _in_window(org, query, type_)
    return list(org.store.records[type_.name].values())


def _in_window(org: Org, query: Query, type_: ObjectType) -> Sequence[Record]:
    records = org.store.by_time(type_.name)
    low, high = 0, len(records)
    field = type_.find("SystemModstamp")
    for asked in _conjuncts(query.where):
        if field is None or str(asked.path).lower() != "systemmodstamp" or asked.operator not in {">", ">=", "<", "<="}:
            continue
        assert not isinstance(asked.value, tuple | Query)
        if type(asked.value).__name__ != "datetime":
            continue
        wanted = literal(query, field, asked.path, asked.value)
        if asked.operator[0] == ">":
            low = max(low, bisect_left(records, wanted, key=lambda record: record.properties["SystemModstamp"]))
        elif asked.operator == "<":
            high = min(high, bisect_left(records, wanted, key=lambda record: record.properties["SystemModstamp"]))
    return records[low:high]


def _conjuncts(condition: Condition | None) -> Iterator[Comparison]:
    """Yield the comparisons that every record of the answer must pass."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Both) and condition.operator == "AND":
        for each in condition.conditions:
            yield from _conjuncts(each)


def _by_time_already(condition: Condition | None) -> bool:
    """Whether the candidates come in the order of time because no other index was taken."""
    asked = list(_conjuncts(condition))
    others = any(each.operator in {"=", "IN"} for each in asked)
    return not others and any(str(each.path).lower() == "systemmodstamp" for each in asked)


# -- order ------------------------------------------------------------------------------------------------------------


def _ordered_by_time(orders: Sequence[Order]) -> bool:
    names = tuple(str(order.path).lower() for order in orders)
    return names in _BY_TIME and not any(order.descending for order in orders)


def _sort(org: Org, query: Query, type_: ObjectType, found: list[Record]) -> None:
    """Sort in place: empty values first unless NULLS LAST, in either direction; without ORDER BY by id."""
    found.sort(key=lambda record: record.id)
    for order in reversed(query.order_by):
        column = bind(org, query, type_, order.path)
        if not column.field.sortable:
            sentence = f"field '{column.field.name}' can not be sorted in a query call"
            raise at("INVALID_FIELD", query.statement, order.path.place, sentence)
        fold, get = folded(column.field), column.get
        full = [record for record in found if get(record) is not None]
        empty = [record for record in found if get(record) is None]
        full.sort(key=lambda record, get=get, fold=fold: fold(get(record)), reverse=order.descending)  # type: ignore[misc]  # bound in a loop
        found[:] = full + empty if order.nulls_last else empty + full

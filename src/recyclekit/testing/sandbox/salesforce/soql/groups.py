"""COUNT, MIN, MAX, SUM and AVG, over all records or over groups of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from recyclekit.testing.sandbox.salesforce.fields import NUMBERS
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.soql.binding import bind
from recyclekit.testing.sandbox.salesforce.soql.faults import malformed
from recyclekit.testing.sandbox.salesforce.soql.syntax import Call, Path, Query
from recyclekit.testing.sandbox.salesforce.store import Record

_COMPUTE: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len(set(values)),
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
    "SUM": lambda values: sum(values) if values else None,
    "AVG": lambda values: sum(values) / len(values) if values else None,
}


Row = dict[str, Any]


def grouped(org: Org, query: Query, type_: ObjectType, records: Sequence[Record]) -> list[Row]:
    """Return one row for each group of these records, ordered and cut as the statement says; else one row in all.

    Raises:
        SoqlError: a field beside an aggregate that is not grouped by, or LIMIT without GROUP BY.
    """
    if query.limit is not None and not query.group_by:
        sentence = "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"
        raise malformed(query.statement, query.source.place, sentence)
    keys = [bind(org, query, type_, path).get for path in query.group_by]
    groups: dict[tuple[Any, ...], list[Record]] = {} if keys else {(): []}
    for record in records:
        groups.setdefault(tuple(get(record) for get in keys), []).append(record)
    columns = [_column(org, query, type_, item, n) for n, item in enumerate(query.select)]
    stop = None if query.limit is None else query.offset + query.limit
    chosen = _ordered(query, groups)[query.offset : stop]
    return [
        {"attributes": {"type": "AggregateResult"}, **{name: compute(groups[key]) for name, compute in columns}}
        for key in chosen
    ]


def _ordered(query: Query, groups: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the groups' keys in order; without ORDER BY as the groups first occur."""
    names, keys = [str(path).lower() for path in query.group_by], list(groups)
    for order in reversed(query.order_by):
        if str(order.path).lower() not in names:
            sentence = f"Ordered field must be grouped or aggregated: {order.path}"
            raise malformed(query.statement, order.path.place, sentence)
        place = names.index(str(order.path).lower())
        full = sorted((key for key in keys if key[place] is not None), key=itemgetter(place), reverse=order.descending)
        empty = [key for key in keys if key[place] is None]
        keys = full + empty if order.nulls_last else empty + full
    return keys


def _column(
    org: Org, query: Query, type_: ObjectType, item: Path | Call | Query, place: int
) -> tuple[str, Callable[[list[Record]], Any]]:
    if isinstance(item, Call) and item.path is not None and item.function in _COMPUTE:
        column, compute = bind(org, query, type_, item.path), _COMPUTE[item.function]
        if item.function in {"SUM", "AVG"} and column.field.type not in NUMBERS:
            sentence = f"field {item.path} does not support aggregate operator {item.function}"
            raise malformed(query.statement, item.place, sentence)
        unnamed = sum(isinstance(each, Call) and each.alias is None for each in query.select[:place])
        return item.alias or f"expr{unnamed}", lambda members: compute(
            [value for member in members if (value := column.get(member)) is not None]
        )
    if not isinstance(item, Path) or str(item).lower() not in {str(path).lower() for path in query.group_by}:
        where = item.place if isinstance(item, Path | Call) else item.source.place
        raise malformed(query.statement, where, f"Field must be grouped or aggregated: {getattr(item, 'names', item)}")
    column = bind(org, query, type_, item)
    return column.field.name, lambda members: column.get(members[0])

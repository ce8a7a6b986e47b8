"""COUNT, MIN, MAX, SUM and AVG, over all records or over groups of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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


def grouped(org: Org, query: Query, type_: ObjectType, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return one row for each group, in the order in which the groups first occur; without GROUP BY one row in all.

    Raises:
        SoqlError: a field beside an aggregate that is not grouped by.
    """
    keys = [bind(org, query, type_, path) for path in query.group_by]
    groups: dict[tuple[Any, ...], list[Record]] = {} if keys else {(): []}
    for record in records:
        groups.setdefault(tuple(key.get(record) for key in keys), []).append(record)
    columns = [_column(org, query, type_, item, n) for n, item in enumerate(query.select)]
    attributes = {"type": "AggregateResult"}
    return [
        {"attributes": attributes, **{name: compute(members) for name, compute in columns}}
        for members in groups.values()
    ]


def _column(
    org: Org, query: Query, type_: ObjectType, item: Path | Call | Query, place: int
) -> tuple[str, Callable[[list[Record]], Any]]:
    if isinstance(item, Call) and item.path is not None and item.function in _COMPUTE:
        column, compute = bind(org, query, type_, item.path), _COMPUTE[item.function]
        unnamed = sum(isinstance(each, Call) and each.alias is None for each in query.select[:place])
        return item.alias or f"expr{unnamed}", lambda members: compute(
            [value for member in members if (value := column.get(member)) is not None]
        )
    if not isinstance(item, Path) or str(item).lower() not in {str(path).lower() for path in query.group_by}:
        where = item.place if isinstance(item, Path | Call) else item.source.place
        raise malformed(query.statement, where, f"Field must be grouped or aggregated: {getattr(item, 'names', item)}")
    column = bind(org, query, type_, item)
    return column.field.name, lambda members: column.get(members[0])

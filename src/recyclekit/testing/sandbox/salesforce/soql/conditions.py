"""A WHERE clause as a test of one record.

There are two truth values, not three, and null has rules of its own:
- `= null` and `!= null` ask whether a field is empty; empty text means null; a checkbox counts null as false;
- null is neither less nor more than anything and LIKE nothing;
- `!=` and NOT IN take empty fields in, unlike SQL's, and NOT is the plain opposite (?);
- text is compared without regard to upper and lower case, except in ids and case-sensitive external ids.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from recyclekit.testing.sandbox.salesforce import ids
from recyclekit.testing.sandbox.salesforce.fields import NUMBERS, Field
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.soql.binding import Column, bind
from recyclekit.testing.sandbox.salesforce.soql.faults import SoqlError, at, malformed
from recyclekit.testing.sandbox.salesforce.soql.relative import days
from recyclekit.testing.sandbox.salesforce.soql.syntax import (
    Both,
    Comparison,
    Condition,
    Not,
    Path,
    Query,
    Relative,
    Value,
)
from recyclekit.testing.sandbox.salesforce.store import Record
from recyclekit.testing.sandbox.salesforce.values import instant

Test = Callable[[Record], bool]
Semijoin = Callable[[Query], set[Any]]
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_NOT_TEXT = frozenset({*NUMBERS, "date", "datetime", "boolean", "id", "reference"})
_KINDS = {"date": "date", "datetime": "dateTime", "boolean": "boolean"}


def compiled(org: Org, query: Query, type_: ObjectType, condition: Condition | None, semijoin: Semijoin) -> Test:
    """Return the test that a condition means.

    Args:
        org: whose fields.
        query: the statement, for messages.
        type_: the statement's object.
        condition: None lets every record pass.
        semijoin: answers a statement inside IN (…) with the values that it selects.

    Raises:
        SoqlError: a field that is not there or cannot be filtered, or a value of the wrong type.
    """
    if condition is None:
        return lambda _: True
    if isinstance(condition, Not):
        inner = compiled(org, query, type_, condition.condition, semijoin)
        return lambda record: not inner(record)
    if isinstance(condition, Both):
        tests = [compiled(org, query, type_, each, semijoin) for each in condition.conditions]
        combine = all if condition.operator == "AND" else any
        return lambda record: combine(test(record) for test in tests)
    return _comparison(org, query, bind(org, query, type_, condition.path), condition, semijoin)


def _comparison(org: Org, query: Query, column: Column, asked: Comparison, semijoin: Semijoin) -> Test:
    if not column.field.filterable:
        sentence = f"field '{column.field.name}' can not be filtered in a query call"
        raise at("INVALID_FIELD", query.statement, asked.path.place, sentence)
    if asked.operator in {"IN", "NOT IN"}:
        return _within(query, column, asked, semijoin)
    assert not isinstance(asked.value, tuple | Query), "only IN has several values"
    if isinstance(asked.value, Relative):
        return _in_days(org, query, column, asked, asked.value)
    if asked.operator == "LIKE" and column.field.type in _NOT_TEXT:
        sentence = f"'LIKE' operator is not valid on {asked.path} of this statement"
        raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", sentence)
    wanted = literal(query, column.field, asked.path, asked.value)
    if asked.operator == "LIKE":
        return _like(column, wanted)
    return _compared(column, asked.operator, wanted)


def _compared(column: Column, sign: str, wanted: Any) -> Test:
    get, fold = column.get, folded(column.field)
    if sign in {"=", "!="}:
        equal = sign == "="
        if wanted is None and column.field.type == "boolean":
            wanted = False
        return lambda record: (fold(get(record)) == wanted) == equal
    compare = _ORDERED[sign]
    if wanted is None:
        return lambda _: False

    def ordered(record: Record) -> bool:
        value = get(record)
        return value is not None and compare(fold(value), wanted)

    return ordered


def _within(query: Query, column: Column, asked: Comparison, semijoin: Semijoin) -> Test:
    if isinstance(asked.value, Query):
        wanted = semijoin(asked.value)
    else:
        assert isinstance(asked.value, tuple), "IN has values in parentheses"
        if any(isinstance(value, Relative) for value in asked.value):
            raise _wrong_type(query, column.field, asked.path)
        wanted = {literal(query, column.field, asked.path, value) for value in asked.value}
    get, fold, inside = column.get, folded(column.field), asked.operator == "IN"
    return lambda record: (fold(get(record)) in wanted) == inside


def _like(column: Column, wanted: Any) -> Test:
    pieces = re.findall(r"\\[%_]|.", str(wanted or ""), re.DOTALL)
    translated = "".join({"%": ".*", "_": "."}.get(piece, re.escape(piece.lstrip("\\"))) for piece in pieces)
    pattern = re.compile(translated, re.DOTALL | re.IGNORECASE)
    get = column.get
    return lambda record: (value := get(record)) is not None and pattern.fullmatch(str(value)) is not None


def _in_days(org: Org, query: Query, column: Column, asked: Comparison, wanted: Relative) -> Test:
    if column.field.type not in {"date", "datetime"}:
        raise _wrong_type(query, column.field, asked.path)
    try:
        start, after = (_bound(org, column.field, day) for day in days(wanted, org.today()))
    except (OverflowError, ValueError):  # no calendar reaches so far
        raise malformed(query.statement, asked.path.place, f"Invalid date: {wanted.name}:{wanted.count}") from None
    get = column.get
    tests: dict[str, Callable[[str], bool]] = {
        "=": lambda value: start <= value < after,
        "!=": lambda value: not start <= value < after,
        "<": lambda value: value < start,
        "<=": lambda value: value < after,
        ">": lambda value: value >= after,
        ">=": lambda value: value >= start,
    }
    test = tests.get(asked.operator)
    if test is None:
        raise _wrong_type(query, column.field, asked.path)
    null = asked.operator == "!="
    return lambda record: null if (value := get(record)) is None else test(value)


def _bound(org: Org, field: Field, day: date) -> str:
    if field.type == "date":
        return day.isoformat()
    return instant(datetime.combine(day, time(), org.timezone).astimezone(UTC))


def folded(field: Field) -> Callable[[Any], Any]:
    """Return what makes a stored value of this field comparable."""
    if field.case_sensitive or field.type in _NOT_TEXT:
        return lambda value: value
    return lambda value: value.casefold() if value is not None else None


def literal(query: Query, field: Field, path: Path, value: Value) -> Any:
    """Return a value of a statement in the form in which the field's values are stored and compared.

    Raises:
        SoqlError: it is of another type than the field.
    """
    if value is None or value == "":
        return None
    read = _READ.get(field.type, _text)
    found = read(value)
    if found is None:
        raise _wrong_type(query, field, path)
    if field.type in {"id", "reference"}:
        return _id(found, path)
    return folded(field)(found)


def _text(value: Value) -> Any:
    return value if isinstance(value, str) else None


def _number(value: Value) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


_READ: dict[str, Callable[[Value], Any]] = {
    "boolean": lambda value: value if isinstance(value, bool) else None,
    "date": lambda value: value.isoformat() if type(value) is date else None,
    "datetime": lambda value: instant(value) if isinstance(value, datetime) else None,
    **dict.fromkeys(NUMBERS, _number),
}


def _id(value: str, path: Path) -> str:
    whole = ids.full(value)
    if whole is None:
        raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value} in {path}")
    return whole


def _wrong_type(query: Query, field: Field, path: Path) -> SoqlError:
    kind = "double" if field.type in NUMBERS else _KINDS.get(field.type, "string")
    quotes = "should be enclosed in quotes" if kind == "string" else "should not be enclosed in quotes"
    sentence = f"value of filter criterion for field '{path}' must be of type {kind} and {quotes}"
    return at("INVALID_FIELD", query.statement, path.place, sentence)

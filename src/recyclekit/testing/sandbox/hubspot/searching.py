"""Search: filters, one sort, at most 10,000 results of any query, from an index that may lag."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from recyclekit.testing.sandbox.hubspot.batches import Scope, scope_of
from recyclekit.testing.sandbox.hubspot.bodies import number, rows, texts
from recyclekit.testing.sandbox.hubspot.object_types import ObjectType
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.hubspot.records import Record, milliseconds
from recyclekit.testing.sandbox.hubspot.showing import View
from recyclekit.testing.sandbox.wire import Answer, NonsenseError, Request, json_answer

WALL = 10_000
PAGE, USUAL_PAGE = 200, 10
LONGEST_BODY = 3_000
GROUPS, IN_GROUP, FILTERS, IN_VALUES = 5, 6, 18, 100
_KEPT_RESULTS = 8
_BEHIND = {"GT": 0, "GTE": -1}
"""Operators of a keyset on the id → what to add to their value, so that what is above it fits."""

Comparable = float | str | None
Test = Callable[[Mapping[str, str | None]], bool]


class Searching:
    """The search endpoint. Results of the same query are kept until something is written."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._kept: OrderedDict[tuple[object, ...], list[str]] = OrderedDict()

    def search(self, request: Request) -> Answer:
        """POST /objects/{type}/search."""
        scope = scope_of(request)
        wrong = self._wrong(scope)
        if wrong:
            return self._portal.say.bad_request(wrong)
        limit, after = _limit(scope.body), number(scope.body.get("after"), "after")
        ids = self._matching(scope)
        view = View(self._portal, scope.kind, texts(scope.body.get("properties"), "properties"))
        body: dict[str, Any] = {
            "total": len(ids),
            "results": [view.shown(record) for record in self._records(scope.kind, ids[after : after + limit])],
        }
        if after + limit < len(ids):
            body["paging"] = {"next": {"after": str(after + limit)}}
        return json_answer(body)

    def _records(self, kind: ObjectType, ids: Sequence[str]) -> Iterator[Record]:
        """Yield what search knows of these records, and not what was written since; archived ones are left out.

        So `total` may count more than there is: recorded answers of the real portal do.
        """
        known = dict(self._portal.indexes[kind.name].documents()) if ids and self._lagging(kind) else None
        for record_id in ids:
            record = self._portal.objects[kind.name][record_id]
            if record.archived:
                continue
            if known is None:
                yield record
            else:
                values = dict(known[record_id])
                yield Record(record.id, values, record.created_at, values[kind.modified] or "")

    def _lagging(self, kind: ObjectType) -> bool:
        return self._portal.indexes[kind.name].version[1] < 0

    # -- what is wrong with a query -------------------------------------------------------------------------------

    def _wrong(self, scope: Scope) -> str:
        body, groups = scope.body, _groups(scope.body)
        limit, after = _limit(body), number(body.get("after"), "after")
        sorts = _sorts(body)
        if len(scope.request.body) > LONGEST_BODY:
            return f"The request body is too long; at most {LONGEST_BODY} characters are allowed."
        if not 1 <= limit <= PAGE:
            return f"The limit must be between 1 and {PAGE}."
        if after + limit > WALL:
            return f"Search results are limited to {WALL}: after {after} with limit {limit} goes beyond."
        if len(groups) > GROUPS or any(len(group) > IN_GROUP for group in groups) or sum(map(len, groups)) > FILTERS:
            return f"At most {GROUPS} filter groups of {IN_GROUP} filters are allowed, {FILTERS} in all."
        if len(sorts) > 1:
            return "Only one sort is allowed."
        return self._wrong_names(scope, groups, sorts)

    def _wrong_names(self, scope: Scope, groups: Sequence[Sequence[Any]], sorts: Sequence[Any]) -> str:
        known = self._portal.definitions[scope.kind.name]
        for sort in sorts:
            if known.open(_sort(sort)[0]) is None:
                return f"There was a problem with the request: cannot sort by {_sort(sort)[0]}, which does not exist."
        for given in (one for group in groups for one in group):
            name, operator = given.get("propertyName"), given.get("operator")
            definition = known.open(str(name))
            if definition is None:
                return f"There was a problem with the request: property {name} does not exist."
            if not isinstance(operator, str) or operator not in _OPERATORS:
                return f"Invalid input JSON: {operator} is not an operator."
            if operator in {"IN", "NOT_IN"} and len(texts(given.get("values"), "values")) > IN_VALUES:
                return f"{operator} takes at most {IN_VALUES} values."
            if operator in _COMPARING and definition.type in {"datetime", "date", "number"}:
                bounds = [given.get("value"), *([given.get("highValue")] if operator == "BETWEEN" else [])]
                if any(_number_or_none(bound) is None for bound in bounds):
                    return f"{bounds} is no value for {name}, which wants a number (of milliseconds, for a date)."
        return ""

    # -- what fits ------------------------------------------------------------------------------------------------

    def _matching(self, scope: Scope) -> list[str]:
        """Return the ids that fit, in order. A keyset on the id takes its part of a result that is kept."""
        groups, body = _groups(scope.body), scope.body
        name, descending = _sort((_sorts(body) or ["hs_object_id"])[0])
        last, rest = _keyset(groups) if name == "hs_object_id" and not descending else (None, groups)
        query = orjson.dumps([rest, body.get("query"), name, descending])
        key = (scope.kind.name, self._portal.indexes[scope.kind.name].version, query)
        if key not in self._kept:
            self._kept[key] = self._found(scope, rest, name, descending=descending)
            while len(self._kept) > _KEPT_RESULTS:
                self._kept.popitem(last=False)
        ids = self._kept[key]
        return ids if last is None else ids[bisect_right(ids, last, key=int) :]

    def _found(self, scope: Scope, groups: Sequence[Sequence[Any]], name: str, *, descending: bool) -> list[str]:
        definitions = self._portal.definitions[scope.kind.name]
        tests = [[_test(definitions[given["propertyName"]].type, given) for given in group] for group in groups]
        word = str(scope.body.get("query") or "").lower()
        found = [
            (values, record_id)
            for record_id, values in self._portal.indexes[scope.kind.name].documents()
            if (not tests or any(all(test(values) for test in group) for group in tests))
            and (not word or any(word in (values.get(shown) or "").lower() for shown in scope.kind.shown))
        ]
        kind = definitions[name].type
        found.sort(key=lambda one: int(one[1]))
        found.sort(key=lambda one: _sortable(_value(kind, one[0].get(name))), reverse=descending)
        return [record_id for _, record_id in found]


def _groups(body: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    groups = [rows(group.get("filters"), "filters") for group in rows(body.get("filterGroups"), "filterGroups")]
    loose = rows(body.get("filters"), "filters")
    return [*groups, loose] if loose else groups


def _keyset(groups: list[list[dict[str, Any]]]) -> tuple[int | None, list[list[dict[str, Any]]]]:
    """Return the id behind which a keyset goes on, and the filters without it."""
    if len(groups) != 1:
        return None, groups
    bounds = [g for g in groups[0] if g.get("propertyName") == "hs_object_id" and g.get("operator") in _BEHIND]
    rest = [g for g in groups[0] if g not in bounds]
    behind = [int(float(g["value"])) + _BEHIND[g["operator"]] for g in bounds]
    return (max(behind), [rest] if rest else []) if bounds else (None, groups)


def _limit(body: Mapping[str, Any]) -> int:
    return number(body.get("limit"), "limit", USUAL_PAGE)


def _sorts(body: Mapping[str, Any]) -> list[Any]:
    sorts = body.get("sorts") or []
    if not isinstance(sorts, list) or not all(isinstance(sort, (str, dict)) for sort in sorts):
        raise NonsenseError("Invalid input JSON: sorts is no array of sorts.")
    return sorts


def _sort(sort: Any) -> tuple[str, bool]:
    if isinstance(sort, str):
        return sort.removeprefix("-"), sort.startswith("-")
    return str(sort.get("propertyName")), sort.get("direction") == "DESCENDING"


def _number_or_none(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _value(kind: str, text: str | None) -> Comparable:
    if text is None:
        return None
    if kind == "number":
        return _number_or_none(text)
    return float(milliseconds(text)) if kind in {"date", "datetime"} else text.lower() if kind == "string" else text


def _wanted(kind: str, value: Any) -> Comparable:
    if kind in {"number", "date", "datetime"}:
        return _number_or_none(value)
    return str(value).lower() if kind == "string" else str(value)


def _sortable(value: Comparable) -> tuple[int, float | str]:
    return (1, "") if value is None else (0, value)


_COMPARING: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda is_, want: is_ == want,
    "LT": lambda is_, want: is_ < want,
    "LTE": lambda is_, want: is_ <= want,
    "GT": lambda is_, want: is_ > want,
    "GTE": lambda is_, want: is_ >= want,
    "BETWEEN": lambda is_, want: want[0] <= is_ <= want[1],
}
_OPERATORS = frozenset(_COMPARING) | {
    "NEQ", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
}  # fmt: skip


def _test(kind: str, given: Mapping[str, Any]) -> Test:
    """Return the test of one filter. A record without a value fits only what asks for its absence."""
    name, operator = str(given["propertyName"]), given["operator"]
    want = _wanted(kind, given.get("value"))
    match operator:
        case "HAS_PROPERTY":
            return lambda values: values.get(name) is not None
        case "NOT_HAS_PROPERTY":
            return lambda values: values.get(name) is None
        case "NEQ":
            return lambda values: _value(kind, values.get(name)) != want
        case "IN" | "NOT_IN":
            return _among(kind, name, list(given.get("values") or ()), wanted=operator == "IN")
        case "CONTAINS_TOKEN" | "NOT_CONTAINS_TOKEN":
            token = str(given.get("value") or "").strip("*").lower()
            return lambda values: (token in (values.get(name) or "").lower()) is (operator == "CONTAINS_TOKEN")
    compare = _COMPARING[operator]
    bound = (want, _wanted(kind, given.get("highValue"))) if operator == "BETWEEN" else want
    return lambda values: (is_ := _value(kind, values.get(name))) is not None and compare(is_, bound)


def _among(kind: str, name: str, given: list[Any], *, wanted: bool) -> Test:
    """IN of a text compares what is kept in lower case with what was sent as it is: capitals never match."""
    values_in = {str(value) if kind == "string" else _wanted(kind, value) for value in given}
    return lambda values: (_value(kind, values.get(name)) in values_in) is wanted

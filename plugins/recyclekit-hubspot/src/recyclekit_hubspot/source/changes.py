"""What changed since: ids found by search, in windows that end even where a bulk edit gave all records one time.

Search shows at most 10,000 records of a query and lags behind writes. So a window of time is fixed first, then walked
by record id (a keyset), each query asking for ids behind the last; and each next window overlaps the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from recyclekit_hubspot.answers import read_results
from recyclekit_hubspot.columns import ID
from recyclekit_hubspot.transport import Call, Transport

OVERLAP = 10 * 60 * 1_000
"""Milliseconds by which a window reaches back into the one before: the index lags by "a few moments"."""
_LIMIT = 200
_MODIFIED = {"contacts": "lastmodifieddate"}
Filter = dict[str, str]


def changed(kind: str, since: int, until: int) -> list[list[Filter]]:
    """Return the filter groups for records of a kind that changed in a window, in milliseconds."""
    name = _MODIFIED.get(kind, "hs_lastmodifieddate")
    return [[_filter(name, "GTE", since), _filter(name, "LTE", until)]]


def open_deals(since: int, until: int) -> list[list[Filter]]:
    """Return the filter groups for deals that are not closed and are not among those that changed in a window."""
    is_open, name = _filter("hs_is_closed", "EQ", "false"), "hs_lastmodifieddate"
    return [[is_open, _filter(name, "LT", since)], [is_open, _filter(name, "GT", until)]]


def ids_of(
    transport: Transport, kind: str, groups: Sequence[Sequence[Filter]], after: str | None, together: int
) -> Iterator[list[str]]:
    """Yield ids that pass the filters of one group, ascending from behind `after`, so many at a time."""
    last, held = after or "0", list[str]()
    more = True
    while more:
        body: dict[str, Any] = {
            "filterGroups": [{"filters": [*group, _filter(ID, "GT", last)]} for group in groups],
            "sorts": [{"propertyName": ID, "direction": "ASCENDING"}],
            "properties": [ID],
            "limit": min(_LIMIT, together),
        }
        path = transport.paths.objects(kind, "search")
        found = transport.ask(Call(method="POST", path=path, body=body, searches=True), read_results)
        ids = [str(one["id"]) for one in found["results"] if "id" in one]
        held += ids
        more = bool(ids) and bool((found.get("paging") or {}).get("next")) and int(ids[-1]) > int(last)
        last = ids[-1] if ids else last
        if held and (len(held) >= together or not more):
            yield held
            held = []


def _filter(name: str, operator: str, value: object) -> Filter:
    return {"propertyName": name, "operator": operator, "value": str(value)}

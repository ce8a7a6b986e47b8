"""Reading records: pages of a list, single ones, and batches by id."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recyclekit.testing.sandbox.faults import FaultKind
from recyclekit.testing.sandbox.hubspot.batches import Failure, Scope, batch_answer, scope_of
from recyclekit.testing.sandbox.hubspot.bodies import inputs_of, kind_of, number, texts
from recyclekit.testing.sandbox.hubspot.object_types import OBJECT_TYPES, ObjectType, object_type
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.hubspot.records import Record
from recyclekit.testing.sandbox.hubspot.showing import View, asked_for
from recyclekit.testing.sandbox.wire import Answer, Request, json_answer

PAGE, PAGE_WITH_HISTORY, USUAL_PAGE = 100, 50, 10


class Reading:
    """The reading endpoints of objects.

    Args:
        opaque: cursors are tokens that only the portal can make, instead of the next record's id.
    """

    def __init__(self, portal: Portal, *, opaque: bool = False) -> None:
        self._portal, self._opaque = portal, opaque

    def page(self, request: Request) -> Answer:
        """GET /objects/{type}: one page, by ascending id."""
        kind, say = kind_of(request), self._portal.say
        history = asked_for(request, "propertiesWithHistory")
        largest = PAGE_WITH_HISTORY if history else PAGE
        limit, start = number(request.first("limit"), "limit", USUAL_PAGE), self._start(request.first("after"))
        if not 1 <= limit <= largest:
            return say.bad_request(f"The limit must be between 1 and {largest}; {limit} was sent.")
        if start is None:
            return say.bad_request(f"The paging cursor {request.first('after')} is invalid.")
        view = View(self._portal, kind, asked_for(request, "properties"), history)
        archived = request.first("archived") == "true"
        records, following = self._portal.objects[kind.name].page(start, limit, archived=archived)
        to = asked_for(request, "associations")
        body: dict[str, Any] = {
            "results": [self._with_links(view.shown(record), kind, record, to) for record in records]
        }
        if following is not None:
            cursor = self._cursor(following)
            body["paging"] = {"next": {"after": cursor, "link": f"https://api.hubapi.com{request.path}?after={cursor}"}}
        return json_answer(body)

    def one(self, request: Request) -> Answer:
        """GET /objects/{type}/{id}: one record by id, by a unique property, or by an id that was merged away."""
        kind = kind_of(request)
        record_id, by = request.parts["id"], request.first("idProperty")
        found = self._find(kind, record_id, by) if by else self._portal.followed(kind.name, record_id)
        if not found or found.archived is not (request.first("archived") == "true"):
            return self._portal.say.not_found(f"Object not found.  objectId are usually numeric: {request.parts['id']}")
        view = View(self._portal, kind, asked_for(request, "properties"), asked_for(request, "propertiesWithHistory"))
        return json_answer(self._with_links(view.shown(found), kind, found, asked_for(request, "associations")))

    def batch(self, request: Request) -> Answer:
        """POST /objects/{type}/batch/read: up to 100 by id; what is missing is an error in a 207."""
        scope = scope_of(request)
        kind, body = scope.kind, scope.body
        inputs = inputs_of(body)
        asked, history = (texts(body.get(name), name) for name in ("properties", "propertiesWithHistory"))
        view = View(self._portal, kind, asked, history)
        found, missing = self._sorted_out(scope, [str(given.get("id")) for given in inputs])
        noun = kind.singular
        message = f"Could not get some {noun} objects, they may be deleted or not exist. Check that ids are valid."
        failures = [Failure("OBJECT_NOT_FOUND", message, {"ids": missing})] if missing else []
        return batch_answer(self._portal, request, [view.shown(record) for record in found], failures)

    def _sorted_out(self, scope: Scope, ids: Sequence[str]) -> tuple[list[Record], list[str]]:
        by = str(scope.body.get("idProperty") or "")
        records = {record_id: self._find(scope.kind, record_id, by) for record_id in dict.fromkeys(ids)}
        found = [record for record in records.values() if record and not record.archived]
        missing = [record_id for record_id, record in records.items() if not record or record.archived]
        fault = scope.request.fault
        if fault and fault.kind is FaultKind.PARTIAL:
            missing += [record.id for record in found[: fault.rows]]
            found = found[fault.rows :]
        return found, missing

    def _find(self, kind: ObjectType, record_id: str, by: str) -> Record | None:
        if by and by != "hs_object_id":
            return self._portal.by_unique(kind.name, by, record_id)
        return self._portal.objects[kind.name].get(record_id)

    def _with_links(
        self, shown: dict[str, Any], kind: ObjectType, record: Record, to: Sequence[str]
    ) -> Mapping[str, Any]:
        linked = {name: ends for name, ends in self._linked(kind, record, to) if ends["results"]}
        return {**shown, "associations": linked} if linked else shown

    def _linked(self, kind: ObjectType, record: Record, to: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        for word in to:
            other = object_type(word)
            if other is not None:
                name = f"{kind.singular}_to_{other.singular}"
                ends = self._portal.links.of(kind.name, record.id, other.name)
                yield OBJECT_TYPES[other.name].name, {"results": [{"id": end, "type": name} for end in ends]}

    def _cursor(self, number: int) -> str:
        return (
            base64.urlsafe_b64encode(f"{self._portal.number}:{number}".encode()).decode()
            if self._opaque
            else str(number)
        )

    def _start(self, cursor: str) -> int | None:
        """Return the id at which a page starts, or None where the cursor is none of ours."""
        if not cursor:
            return 0
        if not self._opaque:
            return int(cursor) if cursor.isdecimal() else None
        try:
            portal, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
        except ValueError:
            return None
        return int(number) if portal == str(self._portal.number) and number.isdecimal() else None

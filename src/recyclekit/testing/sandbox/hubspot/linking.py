"""The associations API: batches by id with their own paging, single records, and making and ending associations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recyclekit.testing.sandbox.hubspot.batches import Failure, batch_answer
from recyclekit.testing.sandbox.hubspot.bodies import body_of, inputs_of, kind_of, number, rows, rows_of, table
from recyclekit.testing.sandbox.hubspot.links import LinkType
from recyclekit.testing.sandbox.hubspot.object_types import ObjectType
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.wire import Answer, NonsenseError, Request, json_answer

LARGEST = 1_000
PAGE = 500
NONE = "crm.associations.NO_ASSOCIATIONS_FOUND"


class Linking:
    """The associations endpoints.

    Args:
        page: how many associations of one record an answer holds; the rest comes with the record's own `after`.
    """

    def __init__(self, portal: Portal, *, page: int = PAGE) -> None:
        self._portal, self._page = portal, page

    def batch(self, request: Request) -> Answer:
        """POST /associations/{from}/{to}/batch/read: a record without any is an error in a 207, and means none."""
        ends, inputs = _ends(request), inputs_of(body_of(request), LARGEST)
        from_, to = ends
        results: list[Any] = []
        failures: list[Failure] = []
        for given in inputs:
            record_id = str(given.get("id"))
            page, after = self._slice(request, from_, record_id, to, str(given.get("after") or ""))
            if page:
                paging = {"paging": {"next": {"after": after, "link": f"?after={after}"}}} if after else {}
                results.append({"from": {"id": record_id}, "to": page, **paging})
            else:
                failures.append(_none(from_, record_id, to))
        return batch_answer(self._portal, request, results, failures)

    def one(self, request: Request) -> Answer:
        """GET /objects/{from}/{id}/associations/{to}: one page of a record's associations."""
        ends = _ends(request)
        record_id = request.parts["id"]
        if self._portal.objects[ends[0].name].live(record_id) is None:
            return self._portal.say.not_found()
        page, after = self._slice(request, ends[0], record_id, ends[1], request.first("after"))
        paging = {"paging": {"next": {"after": after, "link": f"?after={after}"}}} if after else {}
        return json_answer({"results": page, **paging})

    def put(self, request: Request) -> Answer:
        """PUT …/associations/{to}/{to_id}, or …/associations/default/{to}/{to_id}: associate two records."""
        ends, parts = _ends(request), request.parts
        if not self._both(ends, parts["id"], parts["to_id"]):
            return self._portal.say.not_found()
        types = self._types(ends, rows_of(request))
        self._portal.link(ends[0].name, parts["id"], ends[1].name, parts["to_id"], types)
        body = self._made(ends, parts["id"], parts["to_id"])
        return json_answer(body, 201) if types else batch_answer(self._portal, request, [body], [])

    def drop(self, request: Request) -> Answer:
        """DELETE …/associations/{to}/{to_id}: part two records; again is no error."""
        ends, parts = _ends(request), request.parts
        self._portal.links.remove(ends[0].name, parts["id"], ends[1].name, parts["to_id"])
        return Answer(204)

    def batch_put(self, request: Request) -> Answer:
        """POST /associations/{from}/{to}/batch/create and …/batch/associate/default."""
        ends, inputs = _ends(request), inputs_of(body_of(request), LARGEST)
        results: list[Any] = []
        failures: list[Failure] = []
        for given in inputs:
            one, other = (str(table(given.get(end), end).get("id")) for end in ("from", "to"))
            if self._both(ends, one, other):
                self._portal.link(
                    ends[0].name, one, ends[1].name, other, self._types(ends, rows(given.get("types"), "types"))
                )
                results.append(self._made(ends, one, other))
            else:
                failures.append(
                    Failure("OBJECT_NOT_FOUND", "One of the objects does not exist.", {"ids": [one, other]})
                )
        return batch_answer(self._portal, request, results, failures, status=201)

    def batch_drop(self, request: Request) -> Answer:
        """POST /associations/{from}/{to}/batch/archive: part records; again is no error."""
        ends = _ends(request)
        for given in inputs_of(body_of(request), LARGEST):
            one = str(table(given.get("from"), "from").get("id"))
            for other in rows(given.get("to"), "to"):
                self._portal.links.remove(ends[0].name, one, ends[1].name, str(other.get("id")))
        return Answer(204)

    def labels(self, request: Request) -> Answer:
        """GET /associations/{from}/{to}/labels: the kinds of association that there are."""
        from_, to = _ends(request)
        return json_answer({"results": [kind.shown() for kind in self._portal.links.kinds(from_.name, to.name)]})

    def _types(self, ends: tuple[ObjectType, ObjectType], given: Sequence[Mapping[str, Any]]) -> list[LinkType]:
        known = {(kind.category, kind.number): kind for kind in self._portal.links.kinds(ends[0].name, ends[1].name)}
        wanted = [
            (str(one.get("associationCategory")), number(one.get("associationTypeId"), "associationTypeId"))
            for one in given
        ]
        strange = [one for one in wanted if one not in known]
        if strange:
            raise NonsenseError(f"There is no association type {strange[0]} from {ends[0].name} to {ends[1].name}.")
        return [known[one] for one in wanted]

    def _slice(
        self, request: Request, from_: ObjectType, record_id: str, to: ObjectType, after: str
    ) -> tuple[list[dict[str, Any]], str]:
        """Return a page of one record's associations and what to ask for next, or empty."""
        every = list(self._portal.links.of(from_.name, record_id, to.name).items())
        start = int(after) if after.isdecimal() else 0
        page = [
            {"toObjectId": _number(request, end), "associationTypes": [kind.shown() for kind in types]}
            for end, types in every[start : start + self._page]
        ]
        return page, str(start + self._page) if start + self._page < len(every) else ""

    def _made(self, ends: tuple[ObjectType, ObjectType], one: str, other: str) -> dict[str, Any]:
        return {
            "from": {"id": one},
            "to": {"id": other},
            "fromObjectTypeId": ends[0].type_id,
            "fromObjectId": one,
            "toObjectTypeId": ends[1].type_id,
            "toObjectId": other,
            "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 0},
            "labels": [],
        }

    def _both(self, ends: tuple[ObjectType, ObjectType], one: str, other: str) -> bool:
        live = self._portal.objects[ends[0].name].live(one), self._portal.objects[ends[1].name].live(other)
        return None not in live


def _ends(request: Request) -> tuple[ObjectType, ObjectType]:
    return kind_of(request, "from"), kind_of(request, "to")


def _number(request: Request, record_id: str) -> int | str:
    """A number in v4, a text in the dated versions: a client must take both."""
    return int(record_id) if "/v4/" in request.path else record_id


def _none(from_: ObjectType, record_id: str, to: ObjectType) -> Failure:
    return Failure(
        "OBJECT_NOT_FOUND",
        f"No {to.singular} is associated with {from_.singular} {record_id}.",
        {"fromObjectId": [record_id], "fromObjectType": [from_.singular], "toObjectType": [to.singular]},
        sub_category=NONE,
    )

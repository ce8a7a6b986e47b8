"""Lists and their members, and what people said about being written to."""

from __future__ import annotations

from typing import Any

from recyclekit.testing.sandbox.hubspot.bodies import array_of, body_of, number, texts
from recyclekit.testing.sandbox.hubspot.lists import BY_HAND, MemberList
from recyclekit.testing.sandbox.hubspot.object_types import object_type
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.wire import Answer, Request, json_answer

FIRST_LIST = 101
MEMBERS_PAGE = 250
SUBSCRIPTIONS = {"1": "Marketing Information", "2": "One to One"}
"""The subscription types of the portal."""


class Enrolling:
    """The endpoints on lists and consent."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    # -- lists ------------------------------------------------------------------------------------------------------

    def one(self, request: Request) -> Answer:
        """GET /lists/{id}."""
        found = self._portal.lists.get(request.parts["id"])
        return json_answer({"list": found.shown()}) if found else self._missing(request)

    def create(self, request: Request) -> Answer:
        """POST /lists: name, objectTypeId, processingType."""
        given = body_of(request)
        kind = object_type(str(given.get("objectTypeId")))
        name, processing = str(given.get("name") or ""), str(given.get("processingType"))
        if kind is None or not name or processing not in BY_HAND | {"DYNAMIC"}:
            return self._portal.say.bad_request("Some required fields were not set or are not valid.")
        if any(one.name == name for one in self._portal.lists.values()):
            return self._portal.say.bad_request(f"A list named '{name}' already exists.")
        made = MemberList(str(FIRST_LIST + len(self._portal.lists)), name, kind.name, processing, self._portal.now())
        self._portal.lists[made.id] = made
        return json_answer({"list": made.shown()})

    def search(self, request: Request) -> Answer:
        """POST /lists/search: by name, by type of processing."""
        given = body_of(request)
        word, types = str(given.get("query") or "").lower(), texts(given.get("processingTypes"), "processingTypes")
        found = [
            one
            for one in self._portal.lists.values()
            if word in one.name.lower() and (not types or one.processing in types)
        ]
        offset, count = number(given.get("offset"), "offset"), number(given.get("count"), "count", 20)
        shown = [{**one.shown(), "additionalProperties": {}} for one in found[offset : offset + count]]
        end = offset + len(shown)
        return json_answer({"offset": end, "hasMore": end < len(found), "lists": shown, "total": len(found)})

    def members(self, request: Request) -> Answer:
        """GET /lists/{id}/memberships."""
        found = self._portal.lists.get(request.parts["id"])
        if found is None:
            return self._missing(request)
        limit, start = number(request.first("limit"), "limit", MEMBERS_PAGE), number(request.first("after"), "after")
        every = sorted(found.members.items(), key=lambda one: int(one[0]))
        page = [{"recordId": record_id, "membershipTimestamp": at} for record_id, at in every[start : start + limit]]
        body: dict[str, Any] = {"results": page, "total": len(every)}
        if start + limit < len(every):
            body["paging"] = {"next": {"after": str(start + limit), "link": f"?after={start + limit}"}}
        return json_answer(body)

    def add(self, request: Request) -> Answer:
        """PUT /lists/{id}/memberships/add: the body is an array of record ids."""
        return self._change(request, add=array_of(request), remove=[])

    def remove(self, request: Request) -> Answer:
        """PUT /lists/{id}/memberships/remove."""
        return self._change(request, add=[], remove=array_of(request))

    def add_and_remove(self, request: Request) -> Answer:
        """PUT /lists/{id}/memberships/add-and-remove."""
        given = body_of(request)
        add, remove = (texts(given.get(name), name) for name in ("recordIdsToAdd", "recordIdsToRemove"))
        return self._change(request, add=add, remove=remove)

    def _change(self, request: Request, *, add: list[str], remove: list[str]) -> Answer:
        found = self._portal.lists.get(request.parts["id"])
        if found is None:
            return self._missing(request)
        if found.processing not in BY_HAND:
            message = f"List {found.id} is {found.processing}: its members follow from its filters."
            return self._portal.say.bad_request(message)
        records = self._portal.objects[found.kind]
        known = [one for one in add if records.live(one)]
        body = {
            "recordsIdsAdded": found.put(known, self._portal.now()),  # HubSpot spells it so
            "recordIdsRemoved": found.drop(remove),
            "recordIdsMissing": [one for one in add if one not in known],
        }
        return json_answer(body)

    def _missing(self, request: Request) -> Answer:
        return self._portal.say.not_found(f"List does not exist with ID {request.parts['id']}.")

    # -- consent ----------------------------------------------------------------------------------------------------

    def status(self, request: Request) -> Answer:
        """GET /communication-preferences/v3/status/email/{email}."""
        email = request.parts["email"].lower()
        shown = [
            {
                "id": number,
                "name": name,
                "description": name,
                "status": "NOT_SUBSCRIBED" if self._refused(email, number) else "SUBSCRIBED",
                "sourceOfStatus": "SUBSCRIPTION_STATUS",
                "preferenceGroupName": None,
                "legalBasis": None,
                "legalBasisExplanation": None,
            }
            for number, name in SUBSCRIPTIONS.items()
        ]
        return json_answer({"recipient": email, "subscriptionStatuses": shown})

    def statuses(self, request: Request) -> Answer:
        """GET /communication-preferences/v4/statuses/{email}, and the dated form."""
        email, now = request.parts["email"].lower(), self._portal.now()
        shown = [
            {
                "subscriberIdString": email,
                "channel": "EMAIL",
                "subscriptionId": int(number),
                "subscriptionName": name,
                "status": "UNSUBSCRIBED" if self._refused(email, number) else "SUBSCRIBED",
                "source": "API",
                "legalBasis": "NON_GDPR",
                "legalBasisExplanation": "",
                "setStatusSuccessReason": "NO_STATUS_CHANGE",
                "businessUnitId": 0,
                "timestamp": now,
            }
            for number, name in SUBSCRIPTIONS.items()
        ]
        return json_answer({"status": "COMPLETE", "results": shown, "startedAt": now, "completedAt": now})

    def _refused(self, email: str, number: str) -> bool:
        refused = self._portal.unsubscribed.get(email, set())
        return number in refused or "all" in refused

"""What the portal says about itself: properties, groups, pipelines, owners, the account, what is left of the quota."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from recyclekit.testing.sandbox.hubspot.bodies import body_of, inputs_of, kind_of, number, rows
from recyclekit.testing.sandbox.hubspot.definitions import MAXIMUM_UNIQUE, Definitions
from recyclekit.testing.sandbox.hubspot.owners import Owner
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.hubspot.records import iso
from recyclekit.testing.sandbox.limits import DailyQuota
from recyclekit.testing.sandbox.wire import Answer, Request, json_answer

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_TYPES = {
    "string": {"text", "textarea", "html", "phonenumber"},
    "number": {"number"},
    "date": {"date"},
    "datetime": {"date"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox"},
    "bool": {"booleancheckbox"},
}


class Describing:
    """The endpoints on properties, pipelines, owners and the account."""

    def __init__(self, portal: Portal, quota: Callable[[], DailyQuota | None], timezone: str) -> None:
        self._portal, self._quota, self._timezone = portal, quota, timezone

    # -- properties -------------------------------------------------------------------------------------------------

    def properties(self, request: Request) -> Answer:
        """GET /properties/{type}."""
        known = self._definitions(request)
        archived = request.first("archived") == "true"
        shown = [one.shown() for one in known.values() if not one.forbidden and not archived]
        return json_answer({"results": shown})

    def property(self, request: Request) -> Answer:
        """GET /properties/{type}/{name}."""
        known, name = self._definitions(request), request.parts["name"]
        found = known.open(name)
        return json_answer(found.shown()) if found else self._portal.say.not_found(f'Property "{name}" does not exist')

    def create_property(self, request: Request) -> Answer:
        """POST /properties/{type}."""
        known = self._definitions(request)
        given = body_of(request)
        refused = self._refused(known, given)
        return refused or json_answer(_define(known, given), 201)

    def create_properties(self, request: Request) -> Answer:
        """POST /properties/{type}/batch/create: all of them or none."""
        known = self._definitions(request)
        inputs = inputs_of(body_of(request))
        refused = next((answer for given in inputs if (answer := self._refused(known, given))), None)
        if refused:
            return refused
        now = self._portal.now()
        made = [_define(known, given) for given in inputs]
        return json_answer({"status": "COMPLETE", "results": made, "startedAt": now, "completedAt": now}, 201)

    def groups(self, request: Request) -> Answer:
        """GET /properties/{type}/groups."""
        known = self._definitions(request)
        return json_answer({"results": [_group(name, label) for name, label in known.groups.items()]})

    def create_group(self, request: Request) -> Answer:
        """POST /properties/{type}/groups."""
        known = self._definitions(request)
        given = body_of(request)
        name = str(given.get("name") or "")
        if not _NAME.fullmatch(name):
            return self._portal.say.bad_request(f"'{name}' is no name for a group.")
        if name in known.groups:
            return self._portal.say.conflict(f"A property group named '{name}' already exists.")
        known.groups[name] = str(given.get("label") or name)
        return json_answer(_group(name, known.groups[name]), 201)

    def _definitions(self, request: Request) -> Definitions:
        return self._portal.definitions[kind_of(request).name]

    def _refused(self, known: Definitions, given: Mapping[str, Any]) -> Answer | None:
        if str(given.get("name")) in known:
            return self._portal.say.conflict(f"A property named '{given['name']}' already exists.")
        wrong = next(_wrong(known, given), None)
        return self._portal.say.bad_request(wrong) if wrong else None

    # -- pipelines, owners, account -----------------------------------------------------------------------------------

    def pipelines(self, request: Request) -> Answer:
        """GET /pipelines/{type}."""
        every = self._portal.pipelines.values() if kind_of(request).name == "deals" else ()
        return json_answer({"results": [pipeline.shown(place) for place, pipeline in enumerate(every)]})

    def pipeline(self, request: Request) -> Answer:
        """GET /pipelines/{type}/{id}."""
        found = self._portal.pipelines.get(request.parts["id"])
        return json_answer(found.shown(0)) if found else self._portal.say.not_found()

    def stages(self, request: Request) -> Answer:
        """GET /pipelines/{type}/{id}/stages."""
        found = self._portal.pipelines.get(request.parts["id"])
        return json_answer({"results": found.shown(0)["stages"]}) if found else self._portal.say.not_found()

    def owners(self, request: Request) -> Answer:
        """GET /owners: of those who left only with archived=true."""
        archived, email = request.first("archived") == "true", request.first("email")
        limit, after = (number(request.first(name), name, usual) for name, usual in (("limit", 100), ("after", 0)))
        every = [
            owner
            for owner in sorted(self._portal.owners.values(), key=lambda one: int(one.id))
            if owner.archived is archived and email in ("", owner.email) and int(owner.id) >= after
        ]
        body: dict[str, Any] = {"results": [owner.shown() for owner in every[:limit]]}
        if len(every) > limit:
            body["paging"] = {"next": {"after": every[limit].id, "link": f"?after={every[limit].id}"}}
        return json_answer(body)

    def owner(self, request: Request) -> Answer:
        """GET /owners/{id}, by owner id or, with idProperty=userId, by user id."""
        owner_id, by_user = request.parts["id"], request.first("idProperty") == "userId"
        found = next((one for one in self._portal.owners.values() if _is(one, owner_id, by_user=by_user)), None)
        if found is None or found.archived is not (request.first("archived") == "true"):
            return self._portal.say.not_found()
        return json_answer(found.shown())

    def account(self, _request: Request) -> Answer:
        """GET /account-info/v3/details: the time zone in which the day of the quota ends."""
        now = self._portal.clock()
        return json_answer(
            {
                "portalId": self._portal.number,
                "accountType": "STANDARD",
                "timeZone": self._timezone,
                "companyCurrency": "JPY",
                "additionalCurrencies": ["USD", "EUR"],
                "utcOffset": f"{now:%z}" or "+00:00",
                "utcOffsetMilliseconds": 0,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )

    def usage(self, _request: Request) -> Answer:
        """GET /account-info/v3/api-usage/daily/private-apps."""
        quota = self._quota()
        if quota is None:
            return json_answer({"results": []})
        usage = {
            "name": "private-apps-api-calls-daily",
            "usageLimit": quota.limit,
            "currentUsage": quota.used,
            "collectedAt": self._portal.now(),
            "fetchStatus": "SUCCESS",
            "resetsAt": iso(quota.renewed_at(self._portal.clock())),
        }
        return json_answer({"results": [usage]})


def _is(owner: Owner, owner_id: str, *, by_user: bool) -> bool:
    return (str(owner.user_id) if by_user else owner.id) == owner_id


def _group(name: str, label: str) -> dict[str, Any]:
    return {"archived": False, "name": name, "displayOrder": -1, "label": label}


def _wrong(known: Definitions, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what keeps a property from being made."""
    name, kind, group = str(given.get("name") or ""), str(given.get("type")), given.get("groupName")
    if not _NAME.fullmatch(name):
        yield f"'{name}' is no name: lower-case letters, digits and underscores, a letter first."
    if str(group) not in known.groups:
        yield f"The property group '{group}' does not exist."
    if str(given.get("fieldType")) not in _TYPES.get(kind, ()):
        yield f"fieldType {given.get('fieldType')} does not go with type {kind}."
    if not given.get("label"):
        yield "Some required fields were not set: [label]"
    if given.get("hasUniqueValue") and len(known.unique) >= MAXIMUM_UNIQUE:
        yield f"An object type has at most {MAXIMUM_UNIQUE} unique properties."


def _define(known: Definitions, given: Mapping[str, Any]) -> dict[str, Any]:
    made = known.define(
        str(given["name"]),
        group=str(given["groupName"]),
        label=str(given["label"]),
        type=str(given["type"]),
        field_type=str(given["fieldType"]),
        options={
            str(option.get("value")): str(option.get("label")) for option in rows(given.get("options"), "options")
        },
        unique=bool(given.get("hasUniqueValue")),
        description=str(given.get("description") or ""),
    )
    return made.shown()

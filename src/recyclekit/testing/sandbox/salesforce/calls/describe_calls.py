"""What there is: API versions, limits, objects and their fields, who one is, and what changed or was deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recyclekit.testing.sandbox.routing import Router
from recyclekit.testing.sandbox.salesforce.calls.routes import Host, Routes, answer, base
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError, not_found
from recyclekit.testing.sandbox.salesforce.store import Record
from recyclekit.testing.sandbox.salesforce.values import instant, moment_of
from recyclekit.testing.sandbox.wire import Answer, Request

OLDEST, NEWEST = 41, 68
_SEASONS = ("Winter", "Spring", "Summer")
_MOST_RECORDS_LISTED = 200


class DescribeCalls:
    """The calls that read metadata. `limits` gives name → (maximum, remaining), `identity` the address of the user."""

    def __init__(
        self, host: Host, limits: Callable[[], dict[str, tuple[int, int]]], identity: Callable[[], str]
    ) -> None:
        self._host, self._limits, self._identity = host, limits, identity

    def routes(self, routes: Routes, router: Router) -> None:
        """Add the calls."""
        router.add(
            "GET", "/services/data", lambda _: answer([_version(number) for number in range(OLDEST, NEWEST + 1)])
        )
        routes.add("GET", "", self._resources)
        routes.add("GET", "/limits", self._read_limits)
        for suffix in ("", "/tooling"):
            routes.add("GET", f"{suffix}/sobjects", self._all)
            routes.add("GET", f"{suffix}/sobjects/{{type}}", self._brief)
            routes.add("GET", f"{suffix}/sobjects/{{type}}/describe", self._describe)
        routes.add("GET", "/sobjects/{type}/updated", self._updated)
        routes.add("GET", "/sobjects/{type}/deleted", self._deleted)

    def _resources(self, request: Request) -> Answer:
        names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs", "tooling")
        return answer({**{name: f"{base(request)}/{name}" for name in names}, "identity": self._identity()})

    def _read_limits(self, _: Request) -> Answer:
        return answer({name: {"Max": most, "Remaining": left} for name, (most, left) in self._limits().items()})

    def _all(self, request: Request) -> Answer:
        types = self._host.org.types(tooling=_tooling(request))
        briefs = [type_.brief(base(request)) for type_ in types]
        return answer({"encoding": "UTF-8", "maxBatchSize": _MOST_RECORDS_LISTED, "sobjects": briefs})

    def _brief(self, request: Request) -> Answer:
        return answer({"objectDescribe": self._type(request).brief(base(request)), "recentItems": []})

    def _describe(self, request: Request) -> Answer:
        org, type_ = self._host.org, self._type(request)
        children: list[dict[str, Any]] = [
            {
                "cascadeDelete": field.required,
                "childSObject": child.name,
                "deprecatedAndHidden": False,
                "field": field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": field.children,
                "restrictedDelete": False,
            }
            for child in org.types()
            for field in child
            if type_.name in field.refers_to
        ]
        return answer(type_.describe(base(request), fields=org.fields(type_), children=children))

    def _type(self, request: Request) -> ObjectType:
        type_ = self._host.org.type(request.parts["type"], code="NOT_FOUND")
        if type_.tooling != _tooling(request):
            raise not_found()
        return type_

    # -- what changed -----------------------------------------------------------------------------------------------

    def _updated(self, request: Request) -> Answer:
        records, until = self._between(request)
        return answer({"ids": [record.id for record in records if not record.deleted], "latestDateCovered": until})

    def _deleted(self, request: Request) -> Answer:
        records, until = self._between(request)
        rows: list[dict[str, Any]] = [
            {"id": record.id, "deletedDate": record.get("SystemModstamp")} for record in records if record.deleted
        ]
        earliest = min((row["deletedDate"] for row in rows), default=until)
        return answer({"deletedRecords": rows, "earliestDateAvailable": earliest, "latestDateCovered": until})

    def _between(self, request: Request) -> tuple[list[Record], str]:
        type_ = self._type(request)
        try:
            # a plus sign in a query string means a blank, unless it was written as %2B
            start, end = (instant(moment_of(request.first(name).replace(" ", "+"))) for name in ("start", "end"))
        except ValueError:
            raise RequestRefusedError("INVALID_REPLICATION_DATE", "start and end are dates with times") from None
        records = self._host.org.store.by_time(type_.name)
        return [record for record in records if start <= record.get("SystemModstamp") < end], end


def _tooling(request: Request) -> bool:
    return "/tooling/" in request.path


def _version(number: int) -> dict[str, str]:
    years, season = divmod(number - OLDEST, 3)  # v41 was Winter '18
    label = f"{_SEASONS[season]} '{18 + years}"
    return {"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"}

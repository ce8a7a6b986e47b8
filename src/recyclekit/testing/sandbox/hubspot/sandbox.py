"""The sandbox itself: one HubSpot account behind a loopback port, with HubSpot's limits and ways to hurt it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from recyclekit.testing.sandbox.crm import SandboxCrm
from recyclekit.testing.sandbox.faults import Fault, FaultKind
from recyclekit.testing.sandbox.hubspot import routes
from recyclekit.testing.sandbox.hubspot.describing import Describing
from recyclekit.testing.sandbox.hubspot.enrolling import FIRST_LIST, Enrolling
from recyclekit.testing.sandbox.hubspot.linking import PAGE, Linking
from recyclekit.testing.sandbox.hubspot.lists import MemberList
from recyclekit.testing.sandbox.hubspot.loading import Loader, Rows
from recyclekit.testing.sandbox.hubspot.own_fields import define_own_fields
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.hubspot.reading import Reading
from recyclekit.testing.sandbox.hubspot.records import API, PERSON, Origin, Record, Records
from recyclekit.testing.sandbox.hubspot.said import edge
from recyclekit.testing.sandbox.hubspot.searching import Searching
from recyclekit.testing.sandbox.hubspot.sign_in import Grant, SignIn
from recyclekit.testing.sandbox.hubspot.writing import Writing
from recyclekit.testing.sandbox.limits import DailyQuota, RollingLimit
from recyclekit.testing.sandbox.loaded import Loaded
from recyclekit.testing.sandbox.wire import Answer, Request

BURST, OAUTH_BURST, WINDOW = 190, 110, 10
SEARCHES, SEARCH_WINDOW = 5, 1
DAILY = 625_000
_EDGE_TITLES = {502: "502 Bad Gateway", 530: "Error 1016: Origin DNS error"}


class HubSpotSandbox(SandboxCrm):
    """A HubSpot account that runs here.

    Args:
        seed, clock, port, latency: see SandboxCrm.
        tls: speaks https; `ca_file` is whom to trust.
        burst: calls in ten seconds; None for no limit.
        searches: search calls in a second; None for no limit.
        daily: calls a day; None for no quota.
        opaque_cursors: list cursors are tokens, so that a list cannot be read in ranges of ids.
        association_page: how many associations of one record a batch read answers at once.
        activity_bumps: logging an activity also moves the deal's modified date.
        own_fields: the properties that recyclekit writes are there already; else `recyclekit check --fix` makes them.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Callable[[], datetime] | None = None,
        port: int = 0,
        latency: float = 0.0,
        tls: bool = False,
        burst: int | None = BURST,
        searches: int | None = SEARCHES,
        daily: int | None = DAILY,
        timezone: str = "Asia/Tokyo",
        opaque_cursors: bool = False,
        association_page: int = PAGE,
        activity_bumps: bool = False,
        own_fields: bool = True,
    ) -> None:
        super().__init__(seed=seed, clock=clock, port=port, latency=latency, tls=tls)
        self.portal = Portal(self.clock, seed, activity_bumps=activity_bumps)
        self.sign_in = SignIn(self.clock, seed, self.portal.say)
        self.quota = None if daily is None else DailyQuota(daily, ZoneInfo(timezone))
        self._burst = None if burst is None else RollingLimit(burst, WINDOW)
        self._oauth_burst = None if burst is None else RollingLimit(OAUTH_BURST, WINDOW)
        self._searches = None if searches is None else RollingLimit(searches, SEARCH_WINDOW)
        if own_fields:
            define_own_fields(self.portal)
        self._add_routes(timezone, opaque=opaque_cursors, association_page=association_page)

    def _add_routes(self, timezone: str, *, opaque: bool, association_page: int) -> None:
        portal = self.portal
        for method, pattern, handler in chain(
            routes.of_sign_in(self.sign_in),
            routes.of_objects(Reading(portal, opaque=opaque), Writing(portal, self.faults), Searching(portal)),
            routes.of_associations(Linking(portal, page=association_page)),
            routes.of_the_portal(Describing(portal, lambda: self.quota, timezone)),
            routes.of_lists_and_consent(Enrolling(portal)),
        ):
            self.router.add(method, pattern, handler)

    # -- what is in it, for tests to look at and to change ---------------------------------------------------------

    @property
    def token(self) -> str:  # type: ignore[override]  # here it is worked out, and may be rotated
        """The static token of the private app."""
        return self.sign_in.token

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of a project file that signs in here with the static token."""
        trust = {"ca_file": str(self.ca_file)} if self.ca_file else {}
        return {"token": self.token, "url": self.url, **trust}

    @property
    def oauth(self) -> Grant:
        """The OAuth app: client id, client secret, refresh token."""
        return self.sign_in.grant

    @property
    def objects(self) -> Mapping[str, Records]:
        """The records by type and id: `objects["deals"]["123"].properties`."""
        return self.portal.objects

    def create(self, kind: str, properties: Mapping[str, str | None], *, origin: Origin = PERSON) -> Record:
        """Make a record as a person does in the browser.

        Raises:
            ValueError: HubSpot would refuse it.
        """
        with self.lock:
            checked = self.portal.check(kind, properties)
            if not checked.fine:
                raise ValueError(checked.conflict or "; ".join(problem.message for problem in checked.problems))
            return self.portal.create(kind, checked.values, origin=origin)

    def edit(self, kind: str, record_id: str, properties: Mapping[str, str | None], *, origin: Origin = PERSON) -> None:
        """Change a record as a person does in the browser: with history and a new modified date. No check is made."""
        with self.lock:
            self.portal.write(kind, self.portal.objects[kind][record_id], properties, origin=origin)

    def bulk_edit(self, kind: str, properties: Mapping[str, str | None]) -> None:
        """Change every record of a type at one moment: more than 10,000 then share one modified date."""
        with self.lock:
            for record in self.portal.objects[kind].values():
                self.portal.write(kind, record, properties, origin=PERSON)

    def archive(self, kind: str, record_id: str) -> None:
        """Put a record into the bin."""
        with self.lock:
            self.portal.archive(kind, self.portal.objects[kind][record_id])

    def merge(self, kind: str, kept: str, gone: str) -> None:
        """Merge a record into another, as a person does with duplicates."""
        with self.lock:
            records = self.portal.objects[kind]
            self.portal.merge(kind, records[kept], records[gone])

    def link(self, kind: str, record_id: str, to: str, to_id: str, *, label: str | None = None) -> None:
        """Associate two records, with a label that `add_label` made or without one."""
        with self.lock:
            types = [one for one in self.portal.links.kinds(kind, to) if label and one.label == label]
            self.portal.link(kind, record_id, to, to_id, types)

    def add_label(self, kind: str, to: str, label: str) -> int:
        """Make a label for associations between two types; return its number."""
        with self.lock:
            return self.portal.links.define(kind, to, label).number

    def add_owner(self, name: str, *, archived: bool = False) -> str:
        """Let a person own records; return the owner id. An archived one has left."""
        with self.lock:
            return self.portal.add_owner(name, archived=archived).id

    def add_list(self, name: str, *, kind: str = "contacts", processing: str = "MANUAL") -> str:
        """Make a list; return its id."""
        with self.lock:
            made = MemberList(str(FIRST_LIST + len(self.portal.lists)), name, kind, processing, self.portal.now())
            self.portal.lists[made.id] = made
            return made.id

    def unsubscribe(self, email: str, subscription: str = "all") -> None:
        """Let a person say that they do not want to be written to."""
        with self.lock:
            self.portal.unsubscribed.setdefault(email.lower(), set()).add(subscription)
            contact = self.portal.by_unique("contacts", "email", email)
            if contact and subscription == "all":
                self.portal.write("contacts", contact, {"hs_email_optout": "true"}, origin=API)

    def define_own_fields(self) -> None:
        """Make the properties that recyclekit writes, as `recyclekit check --fix` does."""
        with self.lock:
            define_own_fields(self.portal)

    def load(
        self,
        *,
        deals: Rows = (),
        contacts: Rows = (),
        accounts: Rows = (),
        activities: Rows = (),
        signals: Rows = (),
        history: Rows = (),
    ) -> Loaded:
        """Put records in, given with recyclekit's own column names, as frames or dicts; return the ids they got.

        Owners, pipelines and stages that the rows name are made; columns that HubSpot has no property for become
        properties of that name.
        """
        with self.lock:
            return Loader(self.portal).load(
                deals=deals,
                contacts=contacts,
                accounts=accounts,
                activities=activities,
                signals=signals,
                history=history,
            )

    # -- what HubSpot says -----------------------------------------------------------------------------------------

    def refuse(self, request: Request) -> Answer | None:
        if request.path in routes.TOKEN_PATHS:
            return None
        refused = self.sign_in.refuse(request)
        return refused or self._over_limit(request)

    def _over_limit(self, request: Request) -> Answer | None:
        now, oauth = self.clock(), self.sign_in.by_oauth(request)
        if _is_search(request):
            if self._searches and not self._searches.take(now):
                return self.portal.say.too_many("SECONDLY")
        else:
            burst = self._oauth_burst if oauth else self._burst
            if burst and not burst.take(now):
                return self.portal.say.too_many("TEN_SECONDLY_ROLLING")
        if self.quota and not oauth and not self.quota.take(now):
            return self.portal.say.too_many("DAILY")
        return None

    def refusal(self, request: Request, fault: Fault) -> Answer:
        if fault.kind is FaultKind.DAILY_QUOTA:
            if self.quota:
                self.quota.used = self.quota.limit
            return self.portal.say.too_many("DAILY", fault.retry_after, fault.message)
        status = fault.status
        if status == 429:
            usual = "SECONDLY" if _is_search(request) else "TEN_SECONDLY_ROLLING"
            return self.portal.say.too_many(fault.policy or usual, fault.retry_after, fault.message)
        if status in {502, 521, 522, 523, 524, 530}:
            answer = edge(status, fault.message or _EDGE_TITLES.get(status, f"Error {status}"))
        elif status == 409:
            answer = self.portal.say.conflict(fault.message or "Contact already exists. Existing ID: 1")
        else:
            category = fault.code or ("VALIDATION_ERROR" if status == 400 else "INTERNAL_ERROR")
            answer = self.portal.say.error(status, category, fault.message or "There was a problem.")
        wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return answer.with_headers(wait)

    def unknown(self, request: Request) -> Answer:
        return edge(404, f"404 Not Found: {request.path}")

    def nonsense(self, request: Request, message: str) -> Answer:  # noqa: ARG002  # it is the same everywhere
        return self.portal.say.bad_request(message)

    def expire_tokens(self) -> None:
        self.sign_in.expire()

    def fall_behind(self, seconds: float) -> None:
        """Let the search index lag by so much from now on; 0 lets it catch up."""
        for index in self.portal.indexes.values():
            index.lag(seconds)

    def finish(self, request: Request, answer: Answer) -> Answer:
        headers: dict[str, Any] = {"X-HubSpot-Correlation-Id": self.portal.say.correlation()}
        oauth = self.sign_in.by_oauth(request)
        burst = self._oauth_burst if oauth else self._burst
        if burst and not _is_search(request) and request.path not in routes.TOKEN_PATHS:
            headers["X-HubSpot-RateLimit-Max"] = str(burst.limit)
            headers["X-HubSpot-RateLimit-Remaining"] = str(burst.left(self.clock()))
            headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = str(WINDOW * 1000)
            if self.quota and not oauth:
                headers["X-HubSpot-RateLimit-Daily"] = str(self.quota.limit)
                headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(self.quota.left(self.clock()))
        return answer.with_headers(headers)


def _is_search(request: Request) -> bool:
    return request.path.startswith("/crm/") and request.path.endswith("/search") and "/objects/" in request.path

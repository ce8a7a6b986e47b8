"""The Salesforce sandbox: one org behind the vendor's REST, Bulk 2.0, Tooling and OAuth endpoints, over https."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from random import Random
from typing import Any

from recyclekit.testing.sandbox.crm import SandboxCrm
from recyclekit.testing.sandbox.faults import Fault, FaultKind
from recyclekit.testing.sandbox.limits import RollingLimit
from recyclekit.testing.sandbox.loaded import Loaded
from recyclekit.testing.sandbox.salesforce import writing
from recyclekit.testing.sandbox.salesforce.calls.bulk_ingest_calls import BulkIngestCalls
from recyclekit.testing.sandbox.salesforce.calls.bulk_query_calls import BulkQueryCalls
from recyclekit.testing.sandbox.salesforce.calls.collection_calls import CollectionCalls
from recyclekit.testing.sandbox.salesforce.calls.composite_calls import CompositeCalls
from recyclekit.testing.sandbox.salesforce.calls.describe_calls import NEWEST, OLDEST, DescribeCalls
from recyclekit.testing.sandbox.salesforce.calls.jobs import Jobs
from recyclekit.testing.sandbox.salesforce.calls.oauth_calls import OAuthCalls
from recyclekit.testing.sandbox.salesforce.calls.query_calls import Pages, QueryCalls
from recyclekit.testing.sandbox.salesforce.calls.record_calls import RecordCalls
from recyclekit.testing.sandbox.salesforce.calls.routes import Routes
from recyclekit.testing.sandbox.salesforce.calls.tooling_calls import ToolingCalls
from recyclekit.testing.sandbox.salesforce.custom import add_own_fields, add_sales_fields
from recyclekit.testing.sandbox.salesforce.front import Front
from recyclekit.testing.sandbox.salesforce.loading import Rows, load
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.refusals import RowRefusedError
from recyclekit.testing.sandbox.salesforce.sessions import Sessions
from recyclekit.testing.sandbox.salesforce.store import Record
from recyclekit.testing.sandbox.wire import Answer, Request

DAY = 86_400
DAILY_CALLS = 100_000
VERSION = "67.0"
_LOCKED = (
    "UNABLE_TO_LOCK_ROW",
    "unable to obtain exclusive access to this record or 1 records",
)


class SalesforceSandbox(SandboxCrm):
    """A Salesforce org in this process.

    Args:
        seed: of its tokens, its short pages and the faults with a probability.
        clock: what the org takes for the time.
        port: 0 takes a free one.
        latency: real seconds that each answer takes. For benchmarks only.
        timezone: of the integration's user; date literals such as TODAY mean it.
        own_fields: whether the fields of recyclekit are there already, or must be made through the Tooling API.
        soap_login: whether the old login with user and password is allowed.
        compress: answer with gzip where the client takes it.

    Attributes:
        org: the state: records, fields, users, hidden and locked fields, validation rules.
        pages: how query answers are cut, and `pages.expire()` for the locators.
        quota: calls of 24 hours; set `quota.limit` to spend it.
        sessions: credentials of the app and its user, and the living tokens; `seconds` is how long an unused one lives.
        query_jobs, ingest_jobs: the bulk jobs; `polls_needed` says how long they take.
        bulk_query: `largest_page` cuts bulk results.
        tooling: `may` says whether the user may make fields.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Callable[[], datetime] | None = None,
        port: int = 0,
        latency: float = 0.0,
        timezone: str = "UTC",
        own_fields: bool = True,
        soap_login: bool = False,
        compress: bool = False,
    ) -> None:
        super().__init__(seed=seed, clock=clock, port=port, latency=latency, tls=True)
        self.org = Org(self.clock, timezone)
        add_sales_fields(self.org)
        if own_fields:
            add_own_fields(self.org)
        self.soap_login = soap_login
        self.quota = RollingLimit(DAILY_CALLS, DAY)
        self.sessions = Sessions(seed, self.clock, self.org.organization, "recyclekit@example.com")
        self.pages = Pages(chance=Random(f"{seed}/pages"))  # noqa: S311  # chance that can be repeated, no secret
        self.query_jobs, self.ingest_jobs = Jobs(self.org, "750"), Jobs(self.org, "750")
        self.bulk_query = BulkQueryCalls(self, self.query_jobs)
        self.tooling = ToolingCalls(self)
        self._front = Front(self.sessions, self.quota, self.clock, compress=compress)
        self._add_routes()

    def _add_routes(self) -> None:
        routes = Routes(self.router)
        OAuthCalls(self).routes(self.router)
        self.tooling.routes(routes)
        DescribeCalls(self, self._limits, self.identity).routes(routes, self.router)
        QueryCalls(self, self.pages).routes(routes)
        CompositeCalls(self).routes(routes)
        CollectionCalls(self).routes(routes)
        self.bulk_query.routes(routes)
        BulkIngestCalls(self, self.ingest_jobs).routes(routes)
        RecordCalls(self).routes(routes)

    # -- what a client needs ----------------------------------------------------------------------------------------

    @property
    def token(self) -> str:  # type: ignore[override]  # another one after each sign-in
        """The token that was handed out last."""
        return self.sessions.newest

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of a project file that signs in here by client credentials."""
        return {
            "domain": self.url,
            "client_id": self.sessions.consumer_key,
            "client_secret": self.sessions.consumer_secret,
            "version": VERSION,
            "ca_file": str(self.ca_file),
        }

    def identity(self) -> str:
        """Return the address at which the integration's user is described."""
        return f"{self.url}/id/{self.org.organization}/{self.org.robot}"

    # -- what a test does -------------------------------------------------------------------------------------------

    @property
    def objects(self) -> Mapping[str, Mapping[str, Record]]:
        """The records by object and id. Look at them; change them through `edit`."""
        return self.org.store.records

    def load(
        self, *, deals: Rows = (), contacts: Rows = (), accounts: Rows = (), activities: Rows = (), signals: Rows = ()
    ) -> Loaded:
        """Put data in the shape of the canonical tables into the org; returns their ids here.

        Args:
            deals: as DealSchema, dicts or a frame; other tables likewise. Columns that are absent stay empty.
            contacts: as ContactSchema.
            accounts: as AccountSchema.
            activities: as ActivitySchema.
            signals: as SignalSchema; the org has no place for them, so they are counted only.
        """
        with self.lock:
            return load(
                self.org, deals=deals, contacts=contacts, accounts=accounts, activities=activities, signals=signals
            )

    def create(self, type_name: str, **values: Any) -> str:
        """Add a record as a person would, with every check; returns its id."""
        with self.lock:
            return writing.create(self.org, self.org.type(type_name), values, by=self.org.person).id

    def edit(self, type_name: str, record_id: str, **values: Any) -> None:
        """Change a record behind the client's back, as a person would: LastModifiedDate and LastModifiedById tell."""
        with self.lock:
            found = writing.located(self.org, self.org.type(type_name), record_id)
            writing.change(self.org, found, values, by=self.org.person)

    def delete(self, type_name: str, record_id: str) -> None:
        """Delete a record behind the client's back."""
        with self.lock:
            writing.delete(self.org, writing.located(self.org, self.org.type(type_name), record_id))

    def touch(self, type_name: str, record_id: str, **values: Any) -> None:
        """Let the system itself write: SystemModstamp moves, LastModifiedDate does not. Nothing is checked."""
        with self.lock:
            found = self.org.store.records[type_name][record_id]
            self.org.store.change(found, {**values, "SystemModstamp": self.org.now()})

    def hide(self, type_name: str, *fields: str) -> None:
        """Take the integration's user the right to see fields."""
        self.org.hidden.update((type_name, field) for field in fields)

    def lock_fields(self, type_name: str, *fields: str) -> None:
        """Take the integration's user the right to write fields."""
        self.org.locked.update((type_name, field) for field in fields)

    @contextmanager
    def validation(self, rule: Callable[[str, dict[str, Any]], tuple[str, str] | None]) -> Iterator[None]:
        """Let a validation rule hold for a while: object and values → field and message, or None."""
        self.org.validations.append(rule)
        try:
            yield
        finally:
            self.org.validations.remove(rule)

    # -- the vendor's words -----------------------------------------------------------------------------------------

    def refuse(self, request: Request) -> Answer | None:
        return self._front.refuse(request)

    def refusal(self, request: Request, fault: Fault) -> Answer:  # noqa: ARG002  # Salesforce says it alike everywhere
        return self._front.refusal(fault)

    def unknown(self, request: Request) -> Answer:  # noqa: ARG002  # and here
        return self._front.unknown()

    def finish(self, request: Request, answer: Answer) -> Answer:
        return self._front.finish(request, answer)

    def expire_tokens(self) -> None:
        """Let every token that was handed out so far be dead."""
        self.sessions.close_all()

    def fall_behind(self, seconds: float) -> None:
        """Nothing: SOQL reads the records themselves."""

    def _limits(self) -> dict[str, tuple[int, int]]:
        left = max(0, self.quota.left(self.clock()))
        return {
            "DailyApiRequests": (self.quota.limit, left),
            "DailyBulkApiBatches": (15_000, 15_000 - len(self.ingest_jobs.all)),
            "DailyBulkV2QueryJobs": (10_000, 10_000 - len(self.query_jobs.all)),
            "DailyBulkV2QueryFileStorageMB": (976_562, 976_562),
        }

    # -- faults of single rows --------------------------------------------------------------------------------------

    def row_fault(self, request: Request, *names: str) -> RowRefusedError | None:
        if not self.faults.on_records:
            return None
        fault = self.faults.strike_record(request, *names)
        if fault is None:
            return None
        if fault.kind is FaultKind.LOCK_ROW:
            return RowRefusedError(_LOCKED[0], fault.message or _LOCKED[1])
        return _refusal_of(fault)

    def rows_that_fail(self, request: Request, rows: int) -> dict[int, RowRefusedError]:
        fault = request.fault
        if fault is None or fault.kind is not FaultKind.PARTIAL:
            return {}
        chance = Random(f"{self.seed}/{len(self.journal)}")  # noqa: S311  # chance that can be repeated, no secret
        return {n: _refusal_of(fault) for n in chance.sample(range(rows), min(fault.rows, rows))}


def _refusal_of(fault: Fault) -> RowRefusedError:
    code = fault.code or "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    return RowRefusedError(code, fault.message or "refused by a rule of this org", [fault.field] if fault.field else [])


assert OLDEST <= float(VERSION) <= NEWEST

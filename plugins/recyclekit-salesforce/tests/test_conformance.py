"""The Salesforce connector passes the kit, on the sandbox org."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from typing import Any

import pytest

from recyclekit.connectors import FULL, ConnectorManifest, Level, Support
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.tables import OWN_FIELDS, Table
from recyclekit.testing import ConnectorSuite, Record, Trouble
from recyclekit.testing.proving import unproven
from recyclekit.testing.sandbox import Answer, Fault, FaultKind, Request
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.salesforce.fields import link, own, text
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.values import instant
from recyclekit_salesforce import MANIFEST
from recyclekit_salesforce.field_map import FIELDS, own_names
from recyclekit_salesforce.settings import SalesforceSettings

_NUMBERS = count(1)
_STAGES = {"won": "Closed Won", "lost": "Closed Lost", "open": "Prospecting"}
_OWN = own_names({})
_THEIRS = {**FIELDS[Table.DEALS], "lost_reason": "Loss_Reason__c", **_OWN}
_WRITES = "*/composite/sobjects*"
_QUERIES = "*/query*"


class Org(SalesforceSandbox):
    """The sandbox with a history of fields, as an org that tracks them has, and pages that turn in circles."""

    circling = False
    _page: Answer | None = None

    def track_fields(self) -> None:
        tracked = ObjectType.of(
            "OpportunityFieldHistory", "Opportunity Field History", "017",
            own(link("OpportunityId", "Opportunity")), own(text("Field")), own(text("NewValue")), read_only=True,
        )  # fmt: skip
        self.org.store.types[tracked.name] = tracked
        self.org.store.records[tracked.name] = {}
        self.org._names[tracked.name.lower()] = tracked.name

    def finish(self, request: Request, answer: Answer) -> Answer:
        answer = super().finish(request, answer)
        if not self.circling or "/query" not in request.path:
            return answer
        more = b'"done":false' in answer.body or answer.headers.get("Sforce-Locator", "null") != "null"
        if self._page is None and more:
            self._page = answer
        is_part = request.path.endswith("/results") or "/jobs/" not in request.path
        return self._page if self._page and is_part else answer


class SalesforceBench:
    """Records through the sandbox's own back door; what stands there from its state."""

    page_size, track = 4, "newsletter"

    def __init__(self, crm: Org) -> None:
        self.crm = crm
        self.owner = crm.org.person
        self.campaign = crm.create("Campaign", Name="Newsletter", IsActive=True)

    # -- records ---------------------------------------------------------------------------------------------------

    def seedable(self) -> Collection[Table]:
        return (Table.DEALS, Table.CONTACTS, Table.ACCOUNTS, Table.ACTIVITIES, Table.HISTORY)

    def seed(self, table: Table, records: Sequence[Record]) -> Sequence[str]:
        if table is Table.HISTORY:
            return [self._change(record) for record in records]
        id_name = {Table.DEALS: "deal_id", Table.CONTACTS: "contact_id", Table.ACCOUNTS: "account_id"}.get(
            table, "activity_id"
        )
        named = [{**record, id_name: f"k{next(_NUMBERS)}"} for record in records]
        loaded = self.crm.load(**{str(table): named})
        made: Mapping[str, str] = getattr(loaded, str(table))
        return [made[str(row[id_name])] for row in named]

    def _change(self, record: Record) -> str:
        at = record["at"]
        assert isinstance(at, datetime)
        field = _THEIRS[str(record["field"])]
        made = self.crm.org.put(
            "OpportunityFieldHistory", OpportunityId=record["deal_id"], Field=field, NewValue=record["value"],
            CreatedDate=instant(at),
        )  # fmt: skip
        return made.id

    def edit(self, deal_id: str, values: Record) -> None:
        renamed = {_THEIRS[name]: _plain(value) for name, value in values.items() if name in _THEIRS}
        if "crm_state" in values:
            renamed["StageName"] = _STAGES[str(values["crm_state"])]
        self.crm.edit("Opportunity", deal_id, **renamed)

    def delete(self, deal_id: str) -> None:
        self.crm.delete("Opportunity", deal_id)

    def finish(self, deal_id: str, key: str) -> None:
        (task,) = [one for one in self._tasks(deal_id) if one.get("Recycle_Key__c") == key]
        self.crm.edit("Task", task.id, Status="Completed")

    def opt_out(self, contact_id: str) -> None:
        self.crm.edit("Contact", contact_id, HasOptedOutOfEmail=True)

    # -- what stands there -----------------------------------------------------------------------------------------

    def fields(self, deal_id: str) -> Mapping[str, str | None]:
        deal = self.crm.objects["Opportunity"][deal_id]
        return {name: _text(deal.get(_OWN[name])) for name in OWN_FIELDS}

    def tasks(self, deal_id: str) -> Sequence[str]:
        return [key for one in self._tasks(deal_id) if (key := one.get("Recycle_Key__c"))]

    def _tasks(self, deal_id: str) -> list[Any]:
        return [one for one in self.crm.org.store.living("Task") if one.get("WhatId") == deal_id]

    def task(self, deal_id: str, key: str) -> Record:
        (one,) = [one for one in self._tasks(deal_id) if one.get("Recycle_Key__c") == key]
        return {"due_on": date.fromisoformat(str(one.get("ActivityDate"))), "owner": one.get("OwnerId")}

    def enrolments(self, deal_id: str) -> int:
        roles = self.crm.org.store.living("OpportunityContactRole")
        people = {one.get("ContactId") for one in roles if one.get("OpportunityId") == deal_id}
        return sum(one.get("ContactId") in people for one in self.crm.org.store.living("CampaignMember"))

    def calls(self) -> int:
        return len(self.crm.journal)

    # -- trouble ---------------------------------------------------------------------------------------------------

    def troubles(self) -> Mapping[Trouble, Support]:
        whole = Support(Level.NEVER, "A page is one JSON text: it can be read, or it cannot.")
        return {**dict.fromkeys(Trouble, FULL), Trouble.UNREADABLE: whole}

    def hurt(self, trouble: Trouble, *, times: int | None = 1, wait: float | None = None) -> None:
        if trouble is Trouble.CIRCLING:
            self.crm.circling = True
            return
        self.crm.faults.add(_FAULTS[trouble].model_copy(update={"times": times, "retry_after": wait}))

    def heal(self) -> None:
        self.crm.faults.clear()
        self.crm.circling = False

    def refused(self, action: Action) -> Action:
        if action.kind is ActionKind.ENROL:
            return replace(action, payload={**action.payload, "list": "nowhere", "track": "nowhere"})
        too_long = "recycle_track" if action.kind is ActionKind.SET_FIELDS else "due_on"
        return replace(action, payload={**action.payload, too_long: "x" * 300})

    def lack(self) -> str:
        self.crm.org.type("Opportunity").fields.pop("recycle_track__c")
        return "Recycle_Track__c"


_FAULTS = {
    Trouble.THROTTLED: Fault(kind=FaultKind.STATUS, status=503, path="/services/data/*"),
    Trouble.QUOTA: Fault(kind=FaultKind.DAILY_QUOTA, path="/services/data/*"),
    Trouble.DOWN: Fault(kind=FaultKind.STATUS, status=503, path="/services/data/*"),
    Trouble.SIGNED_OUT: Fault(kind=FaultKind.STATUS, status=401, path="/services/data/*"),
    Trouble.FORBIDDEN: Fault(
        kind=FaultKind.STATUS, status=403, path="/services/data/*", code="API_DISABLED_FOR_ORG",
        message="API is not enabled for this Organization or Partner",
    ),
    Trouble.CUT_OFF: Fault(kind=FaultKind.CUT_OFF, method="GET", path=_QUERIES),
    Trouble.LOST_ANSWER: Fault(kind=FaultKind.LOST_ANSWER, path=_WRITES),
    Trouble.LYING: Fault(kind=FaultKind.LYING_200, path=_WRITES),
}  # fmt: skip


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


class TestSalesforce(ConnectorSuite):
    @pytest.fixture
    def manifest(self) -> ConnectorManifest[Any]:
        return MANIFEST

    @pytest.fixture
    def bench(self) -> Iterator[SalesforceBench]:
        with Org(seed=1, timezone="Asia/Tokyo") as crm:
            crm.pages.size = SalesforceBench.page_size
            crm.track_fields()
            yield SalesforceBench(crm)

    @pytest.fixture
    def config(self, bench: SalesforceBench) -> SalesforceSettings:
        return SalesforceSettings(**bench.crm.settings, campaigns={bench.track: bench.campaign}, conditional_up_to=0)

    def test_no_test_of_the_kit_is_left_out(self, manifest: ConnectorManifest[Any], bench: SalesforceBench) -> None:
        assert unproven(ConnectorSuite, manifest.capabilities, bench) == {}, "then it is not of the highest tier"


class TestSalesforceOneByOne(TestSalesforce):
    """The same, writing few fields one by one with If-Unmodified-Since."""

    @pytest.fixture
    def config(self, bench: SalesforceBench) -> SalesforceSettings:
        return SalesforceSettings(**bench.crm.settings, campaigns={bench.track: bench.campaign}, conditional_up_to=50)


class TestSalesforceInBulk(TestSalesforce):
    """The same, reading and writing through Bulk API 2.0 whatever there is."""

    @pytest.fixture
    def config(self, bench: SalesforceBench) -> SalesforceSettings:
        bench.crm.bulk_query.largest_page = bench.page_size
        campaigns = {bench.track: bench.campaign}
        return SalesforceSettings(
            **bench.crm.settings, campaigns=campaigns, conditional_up_to=0, bulk_read_from=0, bulk_write_from=1
        )

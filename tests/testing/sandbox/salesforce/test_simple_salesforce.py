"""simple-salesforce 1.12.10, unchanged, works on the sandbox: signs in, queries, writes, runs bulk jobs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from recyclekit.testing.sandbox.salesforce import SalesforceSandbox

simple_salesforce = pytest.importorskip(
    "simple_salesforce", reason="simple-salesforce comes with recyclekit-salesforce"
)
HOST = "https://acme.my.salesforce.com"
VERSION = "67.0"


class Nearby(HTTPAdapter):
    """Sends what is meant for the vendor's host to the sandbox: the library builds that host's name by itself."""

    def __init__(self, crm: SalesforceSandbox) -> None:
        super().__init__()
        self._crm = crm

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        request.url = f"{self._crm.url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().send(request, *args, **more)


@pytest.fixture
def session(crm: SalesforceSandbox) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.verify = str(crm.ca_file)
        made.mount(HOST, Nearby(crm))
        yield made


@pytest.fixture
def sf(crm: SalesforceSandbox, session: requests.Session) -> Any:
    crm.query_jobs.polls_needed = crm.ingest_jobs.polls_needed = 0
    return simple_salesforce.Salesforce(session_id=crm.token, instance_url=crm.url, session=session, version=VERSION)


@pytest.fixture
def deals(crm: SalesforceSandbox) -> list[str]:
    rows = [{"deal_id": f"D{n:02}", "amount": float(n), "lost_note": "a\nb", "contact_id": "C"} for n in range(25)]
    return list(crm.load(deals=rows, contacts=[{"contact_id": "C"}]).deals.values())


def test_it_is_the_version_that_we_studied() -> None:
    from importlib.metadata import version

    assert version("simple-salesforce") == "1.12.10"


def test_it_signs_in_by_client_credentials(crm: SalesforceSandbox, session: requests.Session) -> None:
    sessions = crm.sessions
    sf = simple_salesforce.Salesforce(
        consumer_key=sessions.consumer_key, consumer_secret=sessions.consumer_secret, domain="acme.my",
        session=session, version=VERSION,
    )  # fmt: skip
    assert sf.limits()["DailyApiRequests"]["Max"] == 100_000
    with pytest.raises(simple_salesforce.SalesforceAuthenticationFailed, match="invalid client credentials"):
        simple_salesforce.Salesforce(
            consumer_key=sessions.consumer_key, consumer_secret="x", domain="acme.my", session=session, version=VERSION
        )


def test_it_signs_in_by_jwt(session: requests.Session) -> None:
    with SalesforceSandbox(seed=4) as crm:  # on the real clock, which the library reads
        session.verify = str(crm.ca_file)
        session.mount(HOST, Nearby(crm))
        sf = simple_salesforce.Salesforce(
            username=crm.sessions.username, consumer_key=crm.sessions.consumer_key, privatekey=crm.sessions.private_key,
            instance_url="acme.my", session=session, version=VERSION,
        )  # fmt: skip
        assert sf.query("SELECT COUNT() FROM Opportunity")["totalSize"] == 0


def test_it_signs_in_by_the_old_soap_login(session: requests.Session) -> None:
    with SalesforceSandbox(seed=4, soap_login=True) as crm:
        session.verify = str(crm.ca_file)
        session.mount(HOST, Nearby(crm))
        who = {"username": crm.sessions.username, "security_token": crm.sessions.security_token, "domain": "acme.my"}
        sf = simple_salesforce.Salesforce(**who, password=crm.sessions.password, session=session, version="64.0")
        assert sf.query("SELECT COUNT() FROM Opportunity")["totalSize"] == 0
        with pytest.raises(simple_salesforce.SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
            simple_salesforce.Salesforce(**who, password="x", session=session, version="64.0")


def test_it_reads_pages_and_all_pages(crm: SalesforceSandbox, sf: Any, deals: list[str]) -> None:
    crm.pages.size = 10
    statement = "SELECT Id, (SELECT ContactId FROM OpportunityContactRoles) FROM Opportunity ORDER BY Id"
    first = sf.query(statement)
    assert (first["totalSize"], len(first["records"])) == (25, 10)
    second = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert second["records"][0]["Id"] == deals[10]
    assert [row["Id"] for row in sf.query_all(statement)["records"]] == deals
    assert [row["Id"] for row in sf.query_all_iter(statement)] == deals
    crm.delete("Opportunity", deals[0])
    assert sf.query("SELECT COUNT() FROM Opportunity", include_deleted=True)["totalSize"] == 25


def test_it_creates_changes_upserts_and_deletes(crm: SalesforceSandbox, sf: Any, deals: list[str]) -> None:
    task = sf.Task.create({"WhatId": deals[0], "Subject": "call", "ActivityDate": "2027-01-01"})
    assert task["success"]
    assert sf.Task.get(task["id"])["Status"] == "Not Started"
    assert sf.Opportunity.update(deals[0], {"NextStep": "x"}) == 204
    assert sf.Task.upsert("Recycle_Key__c/k1", {"Subject": "a"}) == 201
    assert sf.Task.upsert("Recycle_Key__c/k1", {"Subject": "b"}) == 200
    assert sf.Task.get_by_custom_id("Recycle_Key__c", "k1")["Subject"] == "b"
    assert sf.Task.delete(task["id"]) == 204
    with pytest.raises(simple_salesforce.SalesforceResourceNotFound):
        sf.Task.get(task["id"])
    assert crm.objects["Opportunity"][deals[0]].get("NextStep") == "x"


def test_it_raises_its_own_errors_for_ours(crm: SalesforceSandbox, sf: Any, deals: list[str]) -> None:
    with pytest.raises(simple_salesforce.SalesforceMalformedRequest) as malformed:
        sf.query("SELECT Nope FROM Opportunity")
    assert malformed.value.content[0]["errorCode"] == "INVALID_FIELD"
    old = {"If-Unmodified-Since": "Sun, 01 Nov 2020 00:00:00 GMT"}
    with pytest.raises(simple_salesforce.exceptions.SalesforceGeneralError) as changed:
        sf.Opportunity.update(deals[0], {"NextStep": "x"}, headers=old)
    assert changed.value.status == 412
    crm.quota.limit = 0
    with pytest.raises(simple_salesforce.SalesforceRefusedRequest, match="TotalRequests Limit exceeded"):
        sf.query("SELECT COUNT() FROM Opportunity")
    crm.quota.limit = 1000
    crm.expire_tokens()
    with pytest.raises(simple_salesforce.SalesforceExpiredSession):
        sf.query("SELECT COUNT() FROM Opportunity")


def test_it_describes_and_counts_its_calls(sf: Any) -> None:
    assert {field["name"] for field in sf.Opportunity.describe()["fields"]} >= {"StageName", "Recycle_Track__c"}
    assert {each["name"] for each in sf.describe()["sobjects"]} >= {"Opportunity", "Task"}
    assert sf.api_usage["api-usage"].used == 2


def test_its_collections_carry_the_rows_that_failed(sf: Any, deals: list[str]) -> None:
    records = [
        {"attributes": {"type": "Opportunity"}, "id": each, "NextStep": "x"} for each in (*deals[:2], "0065e00000000zz")
    ]
    rows = sf.restful("composite/sobjects", method="PATCH", json={"allOrNone": False, "records": records})
    assert [row["success"] for row in rows] == [True, True, False]


def test_its_bulk_query_reads_page_after_page(crm: SalesforceSandbox, sf: Any, deals: list[str]) -> None:
    pages = list(
        sf.bulk2.Opportunity.query("SELECT Id, Loss_Note__c FROM Opportunity ORDER BY Id", max_records=10, wait=0)
    )
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page, newline=""))]
    assert len(pages) == 3
    assert [row["Id"] for row in rows] == deals
    assert {row["Loss_Note__c"] for row in rows} == {"a\nb"}


def test_its_bulk_ingest_tells_what_failed(crm: SalesforceSandbox, sf: Any, deals: list[str]) -> None:
    records = [
        {"Id": deals[0], "NextStep": 'x,\n"y"'},
        {"Id": deals[1], "NextStep": "x" * 256},
        {"Id": deals[2], "NextStep": "#N/A"},
    ]
    [done] = sf.bulk2.Opportunity.update(records=records, wait=0)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (3, 1)
    failed = sf.bulk2.Opportunity.get_failed_records(done["job_id"])
    [row] = csv.DictReader(io.StringIO(failed, newline=""))
    assert (row["sf__Id"], row["sf__Error"].split(":")[0]) == (deals[1], "STRING_TOO_LONG")
    assert crm.objects["Opportunity"][deals[0]].get("NextStep") == 'x,\n"y"'
    [made] = sf.bulk2.Task.upsert(
        records=[{"Recycle_Key__c": "k1", "Subject": "a"}], external_id_field="Recycle_Key__c", wait=0
    )
    assert made["numberRecordsFailed"] == 0
    assert crm.objects["Task"]

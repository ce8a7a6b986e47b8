"""Bulk API 2.0: query jobs page by page, ingest jobs that end well with failed rows in them."""

from __future__ import annotations

import csv
import gzip
import io
from typing import Any

import pytest

from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from tests.testing.sandbox.salesforce.conftest import Rest

NOTE = 'two\nlines, a comma and a "quote"'


@pytest.fixture
def deals(crm: SalesforceSandbox) -> list[str]:
    rows = [{"deal_id": f"D{n}", "account_id": "A", "amount": float(n), "lost_note": NOTE} for n in range(5)]
    return list(crm.load(deals=rows, accounts=[{"account_id": "A", "name": "Acme"}]).deals.values())


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _query_job(rest: Rest, statement: str, operation: str = "query") -> str:
    job = rest.call("POST", "/jobs/query", json={"operation": operation, "query": statement}).json()
    assert job["state"] == "UploadComplete"
    states = [rest.get(f"/jobs/query/{job['id']}")["state"] for _ in range(2)]
    assert states == ["InProgress", "JobComplete"]
    return str(job["id"])


def _ingest(rest: Rest, text: str, **more: Any) -> dict[str, Any]:
    body = {"object": "Opportunity", "operation": "update", "contentType": "CSV", "lineEnding": "LF", **more}
    job = rest.call("POST", "/jobs/ingest", json=body).json()
    assert job["state"] == "Open"
    headers = {"Content-Type": "text/csv"}
    assert rest.call("PUT", "/" + job["contentUrl"], data=text.encode(), headers=headers).status_code == 201
    assert (
        rest.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": "UploadComplete"}).json()["state"]
        == "UploadComplete"
    )
    assert rest.get(f"/jobs/ingest/{job['id']}")["state"] == "InProgress"
    done: dict[str, Any] = rest.get(f"/jobs/ingest/{job['id']}")
    return done


def _results(rest: Rest, job: str, which: str) -> list[dict[str, str]]:
    return _rows(rest.call("GET", f"/jobs/ingest/{job}/{which}").text)


def test_results_come_in_pages_with_a_locator_that_ends_in_null(
    crm: SalesforceSandbox, rest: Rest, deals: list[str]
) -> None:
    job = _query_job(rest, "SELECT Id, Amount, Loss_Note__c, Account.Name, NextStep FROM Opportunity ORDER BY Id")
    seen: list[dict[str, str]] = []
    locator, pages = "", 0
    while locator != "null":
        answer = rest.call("GET", f"/jobs/query/{job}/results", params={"maxRecords": "2", "locator": locator})
        page = _rows(answer.text)
        assert answer.headers["Sforce-NumberOfRecords"] == str(len(page))
        seen, locator, pages = seen + page, answer.headers["Sforce-Locator"], pages + 1
    assert pages == 3
    assert [row["Id"] for row in seen] == deals
    assert seen[3] == {"Id": deals[3], "Amount": "3.0", "Loss_Note__c": NOTE, "Account.Name": "Acme", "NextStep": ""}


def test_a_locator_may_be_read_again_and_pages_are_told_ahead(rest: Rest, deals: list[str]) -> None:
    job = _query_job(rest, "SELECT Id FROM Opportunity")
    pages = rest.get(f"/jobs/query/{job}/resultPages", maxRecords="2")
    assert (len(pages["resultPages"]), pages["done"], pages["nextRecordsUrl"]) == (3, True, None)
    last = rest.call("GET", pages["resultPages"][2]["resultUrl"])
    assert last.text == rest.call("GET", pages["resultPages"][2]["resultUrl"]).text
    assert last.headers["Sforce-Locator"] == "null"
    first = rest.call("GET", pages["resultPages"][0]["resultUrl"])
    assert _rows(first.text)[0]["Id"] == deals[0]
    assert first.headers["Sforce-NumberOfRecords"] == "2"


def test_query_all_holds_the_deleted_and_a_job_is_a_snapshot(
    crm: SalesforceSandbox, rest: Rest, deals: list[str]
) -> None:
    crm.delete("Opportunity", deals[0])
    job = _query_job(rest, "SELECT Id, IsDeleted FROM Opportunity", "queryAll")
    rows = _rows(rest.call("GET", f"/jobs/query/{job}/results").text)
    assert {row["Id"]: row["IsDeleted"] for row in rows}[deals[0]] == "true"
    assert len(rows) == 5


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT Id, (SELECT Id FROM OpportunityContactRoles) FROM Opportunity",
        "SELECT StageName, COUNT(Id) FROM Opportunity GROUP BY StageName",
        "SELECT Id FROM Opportunity LIMIT 2 OFFSET 1",
        "SELECT Nope FROM Opportunity",
    ],
)
def test_what_bulk_queries_cannot_do_is_refused_when_the_job_is_made(rest: Rest, statement: str) -> None:
    assert rest.call("POST", "/jobs/query", json={"operation": "query", "query": statement}).status_code == 400


def test_results_need_a_finished_job_and_the_same_version(rest: Rest, deals: list[str]) -> None:
    job = rest.call("POST", "/jobs/query", json={"operation": "query", "query": "SELECT Id FROM Opportunity"}).json()[
        "id"
    ]
    assert rest.call("GET", f"/jobs/query/{job}/results").status_code == 400
    for _ in range(2):
        rest.get(f"/jobs/query/{job}")
    assert rest.call("GET", f"/services/data/v66.0/jobs/query/{job}/results").status_code == 409
    assert rest.call("DELETE", f"/jobs/query/{job}").status_code == 204
    assert rest.call("GET", f"/jobs/query/{job}").status_code == 404


def test_a_job_may_take_longer_and_may_be_aborted(crm: SalesforceSandbox, rest: Rest) -> None:
    crm.query_jobs.polls_needed = 5
    job = rest.call("POST", "/jobs/query", json={"operation": "query", "query": "SELECT Id FROM Opportunity"}).json()[
        "id"
    ]
    assert {rest.get(f"/jobs/query/{job}")["state"] for _ in range(5)} == {"InProgress"}
    assert rest.call("PATCH", f"/jobs/query/{job}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert rest.get(f"/jobs/query/{job}")["state"] == "Aborted"


def test_an_empty_cell_leaves_a_field_alone_and_na_empties_it(
    crm: SalesforceSandbox, rest: Rest, deals: list[str]
) -> None:
    for deal in deals[:2]:
        crm.edit("Opportunity", deal, NextStep="call", Hook__c="h")
    job = _ingest(rest, f'Id,NextStep,Hook__c\n{deals[0]},#N/A,\n{deals[1]},,"a\nb, ""c"""\n')
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 2, 0)
    first, second = (crm.objects["Opportunity"][deal] for deal in deals[:2])
    assert (first.get("NextStep"), first.get("Hook__c")) == (None, "h")
    assert (second.get("NextStep"), second.get("Hook__c")) == ("call", 'a\nb, "c"')


def test_a_finished_job_may_hold_failed_rows(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    text = f"Id,CloseDate,NextStep\n{deals[0]},2027-01-01,x\n{deals[1]},soon,x\n0065e00000000zz,2027-01-01,x\n"
    job = _ingest(rest, text)
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 3, 2)
    [done] = _results(rest, job["id"], "successfulResults")
    assert (done["sf__Id"], done["sf__Created"], done["NextStep"]) == (deals[0], "false", "x")
    failed = _results(rest, job["id"], "failedResults")
    assert [row["sf__Error"].split(":")[0] for row in failed] == [
        "INVALID_TYPE_ON_FIELD_IN_RECORD", "INVALID_CROSS_REFERENCE_KEY",
    ]  # fmt: skip
    assert failed[0]["sf__Error"].endswith("--")
    assert _results(rest, job["id"], "unprocessedrecords") == []


def test_upsert_by_key_creates_once(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    text = f"Recycle_Key__c,WhatId,Subject\nk1,{deals[0]},a\nk2,{deals[1]},b\n"
    more = {"object": "Task", "operation": "upsert", "externalIdFieldName": "Recycle_Key__c"}
    first, second = (_ingest(rest, text, **more)["id"] for _ in range(2))
    assert [row["sf__Created"] for row in _results(rest, first, "successfulResults")] == ["true", "true"]
    assert [row["sf__Created"] for row in _results(rest, second, "successfulResults")] == ["false", "false"]
    assert len(crm.objects["Task"]) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Id,Nope__c\n{deal},x\n", "Field name not found : Nope__c"),
        ("Id,NextStep\r\n{deal},x\r\n", "LineEnding is invalid on user data"),
        ("Id,NextStep\n{deal}\n", "more or fewer columns"),
        ("", "no header line"),
    ],
)
def test_an_upload_that_cannot_be_read_fails_the_job_and_touches_nothing(
    rest: Rest, deals: list[str], text: str, message: str
) -> None:
    job = _ingest(rest, text.format(deal=deals[0]))
    assert job["state"] == "Failed"
    assert message in job["errorMessage"]
    assert rest.crm.objects["Opportunity"][deals[0]].get("NextStep") is None


def test_rows_are_locked_poisoned_or_failed_as_told(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    crm.faults.add(Fault(kind=FaultKind.LOCK_ROW, record=deals[0]))
    crm.faults.add(Fault(kind=FaultKind.POISON, record=deals[1], code="CANNOT_EXECUTE_FLOW_TRIGGER", field="NextStep"))
    text = "Id,NextStep\n" + "".join(f"{deal},x\n" for deal in deals)
    first, second = (_ingest(rest, text)["id"] for _ in range(2))
    errors = [row["sf__Error"] for row in _results(rest, first, "failedResults")]
    assert errors[0].startswith("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record")
    assert errors[1].startswith("CANNOT_EXECUTE_FLOW_TRIGGER:")
    assert len(_results(rest, second, "failedResults")) == 1


def test_what_is_sent_may_be_packed(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    body = gzip.compress(b'{"object": "Opportunity", "operation": "update"}')
    job = rest.call("POST", "/jobs/ingest", data=body, headers=packed).json()["id"]
    upload = gzip.compress(f"Id,NextStep\n{deals[0]},x\n".encode())
    path = f"/jobs/ingest/{job}"
    assert (
        rest.call("PUT", f"{path}/batches", data=upload, headers={**packed, "Content-Type": "text/csv"}).status_code
        == 201
    )
    rest.call("PATCH", path, json={"state": "UploadComplete"})
    assert [rest.get(path)["state"] for _ in range(2)] == ["InProgress", "JobComplete"]
    assert crm.objects["Opportunity"][deals[0]].get("NextStep") == "x"
    assert rest.call("POST", "/jobs/ingest", data=b"{}", headers=packed).status_code == 400


def test_an_upload_is_taken_once_and_a_delete_job_deletes(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    job = _ingest(rest, f"Id\n{deals[0]}\n", operation="delete")
    again = rest.call("PUT", "/" + job["contentUrl"], data=b"Id\n", headers={"Content-Type": "text/csv"})
    assert (again.status_code, again.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    assert crm.objects["Opportunity"][deals[0]].deleted
    assert [each["id"] for each in rest.get("/jobs/ingest")["records"]] == [job["id"]]


def test_a_job_of_no_known_kind_is_refused(rest: Rest) -> None:
    bad: list[dict[str, Any]] = [
        {"object": "Opportunity", "operation": "magic"},
        {"object": "Nope", "operation": "insert"},
        {"object": "Task", "operation": "upsert"},
        {"object": "Task", "operation": "insert", "columnDelimiter": "SPACE"},
    ]
    for body in bad:
        assert rest.call("POST", "/jobs/ingest", json=body).status_code == 400

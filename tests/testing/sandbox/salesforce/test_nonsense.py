"""Whatever a client sends, the sandbox answers as a vendor would and does not break: a crash is a bug of ours."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recyclekit.testing.sandbox import Request, StillClock
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox

BASE = "/services/data/v67.0"
CALLS = (
    ("POST", "/sobjects/Opportunity"),
    ("PATCH", "/sobjects/Opportunity/{id}"),
    ("PATCH", "/sobjects/Task/Recycle_Key__c/k"),
    ("GET", "/sobjects/Opportunity/{id}"),
    ("DELETE", "/sobjects/Task/{id}"),
    ("POST", "/composite/sobjects"),
    ("PATCH", "/composite/sobjects"),
    ("DELETE", "/composite/sobjects"),
    ("PATCH", "/composite/sobjects/Task/Recycle_Key__c"),
    ("POST", "/composite/sobjects/Opportunity"),
    ("GET", "/composite/sobjects/Opportunity"),
    ("POST", "/composite"),
    ("POST", "/jobs/query"),
    ("POST", "/jobs/ingest"),
    ("PATCH", "/jobs/ingest/{job}"),
    ("PUT", "/jobs/ingest/{job}/batches"),
    ("GET", "/jobs/ingest/{job}"),
    ("GET", "/jobs/query/{job}/results"),
    ("POST", "/tooling/sobjects/CustomField"),
    ("GET", "/query"),
    ("GET", "/query/01g-5"),
    ("GET", "/sobjects/Opportunity/updated"),
)
IDS = ("0065e0000000001AAA", "0065e0000000001", "0035e0000000001AAA", "x", "")
NAMES = (
    *(
        "attributes",
        "type",
        "id",
        "Id",
        "records",
        "allOrNone",
        "ids",
        "fields",
        "StageName",
        "CloseDate",
        "Name",
        "Amount",
    ),
    *("WhatId", "Subject", "Recycle_Key__c", "compositeRequest", "method", "url", "body", "referenceId", "httpHeaders"),
    *(
        "operation",
        "query",
        "object",
        "state",
        "externalIdFieldName",
        "columnDelimiter",
        "lineEnding",
        "FullName",
        "Metadata",
    ),
    *("label", "length", "precision", "valueSet", "OwnerId", "IsPrimary", "ContactId", "CampaignId"),
)
WORDS = (
    *(
        *IDS,
        "Opportunity",
        "Task",
        "update",
        "insert",
        "upsert",
        "UploadComplete",
        "Text",
        "Number",
        "POST",
        "2026-02-30",
    ),
    *(f"{BASE}/sobjects/Task", "@{a.id}", "SELECT Id FROM Opportunity", "Opportunity.X__c", "失注"),
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-9, 10**12), st.floats(allow_nan=False), st.sampled_from(WORDS), st.text()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)),
    max_leaves=12,
)
RECORDS = st.fixed_dictionaries(
    {"attributes": st.just({"type": "Opportunity"}) | VALUES, "id": st.sampled_from(IDS)},
    optional=dict.fromkeys(("StageName", "CloseDate", "Amount", "OwnerId", "Name", "Recycle_Key__c"), VALUES),
)
INNER = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "PATCH", "x"]),
        "url": st.sampled_from(CALLS).map(lambda call: BASE + call[1]),
    },
    optional=dict.fromkeys(("body", "referenceId", "httpHeaders"), VALUES),
)
SENSIBLE = st.fixed_dictionaries(
    {},
    optional={
        "records": st.lists(RECORDS, max_size=3),
        "compositeRequest": st.lists(INNER, max_size=3),
        "Metadata": st.dictionaries(st.sampled_from(NAMES), VALUES),
        "FullName": st.sampled_from(["Opportunity.X__c", "Activity.X__c", "Task.Y__c"]),
        "operation": st.sampled_from(["query", "upsert", "update"]) | VALUES,
        "object": st.sampled_from(["Task", "Opportunity"]) | VALUES,
        **dict.fromkeys(("allOrNone", "ids", "fields", "state", "externalIdFieldName", "lineEnding", "query"), VALUES),
        **dict.fromkeys(("Name", "StageName", "CloseDate", "WhatId", "OwnerId", "CallDurationInSeconds"), VALUES),
    },
)
BODIES = st.one_of(
    VALUES.map(orjson.dumps), SENSIBLE.map(orjson.dumps), SENSIBLE.map(orjson.dumps), st.binary(max_size=40)
)
HEADERS = st.dictionaries(
    st.sampled_from(["if-unmodified-since", "if-modified-since", "sforce-query-options", "accept-encoding"]),
    st.sampled_from(["", "soon", "Sun, 01 Nov 2026 00:00:00 -0000", "batchSize=\u00b2", "batchSize=300", "gzip"]),
)


@pytest.fixture(scope="module")
def crm() -> Any:
    sandbox = SalesforceSandbox(seed=5, clock=StillClock())
    sandbox.load(deals=[{"deal_id": "D", "contact_id": "C"}], contacts=[{"contact_id": "C"}])
    yield sandbox
    sandbox.stop()


def _ask(crm: SalesforceSandbox, method: str, path: str, query: str, body: bytes, **more: str) -> int:
    headers = {"authorization": f"Bearer {crm.token}", **more}
    whole = path if path.startswith("/services") else BASE + path
    request = Request(method=method, path=whole, raw_query=query, headers=headers, body=body)
    crm.crashes.clear()
    crm.crashes.clear()
    answer = crm._answer(request)
    assert crm.crashes == []
    if answer.status >= 400 and answer.headers["Content-Type"].startswith("application/json"):
        assert {"errorCode", "message"} <= set(orjson.loads(answer.body)[0])
    return answer.status


@settings(max_examples=300)
@given(
    call=st.sampled_from(CALLS), record=st.sampled_from(IDS), body=BODIES, more=st.tuples(st.text(max_size=30), HEADERS)
)
def test_no_call_breaks_the_sandbox(
    crm: SalesforceSandbox, call: tuple[str, str], record: str, body: bytes, more: tuple[str, dict[str, str]]
) -> None:
    jobs = [*crm.ingest_jobs.all, *crm.query_jobs.all, "none"]
    path = call[1].replace("{id}", record or "x").replace("{job}", jobs[0])
    assert 200 <= _ask(crm, call[0], path, more[0], body, **more[1]) < 500


CONDITIONS = st.tuples(
    st.sampled_from(["Id", "Name", "Amount", "CloseDate", "SystemModstamp", "IsClosed", "Account.Name", "x"]),
    st.sampled_from(["=", ">", "LIKE", "IN", "NOT IN", "<="]),
    st.sampled_from(
        [
            *("null", r"'\ud800'", "LAST_N_DAYS:99999999999", "0001-01-01T00:00:00+14:00", "99999-01-01", "(TODAY)"),
            *("(SELECT Id FROM Task)", "9" * 400, "TODAY", "('a', 1)", "''"),
        ]
    ),
).map(lambda drawn: "SELECT Id FROM Opportunity WHERE " + " ".join(drawn))


@given(statement=st.one_of(st.text(), st.text(alphabet="SELECTFROMidWHRAND()=,'\\\n 0123456789-:.TZ%_<>!"), CONDITIONS))
def test_no_statement_breaks_the_parser(crm: SalesforceSandbox, statement: str) -> None:
    from urllib.parse import quote

    assert _ask(crm, "GET", "/query", f"q={quote(statement)}", b"") in {200, 400}


@given(
    upload=st.one_of(st.binary(max_size=60), st.text(alphabet='Id,NextStep"\n\r#N/Ax0', max_size=60).map(str.encode))
)
def test_no_upload_breaks_a_job(crm: SalesforceSandbox, upload: bytes) -> None:
    body = {"object": "Opportunity", "operation": "update"}
    before = set(crm.ingest_jobs.all)
    assert _ask(crm, "POST", "/jobs/ingest", "", orjson.dumps(body)) == 200
    [job] = set(crm.ingest_jobs.all) - before
    assert _ask(crm, "PUT", f"/jobs/ingest/{job}/batches", "", upload) == 201
    assert _ask(crm, "PATCH", f"/jobs/ingest/{job}", "", b'{"state":"UploadComplete"}') == 200
    for _ in range(2):
        assert _ask(crm, "GET", f"/jobs/ingest/{job}", "", b"") == 200
    assert crm.ingest_jobs.all[job].state in {"JobComplete", "Failed"}
    for which in ("successfulResults", "failedResults", "unprocessedrecords"):
        assert _ask(crm, "GET", f"/jobs/ingest/{job}/{which}", "", b"") == 200


@given(
    form=st.dictionaries(st.sampled_from(["grant_type", "assertion", "client_id", "username"]), st.text(max_size=20))
)
def test_no_sign_in_breaks_the_sandbox(crm: SalesforceSandbox, form: dict[str, str]) -> None:
    from urllib.parse import urlencode

    grants = ("client_credentials", "password", "urn:ietf:params:oauth:grant-type:jwt-bearer")
    for grant in grants:
        body = urlencode({**form, "grant_type": grant}).encode()
        crm.crashes.clear()
        crm.crashes.clear()
        answer = crm._answer(Request(method="POST", path="/services/oauth2/token", body=body))
        assert (answer.status, crm.crashes) == (400, [])

"""Every fault in Salesforce's words: limits, outages, lies, silence, and answers that never come."""

from __future__ import annotations

import gzip
import json

import pytest
import requests

from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from tests.testing.sandbox.salesforce.conftest import Rest

COUNT = {"q": "SELECT COUNT() FROM Opportunity"}


@pytest.mark.parametrize(
    ("fault", "status", "code", "message"),
    [
        (Fault(kind=FaultKind.DAILY_QUOTA), 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        (
            Fault(kind=FaultKind.STATUS, status=403, policy="concurrent"),
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        ),
        (
            Fault(kind=FaultKind.STATUS, status=403, policy="long"),
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentPerOrgLongTxn",
        ),
        (Fault(kind=FaultKind.STATUS, status=503), 503, "SERVER_UNAVAILABLE", "unavailable"),
        (Fault(kind=FaultKind.STATUS, status=500), 500, "UNKNOWN_EXCEPTION", "unexpected error"),
        (
            Fault(kind=FaultKind.STATUS, status=400, code="QUERY_TIMEOUT", message="too long"),
            400,
            "QUERY_TIMEOUT",
            "too long",
        ),
        (Fault(kind=FaultKind.STATUS, status=401), 401, "INVALID_SESSION_ID", "Session expired or invalid"),
    ],
)
def test_an_error_has_the_vendors_status_code_and_message(
    rest: Rest, fault: Fault, status: int, code: str, message: str
) -> None:
    rest.crm.faults.add(fault)
    answer = rest.call("GET", "/query", params=COUNT)
    [error] = answer.json()
    assert (answer.status_code, error["errorCode"]) == (status, code)
    assert message in error["message"]
    assert rest.call("GET", "/query", params=COUNT).status_code == 200


@pytest.mark.parametrize("fault", [Fault(kind=FaultKind.HTML, status=502), Fault(kind=FaultKind.LYING_200)])
def test_a_page_of_the_gateway_is_no_json(rest: Rest, fault: Fault) -> None:
    rest.crm.faults.add(fault)
    answer = rest.call("GET", "/query", params=COUNT)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.CUT_OFF, FaultKind.LOST_ANSWER])
def test_a_connection_may_end_before_or_after_the_work(crm: SalesforceSandbox, rest: Rest, kind: FaultKind) -> None:
    crm.load(deals=[{"deal_id": "D1"}])
    crm.faults.add(Fault(kind=kind, method="PATCH"))
    task = {"attributes": {"type": "Task"}, "Recycle_Key__c": "k1", "Subject": "call"}
    with pytest.raises(requests.exceptions.RequestException):
        rest.call("PATCH", "/composite/sobjects/Task/Recycle_Key__c", json={"records": [task]}).json()
    assert len(crm.objects["Task"]) == (0 if kind is FaultKind.RESET else 1)


@pytest.mark.parametrize("fault", [Fault(kind=FaultKind.SILENCE), Fault(kind=FaultKind.LOST_ANSWER, how="silence")])
def test_a_silence_lasts_until_the_client_gives_up(crm: SalesforceSandbox, fault: Fault) -> None:
    crm.faults.add(fault)
    headers = {"Authorization": f"Bearer {crm.token}"}
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(f"{crm.url}/services/data/v67.0/limits", headers=headers, verify=str(crm.ca_file), timeout=0.2)


def test_the_days_calls_are_counted_in_every_answer_and_then_refused(crm: SalesforceSandbox, rest: Rest) -> None:
    crm.quota.limit = 3
    usage = [rest.call("GET", "/query", params=COUNT).headers["Sforce-Limit-Info"] for _ in range(3)]
    assert usage == ["api-usage=1/3", "api-usage=2/3", "api-usage=3/3"]
    answer = rest.call("GET", "/query", params=COUNT)
    assert (answer.status_code, answer.json()[0]["message"]) == (403, "TotalRequests Limit exceeded.")
    crm.quota.limit = 100
    assert rest.get("/limits")["DailyApiRequests"] == {"Max": 100, "Remaining": 96}


def test_calls_come_free_again_after_24_hours(crm: SalesforceSandbox, rest: Rest) -> None:
    crm.quota.limit = 1
    assert rest.call("GET", "/query", params=COUNT).status_code == 200
    assert rest.call("GET", "/query", params=COUNT).status_code == 403
    crm.clock.advance(86_400)  # type: ignore[attr-defined]  # the fixture's clock stands still until moved
    assert rest.call("GET", "/query", params=COUNT).status_code == 200


def test_answers_are_packed_where_the_sandbox_is_told_to_and_the_client_can() -> None:
    with SalesforceSandbox(seed=1, compress=True) as crm:
        rest = Rest(crm)
        packed = rest.call("GET", "/sobjects/Opportunity/describe", headers={"Accept-Encoding": "gzip"}, stream=True)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(packed.raw.read()))["name"] == "Opportunity"
        plain = rest.call("GET", "/sobjects/Opportunity/describe", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        rest.session.close()


def test_a_head_that_is_too_large_is_431(rest: Rest) -> None:
    assert rest.call("GET", "/limits", headers={"X-Filler": "x" * 17_000}).status_code == 431


def test_a_path_that_is_not_there_is_not_found_in_the_vendors_words(rest: Rest) -> None:
    answer = rest.call("GET", "/nothing/here")
    error = {"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}
    assert (answer.status_code, answer.json()) == (404, [error])

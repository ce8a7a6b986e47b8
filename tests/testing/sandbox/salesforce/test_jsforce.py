"""jsforce works on the sandbox: pages, its query builder, collections, bulk, tooling and three ways to sign in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from tests.clients.node import run
from tests.clients.soql import assert_soql, statements


@pytest.fixture(scope="module")
def crm() -> Any:
    with SalesforceSandbox(seed=3, soap_login=True) as sandbox:
        sandbox.query_jobs.polls_needed = sandbox.ingest_jobs.polls_needed = 0
        sandbox.pages.size = 10
        yield sandbox


@pytest.fixture(scope="module")
def deals(crm: SalesforceSandbox) -> list[str]:
    rows = [
        {"deal_id": f"D{n:02}", "amount": float(n), "lost_note": "a\nb", "contact_id": "C", "account_id": "A"}
        for n in range(25)
    ]
    loaded = crm.load(deals=rows, contacts=[{"contact_id": "C"}], accounts=[{"account_id": "A", "name": "Acme"}])
    return list(loaded.deals.values())


@pytest.fixture(scope="module")
def seen(crm: SalesforceSandbox, deals: list[str]) -> dict[str, Any]:
    sessions = crm.sessions
    given = {
        "url": crm.url, "token": crm.token, "key": sessions.consumer_key, "secret": sessions.consumer_secret,
        "username": sessions.username, "password": sessions.password, "deals": deals,
    }  # fmt: skip
    found: dict[str, Any] = json.loads(run("use_jsforce.mjs", json.dumps(given), ca_file=crm.ca_file))
    return found


def test_it_reads_page_after_page(seen: dict[str, Any]) -> None:
    assert seen["first"] == {"total": 25, "done": False, "rows": 10}
    assert (seen["second"], seen["all"]) == (10, 25)


def test_its_query_builder_is_understood(seen: dict[str, Any], crm: SalesforceSandbox) -> None:
    assert [row["Amount"] for row in seen["built"]] == [24.0, 23.0]


def test_it_writes_and_sees_the_row_that_failed(seen: dict[str, Any], deals: list[str]) -> None:
    done, failed = seen["updated"]
    assert (done["id"], done["success"]) == (deals[0], True)
    assert (failed["success"], failed["errors"][0]["statusCode"]) == (False, "STRING_TOO_LONG")
    assert [row["success"] for row in seen["upserted"]] == [True, True]
    assert [row["id"] for row in seen["again"]] == [row["id"] for row in seen["upserted"]]
    assert (seen["task"], seen["deleted"], seen["created"]["success"]) == ("Not Started", True, True)


def test_it_knows_our_errors_by_their_codes(seen: dict[str, Any]) -> None:
    assert (seen["refused"], seen["malformed"]) == ("INVALID_FIELD", "MALFORMED_QUERY")


def test_it_reads_metadata_limits_and_identity(seen: dict[str, Any], crm: SalesforceSandbox) -> None:
    assert (seen["described"], seen["global"], seen["limit"], seen["usage"]) == (True, True, 100_000, 100_000)
    assert seen["who"] == crm.org.robot
    assert seen["made"]["success"] is True
    assert crm.org.type("Opportunity").find("Made__c") is not None


def test_it_runs_bulk_jobs(seen: dict[str, Any], deals: list[str]) -> None:
    assert seen["bulk"] == {"rows": 25, "note": "a\nb"}
    assert seen["ingest"] == {"done": [deals[0]], "failed": ["STRING_TOO_LONG"], "unprocessed": 0}


def test_it_signs_in_by_token_credentials_and_password(seen: dict[str, Any]) -> None:
    assert (seen["authorized"], seen["loggedIn"]) == (25, 25)
    assert "INVALID_LOGIN" in seen["wrongPassword"]


def test_the_statements_that_it_builds_are_soql(seen: dict[str, Any], crm: SalesforceSandbox) -> None:
    assert seen
    broken = {"SELECT"}  # it was told to
    assert_soql(statement for statement in statements(crm.journal) if statement not in broken)

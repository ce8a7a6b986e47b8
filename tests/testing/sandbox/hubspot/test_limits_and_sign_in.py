"""Rate limits, quotas, tokens and scopes: what a call must have to be let in, and how HubSpot says that it has not."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3

from recyclekit.testing.sandbox import Fault, FaultKind, StillClock
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.testing.sandbox.hubspot.conftest import OBJECTS, Api, some_deals

OWNERS = "/crm/v3/owners"


def test_190_calls_in_ten_seconds_and_the_headers_count_down(api: Api, clock: StillClock) -> None:
    first = api.get(OWNERS)
    assert first.headers["X-HubSpot-RateLimit-Max"] == "190"
    assert first.headers["X-HubSpot-RateLimit-Remaining"] == "189"
    assert first.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert [api.get(OWNERS).status for _ in range(190)] == [200] * 189 + [429]
    refused = api.get(OWNERS)
    assert refused.body["policyName"] == "TEN_SECONDLY_ROLLING"
    assert refused.body["errorType"] == "RATE_LIMIT"
    assert "category" not in refused.body
    assert "Retry-After" not in refused.headers
    clock.advance(10)
    assert api.get(OWNERS).status == 200


def test_a_day_has_a_quota_that_comes_back_at_midnight_of_the_account(clock: StillClock) -> None:
    with HubSpotSandbox(clock=clock, daily=3) as crm:
        api = Api(crm)
        left = [api.get(OWNERS).headers["X-HubSpot-RateLimit-Daily-Remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = api.get(OWNERS)
        assert (refused.status, refused.body["policyName"]) == (429, "DAILY")
        clock.advance(12 * 3600 - 1)  # it was noon in Tokyo
        assert api.get(OWNERS).status == 429
        clock.advance(1)
        assert api.get(OWNERS).status == 200
        usage = api.get("/account-info/v3/api-usage/daily/private-apps").body["results"][0]
        assert (usage["usageLimit"], usage["currentUsage"]) == (3, 2)
        assert usage["resetsAt"] == "2026-11-23T15:00:00Z"
        api.pool.clear()


@pytest.mark.parametrize(
    ("fault", "status", "header", "policy"),
    [
        (Fault(kind=FaultKind.STATUS, status=429), 429, None, "TEN_SECONDLY_ROLLING"),
        (Fault(kind=FaultKind.STATUS, status=429, retry_after=3), 429, "3", "TEN_SECONDLY_ROLLING"),
        (Fault(kind=FaultKind.DAILY_QUOTA), 429, None, "DAILY"),
        (Fault(kind=FaultKind.STATUS, status=503, retry_after=1), 503, "1", None),
        (Fault(kind=FaultKind.STATUS, status=423), 423, None, None),
        (Fault(kind=FaultKind.STATUS, status=477, retry_after=7200), 477, "7200", None),
        (Fault(kind=FaultKind.STATUS, status=409), 409, None, None),
    ],
)
def test_refusals_come_with_and_without_a_wait(
    crm: HubSpotSandbox, api: Api, *, fault: Fault, status: int, header: str | None, policy: str | None
) -> None:
    crm.faults.add(fault)
    answer = api.get(OWNERS)
    assert (answer.status, answer.headers.get("Retry-After"), answer.body.get("policyName")) == (status, header, policy)


@pytest.mark.parametrize("status", [502, 524, 530])
def test_the_edge_speaks_html(crm: HubSpotSandbox, api: Api, status: int) -> None:
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=status))
    answer = api.get(OWNERS)
    assert (answer.status, answer.body) == (status, None)
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_spent_quota_stays_spent(crm: HubSpotSandbox, api: Api, clock: StillClock) -> None:
    crm.faults.add(Fault(kind=FaultKind.DAILY_QUOTA, skip=1))
    assert [api.get(OWNERS).status for _ in range(3)] == [200, 429, 429]
    clock.advance(24 * 3600)
    assert api.get(OWNERS).status == 200


@pytest.mark.parametrize(
    ("token", "status", "category"),
    [
        ("", 401, "INVALID_AUTHENTICATION"),
        ("pat-na1-of-somebody-else", 401, "INVALID_AUTHENTICATION"),
        ("x", 530, None),
    ],
)
def test_a_token_that_is_none_is_told_in_three_ways(api: Api, *, token: str, status: int, category: str | None) -> None:
    api.token = token
    answer = api.get(OWNERS)
    assert (answer.status, answer.body and answer.body["category"]) == (status, category)


def test_an_oauth_token_lives_half_an_hour_and_is_refreshed(crm: HubSpotSandbox, api: Api, clock: StillClock) -> None:
    api.token = crm.sign_in.issue()
    assert api.get(OWNERS).headers["X-HubSpot-RateLimit-Max"] == "110"
    assert "X-HubSpot-RateLimit-Daily" not in api.get(OWNERS).headers
    clock.advance(1800 + 75)
    expired = api.get(OWNERS)
    assert (expired.status, expired.body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert expired.body["message"].endswith("expired 75 second(s) ago.")
    assert expired.body["context"]["expire time"]
    api.token = refresh(crm, api)["access_token"]
    assert api.get(OWNERS).status == 200


def test_tokens_may_expire_in_the_middle_of_a_run(crm: HubSpotSandbox, api: Api) -> None:
    api.token = crm.sign_in.issue()
    crm.faults.add(Fault(kind=FaultKind.TOKEN_EXPIRED, skip=1))
    assert [api.get(OWNERS).status for _ in range(2)] == [200, 401]
    api.token = refresh(crm, api)["access_token"]
    assert api.get(OWNERS).status == 200


def test_a_dead_refresh_token_says_so(crm: HubSpotSandbox, api: Api) -> None:
    crm.oauth.refresh_token = ""
    assert refresh(crm, api, status=400)["status"] == "BAD_REFRESH_TOKEN"


def test_a_rotated_token_is_dead_and_the_new_one_lives(crm: HubSpotSandbox, api: Api) -> None:
    fresh = crm.sign_in.rotate()
    assert api.get(OWNERS).status == 401
    api.token = fresh
    assert api.get(OWNERS).status == 200


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("crm.objects.deals.read", "GET", f"{OBJECTS}/deals"),
        ("crm.objects.deals.read", "POST", f"{OBJECTS}/deals/search"),
        ("crm.objects.deals.write", "POST", f"{OBJECTS}/deals/batch/update"),
        ("crm.objects.contacts.write", "POST", f"{OBJECTS}/tasks/batch/create"),
        ("crm.schemas.deals.read", "GET", "/crm/v3/pipelines/deals"),
        ("crm.schemas.deals.write", "POST", "/crm/v3/properties/deals/groups"),
        ("crm.objects.owners.read", "GET", OWNERS),
        ("crm.lists.write", "PUT", "/crm/v3/lists/101/memberships/add"),
        ("communication_preferences.read", "GET", "/communication-preferences/v3/status/email/a@example.com"),
        ("crm.objects.deals.read", "POST", "/crm/objects/2026-03/deals/batch/read"),
    ],
)
def test_a_missing_scope_is_named(crm: HubSpotSandbox, api: Api, *, scope: str, method: str, path: str) -> None:
    crm.sign_in.scopes.discard(scope)
    answer = api(method, path, {"inputs": []} if method != "GET" else None)
    assert (answer.status, answer.body["category"]) == (403, "MISSING_SCOPES")
    assert answer.body["errors"][0]["context"]["requiredGranularScopes"] == [scope]


def test_the_journal_keeps_every_call_in_order(crm: HubSpotSandbox, api: Api) -> None:
    deal = crm.load(deals=some_deals(1)).deals["D-0000"]
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=500, method="POST"))
    api.get(f"{OBJECTS}/deals", limit=1)
    body = [{"id": deal, "properties": {"amount": "1"}}]
    assert [api.batch("deals", "update", body).status for _ in range(2)] == [500, 200]
    assert [(call.status, call.fault) for call in crm.journal] == [(200, ""), (500, "status"), (200, "")]
    assert crm.journal.calls("*/batch/update")[-1].json() == {"inputs": body}


def test_it_speaks_https_too() -> None:
    with HubSpotSandbox(tls=True) as crm:
        assert set(crm.settings) == {"token", "url", "ca_file"}
        with urllib3.PoolManager(retries=False, ca_certs=crm.settings["ca_file"]) as pool:
            headers = {"Authorization": f"Bearer {crm.token}"}
            assert pool.request("GET", f"{crm.settings['url']}{OWNERS}", headers=headers).status == 200


def refresh(crm: HubSpotSandbox, api: Api, status: int = 200) -> dict[str, Any]:
    fields = {
        "grant_type": "refresh_token",
        "client_id": crm.oauth.client_id,
        "client_secret": crm.oauth.client_secret,
        "refresh_token": crm.oauth.refresh_token or "dead",
    }
    answer = api.pool.request("POST", f"{crm.url}/oauth/v1/token", fields=fields, encode_multipart=False)
    assert answer.status == status, answer.data
    body: dict[str, Any] = answer.json()
    return body

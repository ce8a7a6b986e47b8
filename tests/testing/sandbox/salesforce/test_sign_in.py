"""Signing in: each flow with the right and the wrong credentials, dead tokens, and the old SOAP login."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests

from recyclekit.testing.sandbox import Fault, FaultKind, StillClock
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from tests.testing.sandbox.salesforce.conftest import Rest

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def _sign_in(crm: SalesforceSandbox, **form: str) -> requests.Response:
    return requests.post(f"{crm.url}/services/oauth2/token", data=form, verify=str(crm.ca_file), timeout=20)


def _credentials(crm: SalesforceSandbox, **more: str) -> dict[str, str]:
    sessions = crm.sessions
    given = {"client_id": sessions.consumer_key, "client_secret": sessions.consumer_secret}
    return {"grant_type": "client_credentials", **given, **more}


def _assertion(crm: SalesforceSandbox, clock: StillClock, **more: Any) -> dict[str, str]:
    key = more.pop("key", crm.sessions.private_key)
    claims = {
        "iss": crm.sessions.consumer_key,
        "sub": crm.sessions.username,
        "aud": "https://login.salesforce.com",
        "exp": clock() + timedelta(minutes=3),
        **more,
    }
    return {"grant_type": JWT_BEARER, "assertion": jwt.encode(claims, key, algorithm="RS256")}


def test_client_credentials_give_a_token_that_works_where_it_says(crm: SalesforceSandbox, rest: Rest) -> None:
    answer = _sign_in(crm, **_credentials(crm)).json()
    assert answer["instance_url"] == crm.url
    assert answer["token_type"] == "Bearer"
    assert answer["id"].startswith(f"{crm.url}/id/00D")
    assert answer["access_token"] == crm.token
    assert rest.call("GET", "/limits").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_secret": "x"}, "invalid_client"),
        ({"client_id": "x"}, "invalid_client_id"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "x", "password": "y"}, "invalid_grant"),
    ],
)
def test_wrong_credentials_are_refused_in_the_words_of_oauth(
    crm: SalesforceSandbox, wrong: dict[str, str], error: str
) -> None:
    answer = _sign_in(crm, **{**_credentials(crm), **wrong})
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_signed_assertion_signs_in(crm: SalesforceSandbox, clock: StillClock, rest: Rest) -> None:
    assert _sign_in(crm, **_assertion(crm, clock)).status_code == 200
    assert rest.call("GET", "/limits").status_code == 200


@pytest.mark.parametrize("wrong", ["key", "sub", "aud", "exp", "approval"])
def test_an_assertion_that_is_not_right_in_every_part_is_refused(
    crm: SalesforceSandbox, clock: StillClock, wrong: str
) -> None:
    other = SalesforceSandbox(seed=2)
    if wrong == "approval":
        crm.sessions.approved = False
    spoilt = {
        "key": {"key": other.sessions.private_key}, "sub": {"sub": "nobody@example.com"},
        "aud": {"aud": "https://example.com"}, "exp": {"exp": clock() - timedelta(minutes=10)}, "approval": {},
    }  # fmt: skip
    other.stop()
    answer = _sign_in(crm, **_assertion(crm, clock, **spoilt[wrong]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    if wrong == "approval":
        assert answer.json()["error_description"] == "user hasn't approved this consumer"


def test_a_call_without_a_living_token_is_401(crm: SalesforceSandbox, rest: Rest) -> None:
    expired = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    answer = rest.call("GET", "/limits", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()) == (401, expired)
    crm.expire_tokens()
    assert rest.call("GET", "/limits").json() == expired
    _sign_in(crm, **_credentials(crm))
    assert rest.call("GET", "/limits").status_code == 200


def test_a_session_may_end_in_the_middle_of_a_conditional_change(crm: SalesforceSandbox, rest: Rest) -> None:
    deal = crm.load(deals=[{"deal_id": "D1"}]).deals["D1"]
    crm.faults.add(Fault(kind=FaultKind.TOKEN_EXPIRED, method="PATCH", path="*/sobjects/Opportunity/*"))
    old = {"If-Unmodified-Since": "Sun, 01 Nov 2026 00:00:00 GMT"}
    path = f"/sobjects/Opportunity/{deal}"
    assert rest.call("PATCH", path, json={"NextStep": "x"}, headers=old).status_code == 401
    _sign_in(crm, **_credentials(crm))
    assert rest.call("PATCH", path, json={"NextStep": "x"}, headers=old).status_code == 412  # the header survived
    assert rest.call("PATCH", path, json={"NextStep": "x"}).status_code == 204  # and this is what losing it would do


def test_a_session_that_is_not_used_ends_by_itself(crm: SalesforceSandbox, clock: StillClock, rest: Rest) -> None:
    crm.sessions.seconds = 7200
    for _ in range(3):  # each call keeps it alive
        clock.advance(7000)
        assert rest.call("GET", "/limits").status_code == 200
    clock.advance(7201)
    assert rest.call("GET", "/limits").status_code == 401


def test_a_token_can_be_revoked_and_tells_whose_it_is(crm: SalesforceSandbox, rest: Rest) -> None:
    who = rest.call("GET", "/services/oauth2/userinfo").json()
    assert (who["user_id"], who["organization_id"]) == (crm.org.robot, crm.org.organization)
    rest.call("POST", "/services/oauth2/revoke", data={"token": crm.token})
    assert rest.call("GET", "/limits").status_code == 401


def test_api_versions_are_told_without_a_token_and_others_are_not_found(crm: SalesforceSandbox, rest: Rest) -> None:
    versions = requests.get(f"{crm.url}/services/data", verify=str(crm.ca_file), timeout=20).json()
    assert versions[-2] == {"label": "Summer '26", "url": "/services/data/v67.0", "version": "67.0"}
    assert versions[-1]["label"] == "Winter '27"
    assert rest.call("GET", "/services/data/v20.0/limits").status_code == 404


@pytest.mark.parametrize(
    ("allowed", "version", "status"), [(True, "59.0", 200), (True, "65.0", 500), (False, "59.0", 500)]
)
def test_the_soap_login_is_off_and_gone_from_v65_on(allowed: bool, version: str, status: int) -> None:
    with SalesforceSandbox(seed=1, soap_login=allowed) as crm:
        who = f"<username>{crm.sessions.username}</username><password>{crm.sessions.password}</password>"
        url = f"{crm.url}/services/Soap/u/{version}"
        answer = requests.post(url, data=f"<login>{who}</login>", verify=str(crm.ca_file), timeout=20)
        assert answer.status_code == status
        assert ("<sessionId>" in answer.text) == (status == 200)

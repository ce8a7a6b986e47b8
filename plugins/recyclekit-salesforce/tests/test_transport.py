"""The session under the SDK: token, replay, timeout, limits, and errors in our words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from requests.adapters import BaseAdapter

from recyclekit import clock
from recyclekit.errors import ConnectorError, RecyclekitError, RefusedError, RetryableError, SignInError
from recyclekit.models.tables import Table
from recyclekit.secrecy import redact
from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit_salesforce.auth import authority, legacy
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.transport import Transport

from .conftest import Source

Opened = Callable[..., Transport]


class Canned(BaseAdapter):
    """Answers in the place of a server: status, body, headers, in turn; keeps what was asked."""

    def __init__(self, *answers: tuple[int, str, Mapping[str, str]]) -> None:
        super().__init__()
        self.answers, self.asked = list(answers), list[requests.PreparedRequest]()
        self.timeouts: list[Any] = []

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # type: ignore[override]  # any keyword
        self.asked.append(request)
        self.timeouts.append(more.get("timeout"))
        status, body, headers = self.answers.pop(0)
        answer = requests.Response()
        answer.status_code, answer._content = status, body.encode()
        answer.headers.update(headers)
        answer.request, answer.url = request, str(request.url)
        return answer

    def close(self) -> None:
        """Nothing is open."""


def canned(opened: Transport, *answers: tuple[int, str, Mapping[str, str]]) -> Canned:
    adapter = Canned(*answers)
    opened.session.mount("https://", adapter)
    return adapter


DEAD = (401, '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]', {})


# -- signing in --------------------------------------------------------------------------------------------------------


def test_client_credentials_sign_in_and_tell_who_we_are(crm: SalesforceSandbox, transport: Opened) -> None:
    opened = transport()
    assert opened.read_json("limits")["DailyApiRequests"]
    assert opened.user == crm.org.robot
    assert crm.token not in redact(f"INVALID_SESSION_ID: {crm.token} is over"), "however Salesforce comes to say it"


def test_a_jwt_signs_in_with_a_key_from_the_settings_or_a_file(
    crm: SalesforceSandbox, transport: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"client_secret": None, "username": crm.sessions.username}
    assert transport(**known, private_key=crm.sessions.private_key).read_json("limits")
    (tmp_path / "key.pem").write_text(crm.sessions.private_key)
    assert transport(**known, private_key_file="key.pem").read_json("limits")
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(SignInError):
        transport(**known, private_key=crm.sessions.private_key).read_json("limits")


def test_a_key_that_is_none_is_told_without_showing_it(crm: SalesforceSandbox, transport: Opened) -> None:
    secret = "-----BEGIN NOTHING-----"
    with pytest.raises(ConnectorError) as caught:
        transport(client_secret=None, username="x", private_key=secret).read_json("limits")
    assert secret not in str(caught.value)
    with pytest.raises(ConnectorError, match="private_key_file"):
        transport(client_secret=None, username="x", private_key_file="nowhere.pem").read_json("limits")


def test_a_user_who_did_not_approve_the_app_is_told_what_to_do(crm: SalesforceSandbox, transport: Opened) -> None:
    crm.sessions.approved = False
    opened = transport(client_secret=None, username=crm.sessions.username, private_key=crm.sessions.private_key)
    with pytest.raises(SignInError, match="hasn't approved") as caught:
        opened.read_json("limits")
    assert "pre-authorised" in caught.value.fix


def test_a_wrong_secret_is_a_refused_sign_in_that_shows_no_secret(transport: Opened) -> None:
    with pytest.raises(SignInError, match="refused the sign-in") as caught:
        transport(client_secret="a wrong one").read_json("limits")
    assert "a wrong one" not in str(vars(caught.value))


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.CUT_OFF, FaultKind.LYING_200, FaultKind.STATUS])
def test_a_sign_in_that_fails_once_is_tried_again(crm: SalesforceSandbox, transport: Opened, kind: FaultKind) -> None:
    crm.faults.add(Fault(kind=kind, path="*/oauth2/token"))
    assert transport().read_json("limits")


SOAP = """<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<loginResponse><result><serverUrl>https://acme.my.salesforce.com/services/Soap/u/64.0/00D</serverUrl>
<sessionId>00D!token</sessionId></result></loginResponse></soapenv:Body></soapenv:Envelope>"""
FAULT = """<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault><faultcode>sf:INVALID_LOGIN</faultcode>
<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode><sf:exceptionMessage>Invalid username</sf:exceptionMessage>
</soapenv:Fault></soapenv:Body></soapenv:Envelope>"""
PASSWORD = {"domain": "acme.my", "username": "u@acme.com", "password": "hidden", "security_token": "st"}


def test_passwords_work_for_those_who_still_have_to_and_are_warned_about(tmp_path: Path) -> None:
    settings, session = SalesforceSettings.model_validate(PASSWORD), requests.Session()
    adapter = Canned((200, SOAP, {}), (500, FAULT, {}))
    session.mount("https://", adapter)
    token = authority(settings, tmp_path, session).token()
    assert (token.bearer, token.address) == ("00D!token", "https://acme.my.salesforce.com")
    assert adapter.asked[0].url == "https://acme.my.salesforce.com/services/Soap/u/64.0"
    with pytest.raises(SignInError, match="INVALID_LOGIN") as caught:
        authority(settings, tmp_path, session).token()
    assert "hidden" not in str(vars(caught.value))
    (finding,) = legacy(settings)
    assert (finding.level, "2027" in finding.what) == ("warning", True)
    assert not legacy(SalesforceSettings(domain="x.my", client_id="i", client_secret=SecretStr("s")))


def test_a_given_token_that_dies_cannot_be_renewed(crm: SalesforceSandbox, transport: Opened) -> None:
    opened = transport(client_id=None, client_secret=None, access_token=crm.token)
    assert opened.read_json("limits")
    crm.expire_tokens()
    with pytest.raises(SignInError, match="any more"):
        opened.read_json("limits")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"client_secret": "s"},
        {"client_id": "i", "client_secret": "s", "access_token": "t"},
        {"private_key": "k", "client_id": "i"},
        {"password": "p", "username": "u"},
        {"client_id": "i", "client_secret": "s", "version": "31.0"},
        {"client_id": "i", "client_secret": "s", "domain": "http://x.my.salesforce.com"},
        {"client_id": "i", "client_secret": "s", "own_fields": {"amount": "Amount"}},
        {"client_id": "i", "client_secret": "s", "own_fields": {"recycle_hook": "x FROM User"}},
        {"client_id": "i", "client_secret": "s", "campaigns": {"a": "not an id"}},
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        SalesforceSettings(**{"domain": "x.my", **given})


@pytest.mark.parametrize(
    ("domain", "address"),
    [
        ("acme.my", "https://acme.my.salesforce.com"),
        ("acme--dev.sandbox.my", "https://acme--dev.sandbox.my.salesforce.com"),
        ("acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://127.0.0.1:8443/", "https://127.0.0.1:8443"),
    ],
)
def test_a_domain_is_written_in_several_ways(domain: str, address: str) -> None:
    settings = SalesforceSettings(domain=domain, client_id="i", client_secret=SecretStr("s"), version="68")
    assert (settings.address, settings.version) == (address, "68.0")


# -- the token's death -------------------------------------------------------------------------------------------------


def test_a_token_that_dies_is_renewed_once_by_many_threads(crm: SalesforceSandbox, transport: Opened) -> None:
    opened = transport()
    opened.read_json("limits")
    crm.expire_tokens()
    threads = [threading.Thread(target=opened.read_json, args=("limits",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert crm.journal.count("*/oauth2/token") == 2
    assert crm.journal.count("*/limits", status=200) == 9


def test_a_replay_carries_all_headers_and_the_body_again(transport: Opened) -> None:
    opened = transport()
    adapter = canned(opened, DEAD, (204, "", {}))
    opened.send("PATCH", "sobjects/Opportunity/006", {"NextStep": "x"}, {"If-Unmodified-Since": "then", "X-Own": "1"})
    first, again = adapter.asked
    assert first.headers["Authorization"] != again.headers["Authorization"]
    for one in adapter.asked:
        assert (one.headers["If-Unmodified-Since"], one.headers["X-Own"], one.body) == (
            "then",
            "1",
            b'{"NextStep": "x"}',
        )


def test_a_token_that_is_refused_even_fresh_ends_in_an_error_not_in_a_storm(transport: Opened) -> None:
    opened = transport()
    adapter = canned(opened, DEAD, DEAD)
    with pytest.raises(SignInError, match="INVALID_SESSION_ID"):
        opened.write_json("PATCH", "composite/sobjects", {"records": []}, repeatable=True)
    assert len(adapter.asked) == 2


@pytest.mark.parametrize("body", ["<html>login</html>", "{}", '"text"', ""])
def test_a_401_that_says_nothing_of_a_session_is_not_replayed(transport: Opened, body: str) -> None:
    opened = transport()
    adapter = canned(opened, (401, body, {}))
    with pytest.raises(SignInError):
        opened.read_json("limits")
    assert len(adapter.asked) == 1


# -- every call --------------------------------------------------------------------------------------------------------


def test_every_call_has_a_timeout_and_the_version_of_the_settings(transport: Opened) -> None:
    opened = transport(timeout=7.0, version="68.0")
    ok = (200, '{"a": 1}', {})
    adapter = canned(opened, ok, ok, (204, "", {}), (201, "", {}))
    opened.read_json("limits")
    opened.write_json("POST", "composite/sobjects", {})
    opened.send("PATCH", "sobjects/Task/00T", {}, {})
    opened.upload("jobs/ingest/750/batches", b"Id\n")
    assert adapter.timeouts == [(5.0, 7.0)] * 4
    assert all("/services/data/v68.0/" in str(one.url) for one in adapter.asked)
    assert not any("X-PrettyPrint" in one.headers for one in adapter.asked)


def test_a_silent_server_is_given_up(crm: SalesforceSandbox, transport: Opened, waits: list[float]) -> None:
    opened = transport(timeout=0.2)
    opened.read_json("limits")
    crm.faults.add(Fault(kind=FaultKind.SILENCE, path="*/limits"))
    assert opened.read_json("limits")
    assert len(waits) == 1


def test_a_certificate_file_that_is_not_there_is_told(transport: Opened) -> None:
    with pytest.raises(ConnectorError, match=r"nowhere\.pem"):
        transport(ca_file="nowhere.pem")


def test_nobody_there_is_told_as_unreachable(crm: SalesforceSandbox, transport: Opened, tmp_path: Path) -> None:
    kept = tmp_path / "kept.pem"
    kept.write_text(Path(crm.settings["ca_file"]).read_text())
    opened = transport(ca_file=str(kept))
    opened.read_json("limits")
    crm.stop()
    with pytest.raises(RetryableError):
        opened.write_json("POST", "composite/sobjects", {})


def test_a_certificate_that_nobody_knows_is_a_matter_of_settings(crm: SalesforceSandbox, transport: Opened) -> None:
    with pytest.raises(ConnectorError, match="ca_file"):
        transport(ca_file=None).read_json("limits")


def test_the_file_of_the_settings_wins_over_the_machines_own(
    crm: SalesforceSandbox, transport: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert transport().read_json("limits")


def test_a_netrc_does_not_replace_the_bearer(
    crm: SalesforceSandbox, transport: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert transport().read_json("limits")


def test_the_header_tells_what_is_left(transport: Opened) -> None:
    opened = transport(keep_calls=0.1)
    info = "api-usage=18/5000; per-app-api-usage=17/250(appName=sample-connected-app)"
    canned(opened, (200, "{}", {"Sforce-Limit-Info": info}))
    opened.read_json("limits")
    assert opened.meter.left == 5000 - 18 - 500


def test_a_read_is_asked_again_after_what_passes_and_not_after_what_stays(
    crm: SalesforceSandbox, source: Source, waits: list[float]
) -> None:
    reader = source()
    for fault in (
        Fault(kind=FaultKind.STATUS, status=500, path="*/describe"),
        Fault(kind=FaultKind.HTML, status=502, path="*/describe"),
        Fault(kind=FaultKind.RESET, path="*/describe"),
        Fault(kind=FaultKind.LYING_200, path="*/describe", body="{}"),
        Fault(kind=FaultKind.STATUS, status=503, retry_after=17.0, path="*/describe"),
    ):
        crm.faults.add(fault)
    assert reader.columns(Table.ACCOUNTS)
    assert len(waits) == 5
    assert 17.0 in waits
    waits.clear()
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=400, path="*/query", times=None))
    with pytest.raises(RefusedError, match="MALFORMED_QUERY"):
        list(reader.pages(Table.ACCOUNTS, None, ["Id"]))
    assert not waits


def test_no_error_shows_a_query_or_a_token(crm: SalesforceSandbox, source: Source) -> None:
    reader = source()
    reader.mapped()
    crm.faults.add(Fault(kind=FaultKind.RESET, path="*/query", times=None))
    with pytest.raises(RecyclekitError) as caught:
        list(reader.pages(Table.DEALS, None, ["Id"]))
    told = str(vars(caught.value)) + str(caught.value)
    assert "SELECT" not in told
    assert crm.token not in told
    assert caught.value.__cause__ is None

"""A token is refreshed on its time, once for all threads, and once more when HubSpot says that it is over."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from recyclekit import secrecy
from recyclekit.errors import SignInError
from recyclekit_hubspot.auth import FixedToken, RefreshedToken
from recyclekit_hubspot.settings import OAuth

OAUTH = OAuth(client_id="app", client_secret=SecretStr("hush"), refresh_token=SecretStr("again"))


class TokenAddress:
    """Gives tokens one after the other, each for half an hour."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.lock = threading.Lock()

    def __call__(self, form: dict[str, str]) -> dict[str, object]:
        with self.lock:
            self.forms.append(form)
            return {"access_token": f"token-{len(self.forms)}", "expires_in": 1800}


def test_a_fixed_token_has_no_newer_one() -> None:
    signed_in = FixedToken(SecretStr("pat-x"))
    assert not signed_in.refused(signed_in.bearer())


def test_a_token_is_refreshed_a_minute_before_its_end() -> None:
    address, now = TokenAddress(), [0.0]
    signed_in = RefreshedToken(OAUTH, address, lambda: now[0])
    assert signed_in.bearer().token.get_secret_value() == "token-1"
    now[0] = 1739.0
    assert signed_in.bearer().token.get_secret_value() == "token-1"
    now[0] = 1741.0
    assert signed_in.bearer().token.get_secret_value() == "token-2"
    assert address.forms[0] == {
        "grant_type": "refresh_token", "client_id": "app", "client_secret": "hush", "refresh_token": "again",
    }  # fmt: skip


def test_many_threads_whose_token_is_refused_refresh_it_once() -> None:
    address = TokenAddress()
    signed_in = RefreshedToken(OAUTH, address, lambda: 0.0)
    old = signed_in.bearer()
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: signed_in.refused(old), range(32)))
    assert len(address.forms) == 2
    assert signed_in.bearer().token.get_secret_value() == "token-2"


def test_an_answer_without_a_token_is_told() -> None:
    signed_in = RefreshedToken(OAUTH, lambda _: {"expires_in": 1800}, lambda: 0.0)
    with pytest.raises(SignInError, match="no access token"):
        signed_in.bearer()


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "_known", set())
    signed_in = RefreshedToken(OAUTH, TokenAddress(), lambda: 0.0)
    assert "hush" not in repr(signed_in)
    assert "again" not in repr(signed_in)
    assert "token-1" not in repr(signed_in.bearer())
    assert "token-1" not in secrecy.redact("HubSpot said: token-1 is over")

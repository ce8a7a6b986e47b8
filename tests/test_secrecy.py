"""Secrets are recognised in every form in which a text may carry them."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from recyclekit import secrecy


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "_known", set())


CANARY = 'pä"t-na1\\x/+ 9sEcret'
FORMS = {
    "plain": CANARY,
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "basic sign-in": base64.b64encode(f"user:{CANARY}".encode()).decode(),
    "base64 inside": base64.urlsafe_b64encode(f"ab:{CANARY}:z".encode()).decode(),
    "quoted": quote(CANARY),
    "quoted whole": quote(CANARY, safe=""),
    "form": quote_plus(CANARY),
    "query": urlencode({"token": CANARY}),
    "json": json.dumps({"a": CANARY}),
    "json in json": json.dumps(json.dumps({"a": CANARY})),
    "json utf-8": json.dumps({"a": CANARY}, ensure_ascii=False),
    "repr": repr({"a": CANARY}),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_taken_out_in_every_form(form: str) -> None:
    secrecy.remember(CANARY)
    redacted = secrecy.redact(f"it said: {FORMS[form]}, sorry")
    assert secrecy.SHOWN in redacted
    assert not any(look in redacted for look in secrecy.looks_of(CANARY))
    assert redacted.startswith("it said: ")
    assert redacted.endswith(", sorry")


@given(st.text(min_size=8, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_survives_whatever_stands_around_it(secret: str, before: str, after: str) -> None:
    before_known = set(secrecy._known)
    try:
        secrecy.remember(secret)
        if secret in secrecy._known:
            assert secret not in secrecy.redact(before + secret + after).replace(secrecy.SHOWN, "\0")
    finally:
        secrecy._known.clear()
        secrecy._known.update(before_known)


def test_settings_give_their_secrets_however_deep_they_lie() -> None:
    class Inner(BaseModel):
        key: SecretStr

    class Settings(BaseModel):
        url: str
        token: SecretStr
        inner: dict[str, list[Inner]]

    secrecy.remember_all(Settings.model_validate(
        {"url": "https://crm.test", "token": "token-1", "inner": {"a": [{"key": "key-22"}]}}
    ))  # fmt: skip
    assert secrecy.redact("https://crm.test token-1 key-22") == f"https://crm.test {secrecy.SHOWN} {secrecy.SHOWN}"


def test_the_password_of_an_address_is_a_secret_and_its_host_is_not() -> None:
    secrecy.remember_address("postgresql+psycopg://me:pass%40word@db.test/main")
    secrecy.remember_address("sqlite:///ledger.db")
    assert secrecy.redact("pass@word pass%40word db.test me") == f"{secrecy.SHOWN} {secrecy.SHOWN} db.test me"


def test_a_secret_too_short_to_tell_from_a_word_is_not_looked_for() -> None:
    secrecy.remember("abc")
    assert secrecy.redact("abcdef") == "abcdef"

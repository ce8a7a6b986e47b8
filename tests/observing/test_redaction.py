"""No secret and no person in any log, in whatever shape, from whatever library."""

from __future__ import annotations

import base64
import io
import json
import logging
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recyclekit import secrecy
from recyclekit.observing.logs import formatter
from recyclekit.observing.redaction import MAIL, PHONE, SECRET, clean, install, redact, redacted

CANARY = "s3cr3t/C+nary=\"tok'en\\é"
MAILBOX, TELEPHONE = "yamada.hanako@example.co.jp", "090-1234-5678"
LOGGERS = (
    "recyclekit.run", "recyclekit_hubspot.transport", "urllib3.connectionpool", "hubspot", "simple_salesforce.api",
    "sqlalchemy.engine.Engine", "requests", "httpx", "prefect.flow_runs", "prefect.task_runs", "prefect.client", "root",
)  # fmt: skip
FORMS = {
    "plain": lambda s: s,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 of user and secret": lambda s: base64.b64encode(f"user:{s}".encode()).decode(),
    "urlsafe base64": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "URL-quoted": lambda s: urllib.parse.quote(s, safe=""),
    "in a query": lambda s: urllib.parse.urlencode({"q": s}),
    "JSON": lambda s: json.dumps({"value": s}),
    "JSON as UTF-8": lambda s: json.dumps({"value": s}, ensure_ascii=False),
    "JSON in JSON": lambda s: json.dumps(json.dumps({"value": s})),
    "repr": repr,
    "repr of a dict": lambda s: repr({"value": s}),
}


@pytest.fixture(autouse=True)
def cleaning(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clean this process's records as the product does; afterwards all is as it was."""
    before, hooks = logging.getLogRecordFactory(), (sys.excepthook, threading.excepthook)
    monkeypatch.setattr(secrecy, "_known", set())
    secrecy.remember(CANARY)
    install()
    yield
    logging.setLogRecordFactory(before)
    sys.excepthook, threading.excepthook = hooks


class Heard:
    """A handler that knows nothing of us: what it writes is what any handler would."""

    def __init__(self, name: str, form: logging.Formatter | None = None) -> None:
        self.logger, self.stream = logging.getLogger(name if name != "root" else None), io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(form or logging.Formatter("%(name)s %(message)s"))

    def __enter__(self) -> Heard:
        self.logger.addHandler(self.handler)
        self.level, self.logger.level = self.logger.level, logging.DEBUG
        self.logger.manager._clear_cache()  # type: ignore[attr-defined]  # the level was set behind its back
        return self

    def __exit__(self, *_: object) -> None:
        self.logger.removeHandler(self.handler)
        self.logger.setLevel(self.level)

    @property
    def text(self) -> str:
        return self.stream.getvalue()


def is_clean(text: str) -> bool:
    looks = secrecy.looks_of(CANARY)
    return (
        bool(text.strip()) and not any(look in text for look in looks) and MAILBOX not in text and TELEPHONE not in text
    )


@pytest.mark.parametrize("name", LOGGERS)
@pytest.mark.parametrize("form", FORMS)
def test_a_canary_is_in_no_record_whoever_logs_it(name: str, form: str) -> None:
    said = FORMS[form](CANARY)
    with Heard(name) as heard:
        heard.logger.warning("answered %s to %s, call %s", said, MAILBOX, TELEPHONE)
        heard.logger.warning(f"answered {said}")
        heard.logger.error("headers: %r", {"x": said})
    assert is_clean(heard.text)


@pytest.mark.parametrize("name", LOGGERS)
def test_a_canary_in_an_exception_is_not_shown_by_its_arguments_its_cause_or_its_traceback(name: str) -> None:
    with Heard(name) as heard:
        try:
            try:
                raise OSError(401, CANARY)
            except OSError as cause:
                raise ValueError(f"no answer for {MAILBOX}", {"password": CANARY}) from cause
        except ValueError as error:
            heard.logger.exception("it broke")
            heard.logger.warning("it broke: %r with %s", error, error.args)
    assert is_clean(heard.text)
    assert "Traceback" in heard.text
    assert "ValueError" in heard.text


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_caller_puts_beside_the_message_is_clean_in_our_lines(form: str) -> None:
    with Heard("somebody", formatter(form)) as heard:
        heard.logger.warning("sent", extra={"header": CANARY, "who": {"mail": [MAILBOX]}, "password": "kurz", "n": 3})
        try:
            raise ValueError(CANARY)
        except ValueError:
            heard.logger.exception("broke")
    assert is_clean(heard.text)
    assert "kurz" not in heard.text


def test_a_canary_is_not_printed_when_a_process_breaks() -> None:
    code = f"""
from recyclekit import secrecy
from recyclekit.observing.redaction import install
import threading
secrecy.remember({CANARY!r}); install()
def broken(): raise ValueError(chr(0x20).join(["it is", {CANARY!r}]))
thread = threading.Thread(target=broken); thread.start(); thread.join()
broken()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("ValueError: it is **********") == 2


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("authorization: Bearer abcDEF123.456_x-9", f"authorization: Bearer {SECRET}"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {SECRET}"),
        ("{'Authorization': 'Bearer abc12345def'}", f"{{'Authorization': 'Bearer {SECRET}'}}"),
        ("token pat-na1-0a1b2c3d-4e5f-6a7b was refused", f"token {SECRET} was refused"),
        ("password=hunter22&grant_type=password", f"password={SECRET}&grant_type=password"),
        ('{"client_secret": "abcd1234", "x": 1}', f'{{"client_secret": "{SECRET}", "x": 1}}'),
        ('"{\\"refresh_token\\": \\"abcd1234\\"}"', f'"{{\\"refresh_token\\": \\"{SECRET}\\"}}"'),
        ("api_key='abcd1234'", f"api_key='{SECRET}'"),
        ("postgresql+psycopg://ledger:pa55wort@db/recyclekit", f"postgresql+psycopg://ledger:{SECRET}@db/recyclekit"),
        ("https://u:p%40ss@proxy:8080 failed", f"https://u:{SECRET}@proxy:8080 failed"),
        ("sid 00D5g000004abcd!AQ4AQHb.x_y0123456789", f"sid {SECRET}"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbg", SECRET),
        ("key -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- end", f"key {SECRET} end"),
        (f"mail to {MAILBOX}, please", f"mail to {MAIL}, please"),
        ("q=yamada%40example.co.jp&x=1", f"q={MAIL}&x=1"),
        ("call 03-1234-5678 or (03) 1234-5678", f"call {PHONE} or {PHONE}"),
        ("call +81 90 1234 5678", f"call {PHONE}"),
        ("call +1 (415) 555-0132 today", f"call {PHONE} today"),
        ("電話 ０９０－１２３４－５６７８ まで", f"電話 {PHONE} まで"),
        ("09012345678", PHONE),
        ("(03)1234-5678 or 03(1234)5678", f"{PHONE} or {PHONE}"),
        ("hanako＠example.co.jp", MAIL),
        ("(415) 555-0132", PHONE),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_or_a_person_is_taken_out(said: str, shown: str) -> None:
    assert redact(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "run r20261122-075457-a1b2 of pipeline main: 1,234 deals, 12 writes in 3.5 s",
        "2026-11-22 07:54:57.123456 GET /crm/v3/objects/deals?limit=100&after=12345678901 → 200",
        "task main:123456789:1:first is done; correlation 0a1b2c3d-4e5f-6a7b-8c9d-0123456789ab",
        "sqlite:////var/lib/recyclekit/ledger.db", "postgresql+psycopg://recyclekit@127.0.0.1:5432/ledger",
        "http://127.0.0.1:4200/api", "prefect 3.8.8, sqlalchemy 2.0.58, 192.168.100.200",
        "the token has expired; sign in again", "amount 1200000 JPY, budget 0312345678901",
        "SELECT runs.run FROM runs WHERE runs.token = ?", "basic authentication is off", "3 tokens, 5 passwords",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "日付は 2025-05-05 です",
    ],
)  # fmt: skip
def test_ids_times_addresses_of_machines_and_plain_words_stay(said: str) -> None:
    assert redact(said) == said


@given(secret=st.text(min_size=8, max_size=40), form=st.sampled_from(sorted(FORMS)), around=st.text(max_size=20))
def test_any_secret_is_found_in_any_form(secret: str, form: str, around: str) -> None:
    assume(len(secret.strip()) >= secrecy.SHORTEST and secret.strip("* "))
    secrecy._known.clear()
    secrecy.remember(secret)
    try:
        said = FORMS[form](secret)
    except UnicodeEncodeError:
        return
    coded = said if form != "urlsafe base64" else said.rstrip("=")
    assert coded not in redact(f"{around} {said} {around}")


def test_a_value_with_a_telling_name_is_hidden_however_short() -> None:
    assert redacted({"password": "x", "n": [1, None, CANARY], "deal": "12345"}) == {
        "password": SECRET,
        "n": [1, None, SECRET],
        "deal": "12345",
    }


def test_a_record_that_cannot_be_read_is_not_let_through() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError(CANARY)

    record = clean(logging.LogRecord("x", logging.INFO, "x.py", 1, "%s", (Broken(),), None))
    assert record.getMessage() == "a message that cannot be shown (RuntimeError)"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["a", "a-", "a.", "0-", "a@", "://", "token", "(0", "password=", "x" * 50 + " "])
def test_no_text_takes_long(text: str) -> None:
    redact(text * (200_000 // len(text)))


def test_cleaning_is_installed_once() -> None:
    before: Any = logging.getLogRecordFactory()
    install()
    assert logging.getLogRecordFactory() is before

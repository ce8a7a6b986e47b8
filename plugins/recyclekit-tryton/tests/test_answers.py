"""What Tryton's answers mean, without a server: bodies as it sends them."""

from __future__ import annotations

from io import BytesIO

import pytest
from urllib3 import HTTPResponse

from recyclekit.errors import InDoubtError, RefusedError, RetryableError, SignInError
from recyclekit_tryton.answers import records, refuse
from recyclekit_tryton.columns import text
from recyclekit_tryton.field_map import note_text, read_note

KEY_ERROR = (
    b"<!doctype html><title>500 Internal Server Error</title><h1>Internal Server Error</h1><p>&#39;nosuch&#39;</p>"
)
READONLY = b'{"status": 400, "message": "You are not allowed to modify the field \\"Comment\\".", "description": ""}'


@pytest.mark.parametrize(
    ("status", "body", "wrote", "error"),
    [
        (401, b"", False, SignInError),
        (403, b"<h1>Forbidden</h1>", True, SignInError),
        (400, READONLY, True, RefusedError),
        (404, b"<h1>Not Found</h1>", False, RefusedError),
        (500, KEY_ERROR, False, RefusedError),
        (500, b"<h1>Internal Server Error</h1>", False, RetryableError),
        (500, b"<h1>Internal Server Error</h1>", True, InDoubtError),
        (502, b"<html>", True, InDoubtError),
        (503, b"", True, RetryableError),
        (429, b"", False, RetryableError),
    ],
)
def test_a_status_becomes_the_error_that_says_what_to_do(
    status: int, body: bytes, wrote: bool, error: type[Exception]
) -> None:
    with pytest.raises(error):
        refuse(HTTPResponse(BytesIO(body), status=status), "sale.opportunity", wrote=wrote)


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("1.5", 1.5), ("soon", None), (None, None)])
def test_what_a_busy_server_asks_to_wait_is_handed_on(said: str | None, seconds: float | None) -> None:
    with pytest.raises(RetryableError) as told:
        refuse(HTTPResponse(BytesIO(), status=503, headers={"Retry-After": said} if said else {}), "m", wrote=False)
    assert told.value.retry_after == seconds


def test_a_refusal_names_the_field_and_what_tryton_said() -> None:
    with pytest.raises(RefusedError, match="not allowed to modify") as told:
        refuse(HTTPResponse(BytesIO(READONLY), status=400), "sale.opportunity", wrote=True)
    assert (told.value.field, told.value.code) == ("Comment", "400")


@pytest.mark.parametrize("body", [b"", b"null", b"<html>ok</html>", b'{"ok": true}', b"[1, 2]"])
def test_a_200_without_a_record_proves_nothing(body: bytes) -> None:
    with pytest.raises(InDoubtError):
        records(body, wrote=True)
    with pytest.raises(RetryableError):
        records(body, wrote=False)


def test_times_are_utc_and_decimals_are_plain() -> None:
    at = {"__class__": "datetime", "year": 2026, "month": 3, "day": 1, "hour": 23, "minute": 59, "second": 1}
    assert text({**at, "microsecond": 0}) == "2026-03-01T23:59:01Z"
    assert text({"__class__": "Decimal", "decimal": "1E+3"}) == "1E+3"
    assert [text(value) for value in (True, 0, "", None)] == ["true", "0", None, None]


@pytest.mark.parametrize("hook", ["one line", "two\nlines", 'with: "quotes"', "recycle_track: no", "「鉤」 – é"])
def test_a_note_of_ours_is_read_as_it_was_written(hook: str) -> None:
    key, fields = read_note(note_text("main:1:1:fields:r1", {"recycle_hook": hook, "recycle_cycle": 2})) or ("", {})
    assert (key, fields) == ("main:1:1:fields:r1", {"recycle_hook": hook, "recycle_cycle": 2})


@pytest.mark.parametrize("message", [None, "", "[recyclekit] hello", "key: x\nrecycle_track: 1"])
def test_any_other_note_is_left_to_people(message: str | None) -> None:
    assert read_note(message) is None

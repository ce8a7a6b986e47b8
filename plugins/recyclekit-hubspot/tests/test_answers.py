"""HubSpot's answers, recorded and documented ones, become the errors of recyclekit.errors and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recyclekit.errors import InDoubtError, QuotaError, RefusedError, RemoteError, RetryableError, SignInError
from recyclekit_hubspot.answers import (
    Answer,
    NoProofError,
    error_of,
    fault_of,
    read_batch,
    read_nothing,
    read_object,
    read_results,
)

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "api"


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def throttled(message: str, policy: str = "", **headers: str) -> Answer:
    body = {"status": "error", "message": message, "errorType": "RATE_LIMIT", "correlationId": "c-1"}
    return answer(429, body | ({"policyName": policy} if policy else {}), **headers)


def test_too_many_calls_in_ten_seconds_are_tried_again_after_ten_where_hubspot_does_not_say_when() -> None:
    error = error_of(
        throttled("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING"), writes=True
    )
    assert isinstance(error, RetryableError)
    assert error.retry_after == 10.0


def test_too_many_searches_are_tried_again_after_a_second() -> None:
    error = error_of(throttled("You have reached your secondly limit."), writes=False)
    assert isinstance(error, RetryableError)
    assert error.retry_after == 1.0
    error = error_of(throttled("Slow down."), writes=False, searches=True)
    assert isinstance(error, RetryableError)
    assert error.retry_after == 1.0


@pytest.mark.parametrize(("header", "wait"), [("3", 3.0), ("0", 1.0), ("0.2", 1.0), ("4000", 60.0), ("soon", 10.0)])
def test_a_wait_that_hubspot_asks_for_is_believed_between_a_second_and_a_minute(header: str, wait: float) -> None:
    error = error_of(throttled("limit", "TEN_SECONDLY_ROLLING", retry_after=header), writes=False)
    assert isinstance(error, RetryableError)
    assert error.retry_after == wait


@pytest.mark.parametrize("policy", ["DAILY", ""])
def test_a_day_that_is_used_up_is_a_quota_and_is_not_tried_again(policy: str) -> None:
    error = error_of(throttled("You have reached your daily limit.", policy), writes=False)
    assert isinstance(error, QuotaError)
    assert "midnight" in error.fix


def test_an_account_that_is_being_moved_says_for_how_long() -> None:
    error = error_of(answer(477, {}, retry_after="86400"), writes=True)
    assert isinstance(error, RetryableError)
    assert error.retry_after == 86400.0


def test_what_is_locked_waits_two_seconds_at_least() -> None:
    error = error_of(answer(423, {}), writes=True)
    assert isinstance(error, RetryableError)
    assert error.retry_after == 2.0


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 521, 524])
def test_a_fault_of_the_server_leaves_a_write_in_doubt_and_a_read_to_be_tried_again(status: int) -> None:
    html = b"<html><body>Bad Gateway</body></html>"
    assert isinstance(error_of(answer(status, html), writes=True), InDoubtError)
    assert isinstance(error_of(answer(status, html), writes=False), RetryableError)


def test_a_missing_scope_is_named() -> None:
    body = {
        "status": "error", "category": "MISSING_SCOPES", "message": "This app hasn't been granted all required scopes",
        "errors": [{"message": "x", "context": {"requiredGranularScopes": ["crm.lists.write"]}}],
    }  # fmt: skip
    error = error_of(answer(403, body), writes=True)
    assert isinstance(error, SignInError)
    assert "crm.lists.write" in error.what


@pytest.mark.parametrize(
    ("status", "body"), [(401, {"category": "INVALID_AUTHENTICATION"}), (530, b"<html>"), (403, {})]
)
def test_a_refused_token_is_a_matter_of_signing_in(status: int, body: Any) -> None:
    assert isinstance(error_of(answer(status, body), writes=False), SignInError)


def test_a_refusal_names_code_field_and_correlation() -> None:
    body = {
        "status": "error", "correlationId": "c-9", "category": "VALIDATION_ERROR",
        "message": 'Property values were not valid: [{"isValid":false,"message":"Property \\"x\\" does not exist",'
        '"error":"PROPERTY_DOESNT_EXIST","name":"x"}]',
        "errors": [{"message": 'Property "x" does not exist', "code": "PROPERTY_DOESNT_EXIST",
                    "context": {"propertyName": ["x"]}}],
    }  # fmt: skip
    error = error_of(answer(400, body), writes=True)
    assert isinstance(error, RefusedError)
    assert (error.code, error.field, error.correlation) == ("PROPERTY_DOESNT_EXIST", "x", "c-9")


def test_a_refusal_that_hides_its_detail_in_the_message_is_read_too() -> None:
    body = {
        "category": "VALIDATION_ERROR",
        "message": 'Property values were not valid: [{"isValid":false,"error":"INVALID_INTEGER","name":"amount"}]',
    }
    fault = fault_of(json.dumps(body).encode())
    assert (fault.code, fault.field) == ("INVALID_INTEGER", "amount")


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers lie outside of the repository")
def test_the_recorded_refusal_names_its_code_and_field() -> None:
    body = json.loads((RECORDED / "hubspot_examples.json").read_bytes())["validation_error_400"]
    error = error_of(answer(400, body), writes=True)
    assert isinstance(error, RefusedError)
    assert (error.code, error.field) == ("INVALID_OPTION", "monthly_visitors")
    assert error.correlation == body["correlationId"]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"<html>", b"[]", b"null", b'"text"', b"{}", b'{"errors":[1]}'])
@pytest.mark.parametrize("status", [400, 401, 404, 409, 414, 418, 429, 500, 530])
def test_no_body_however_odd_breaks_the_reading_of_an_error(status: int, body: bytes) -> None:
    assert isinstance(error_of(answer(status, body), writes=True), RemoteError)


def test_a_lying_answer_is_no_proof() -> None:
    for body in (b"<html>", b"", b"[]", b"{}", b'{"status":"COMPLETE"}', b'{"results":[{"id":"1"'):
        with pytest.raises(NoProofError):
            read_batch(answer(200, body))
    with pytest.raises(NoProofError, match="none is named"):
        read_batch(answer(207, {"results": [], "numErrors": 2}))
    with pytest.raises(NoProofError):
        read_nothing(answer(200, b"{}"))
    with pytest.raises(NoProofError):
        read_object(answer(200, b"[1]"))
    with pytest.raises(NoProofError):
        read_results(answer(200, {"results": "many"}))


def test_a_partial_answer_tells_results_from_errors_in_either_shape() -> None:
    body = {"status": "COMPLETE", "results": [{"id": "1"}], "numErrors": 1, "errors": [{"message": "no"}]}
    for status in (200, 207):
        batch = read_batch(answer(status, body))
        assert [one["id"] for one in batch.results] == ["1"]
        assert [one["message"] for one in batch.errors] == ["no"]


def test_no_error_quotes_more_of_a_body_than_its_beginning() -> None:
    with pytest.raises(NoProofError) as raised:
        read_object(answer(200, b"x" * 39 + b"secret@example.com"))
    assert "secret@example" not in str(raised.value)

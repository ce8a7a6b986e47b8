"""Recorded answers of real orgs, and those that documents print, read as what they mean."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import requests

from recyclekit.errors import (
    InDoubtError,
    QuotaError,
    RefusedError,
    RemoteError,
    RetryableError,
    SignInError,
)
from recyclekit.models.run import ReceiptState
from recyclekit.testing import set_fields
from recyclekit_salesforce.answers import (
    ChangedError,
    ExpiredLocatorError,
    bulk_refusal,
    problem,
    receipt,
    refusal,
    rows,
)
from recyclekit_salesforce.columns.catalogue import Described, is_page
from recyclekit_salesforce.columns.decoding import alike, from_csv, from_records
from recyclekit_salesforce.field_map import KINDS
from recyclekit_salesforce.source.cursor import moment

SHARED = Path(__file__).parents[4] / "shared" / "data" / "api"
ACTION = set_fields("006", {})


def answer(status: int, body: object, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = (body if isinstance(body, str) else json.dumps(body)).encode()
    made.headers.update(headers)
    return made


def error(code: str, message: str = "", **more: Any) -> list[dict[str, Any]]:
    return [{"errorCode": code, "message": message, **more}]


@pytest.mark.parametrize(
    ("status", "body", "read", "written"),
    [
        (400, error("MALFORMED_QUERY"), RefusedError, RefusedError),
        (400, error("INVALID_FIELD", "No such column 'X__c'"), SignInError, SignInError),
        (400, error("INVALID_QUERY_LOCATOR"), ExpiredLocatorError, ExpiredLocatorError),
        (400, error("UNABLE_TO_LOCK_ROW"), RetryableError, RetryableError),
        (401, error("INVALID_SESSION_ID"), SignInError, SignInError),
        (403, error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), QuotaError, QuotaError),
        (403, error("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
         RetryableError, RetryableError),
        (403, error("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded"),
         RetryableError, RetryableError),
        (403, error("API_DISABLED_FOR_ORG"), SignInError, SignInError),
        (404, error("NOT_FOUND"), RefusedError, RefusedError),
        (408, "", RetryableError, RetryableError),
        (412, error("PRECONDITION_FAILED"), ChangedError, ChangedError),
        (414, "<html>", RefusedError, RefusedError),
        (429, "", RetryableError, RetryableError),
        (500, error("UNKNOWN_EXCEPTION"), RetryableError, InDoubtError),
        (500, error("QUERY_TIMEOUT"), RetryableError, RetryableError),
        (502, "<html>Bad Gateway</html>", RetryableError, InDoubtError),
        (503, error("SERVER_UNAVAILABLE"), RetryableError, RetryableError),
        (300, "[]", RefusedError, RefusedError),
    ],
)  # fmt: skip
def test_every_status_and_code_has_its_class(
    status: int, body: object, read: type[RemoteError], written: type[RemoteError]
) -> None:
    assert type(problem(answer(status, body), writes=False)) is read
    assert type(problem(answer(status, body), writes=True)) is written


def test_a_hint_to_wait_and_the_vendors_field_come_through() -> None:
    later = problem(answer(503, "", **{"Retry-After": "17"}), writes=True)
    assert isinstance(later, RetryableError)
    assert later.retry_after == 17.0
    refused = problem(answer(400, error("FIELD_CUSTOM_VALIDATION_EXCEPTION", "no", fields=["X__c"])), writes=True)
    assert isinstance(refused, RefusedError)
    assert (refused.code, refused.field) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "X__c")


@pytest.mark.parametrize("body", [None, 1, [], {}, [[]], ["text"], [{"errors": 1}], "text"])
def test_rubbish_in_an_answer_is_no_error_of_ours(body: object) -> None:
    assert refusal(body) is None
    assert receipt(ACTION, body).state is ReceiptState.IN_DOUBT
    with pytest.raises(InDoubtError):
        rows(body, 2, "PATCH")


def test_the_rows_of_the_documents_are_read() -> None:
    dead = {"success": False, "errors": [{"statusCode": "DUPLICATES_DETECTED", "message": "Use one?", "fields": []}]}
    assert (receipt(ACTION, dead).state, receipt(ACTION, dead).code) == ("failed", "DUPLICATES_DETECTED")
    done = {"id": "001RM000003oCprYAE", "success": True, "errors": []}
    assert receipt(ACTION, done).state is ReceiptState.DONE
    assert receipt(ACTION, done, expect="001RM000003oCpr").state is ReceiptState.DONE, "15 or 18 characters"
    assert receipt(ACTION, done, expect="001RM000003oZZZ").state is ReceiptState.IN_DOUBT


def test_a_message_that_quotes_a_mail_address_is_kept_without_it() -> None:
    said = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Ask taro.yamada@example.co.jp, please."}
    found = receipt(ACTION, {"success": False, "errors": [said]})
    assert found.reason == "Ask (an address), please."


@pytest.mark.parametrize(
    ("text", "code", "message", "field"),
    [
        ("REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --", "REQUIRED_FIELD_MISSING",
         "Required fields are missing: [Name]", "Name"),
        ("STRING_TOO_LONG:Hook: data value too large:Hook__c,X --", "STRING_TOO_LONG", "Hook: data value too large",
         "Hook__c"),
        ("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--", "UNABLE_TO_LOCK_ROW",
         "unable to obtain exclusive access to this record", ""),
    ],
)  # fmt: skip
def test_the_error_column_of_a_bulk_result_is_read(text: str, code: str, message: str, field: str) -> None:
    found = bulk_refusal(text)
    assert (found.code, found.message, found.field) == (code, message, field)


# -- recordings --------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded() -> list[dict[str, Any]]:
    path = SHARED / "salesforce_rest.jsonl.gz"
    if not path.is_file():
        pytest.skip("the recorded answers are not beside this checkout; the repository's own tests do not need them")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture
def bodies() -> dict[str, Any]:
    path = SHARED / "salesforce_bodies.json"
    if not path.is_file():
        pytest.skip("the recorded answers are not beside this checkout; the repository's own tests do not need them")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def of(recorded: list[dict[str, Any]], path: str, method: str = "*") -> Iterator[dict[str, Any]]:
    found = [one for one in recorded if path in one["path"] and method in ("*", one["method"])]
    assert found, f"nothing was recorded of {path}"
    yield from found


def test_recorded_queries_are_pages_and_become_columns(recorded: list[dict[str, Any]]) -> None:
    for one in of(recorded, "/query"):
        if one["status"] == 200:
            body = one["response_body"]
            assert is_page(body)
            names = [name for name in (body["records"] or [{}])[0] if name != "attributes"]
            frame = from_records(body["records"], dict.fromkeys(names, "string"))
            assert frame.height == len(body["records"])


def test_recorded_describes_have_fields_and_types(recorded: list[dict[str, Any]]) -> None:
    for one in of(recorded, "/describe"):
        if one["status"] == 200 and "fields" in one["response_body"]:
            described = Described("X", one["response_body"])
            assert described.has("Id")
            assert described.types["Id"] == "id"


def test_recorded_rows_of_collections_are_done_or_failed_with_a_code(recorded: list[dict[str, Any]]) -> None:
    seen = set()
    for one in of(recorded, "/composite/sobjects"):
        if one["status"] == 200 and isinstance(one["response_body"], list):
            for row in rows(one["response_body"], len(one["response_body"]), "POST"):
                found = receipt(ACTION, row)
                seen.add(found.code or found.state.value)
                assert found.state in {ReceiptState.DONE, ReceiptState.FAILED}
    assert {"done", "INVALID_EMAIL_ADDRESS"} <= seen


def test_recorded_refusals_are_errors_of_ours(recorded: list[dict[str, Any]]) -> None:
    refused = [one for one in recorded if one["status"] >= 400]
    assert refused
    for one in refused:
        found = problem(answer(one["status"], one["response_body"]), writes=one["method"] != "GET")
        assert isinstance(found, RemoteError)
        assert found.why


def test_printed_bodies_are_read(bodies: dict[str, Any]) -> None:
    page = bodies["query_success_response"]
    frame = from_records(page["records"], {"DateTime_Label": "datetime", "Checkbox_Label": "boolean"})
    assert frame.rows() == [("2011-07-07T00:37:00.000Z", "false")]
    assert moment(page["records"][0]["DateTime_Label"]).hour == 0
    assert isinstance(problem(answer(400, bodies["query_error_response"]), writes=False), SignInError)
    assert isinstance(problem(answer(404, bodies["sobject_describe_error_response"]), writes=False), RefusedError)
    described = Described("Whizbang", bodies["sobject_describe_success_response"])
    assert described.fields["OwnerId"]["updateable"] is True


def test_a_printed_bulk_result_becomes_columns() -> None:
    path = SHARED / "salesforce_bulk2.json"
    if not path.is_file():
        pytest.skip("the recorded answers are not beside this checkout; the repository's own tests do not need them")
    text = json.loads(path.read_text(encoding="utf-8"))["successful_results_csv"]
    frame = from_csv(text.encode(), ["sf__Id", "sf__Created"], 2)
    assert frame.rows() == [("a011s00000DML8XAAX", "true"), ("a011s00000DML8YAAX", "true")]


@pytest.mark.parametrize("zone", ["Z", "+0000"])
def test_times_are_written_alike_on_pages_and_in_bulk(zone: str) -> None:
    text = f"2026-03-01T10:00:00.000{zone}"
    paged = from_records([{"At": text}], {"At": "datetime"})
    bulk = alike(from_csv(f'At\n"{text}"\n'.encode(), ["At"], 1), {"At": "datetime"})
    assert paged.rows() == bulk.rows() == [("2026-03-01T10:00:00.000Z",)]


def test_numbers_are_written_alike_on_pages_and_in_bulk() -> None:
    types = {"Amount": "currency", "Name": "string"}
    records: list[dict[str, object]] = [
        {"Amount": 1000.0, "Name": "1.0"},
        {"Amount": 10.5, "Name": None},
        {"Amount": None},
    ]
    paged = from_records(records, types)
    bulk = alike(from_csv(b'Amount,Name\n"1000.0","1.0"\n"10.5",""\n"",""\n', [*types], 3), types)
    assert paged.rows() == bulk.rows() == [("1000", "1.0"), ("10.5", None), (None, None)]


def test_values_of_another_type_than_described_are_texts_all_the_same() -> None:
    records: list[dict[str, object]] = [{"X": True}, {"X": 1.5}, {"X": "text"}, {"X": None}, {}]
    assert from_records(records, {"X": "anyType"})["X"].to_list() == ["true", "1.5", "text", None, None]
    assert from_records(records, {"X": "boolean"})["X"].to_list() == ["true", "1.5", "text", None, None]
    assert from_records([], {"X": "double"}).schema == {"X": pl.String}


def test_half_a_bulk_part_is_never_taken_for_a_whole_one() -> None:
    whole = 'Id,Name\n"1","a\nb"\n"2",""\n'
    assert from_csv(whole.encode(), ["Id", "Name"], 2).rows() == [("1", "a\nb"), ("2", None)]
    assert from_csv(whole.rstrip().encode(), ["Id", "Name"], 2).height == 2
    # Behind the last comma it looks whole; there the length that HTTP announces tells.
    for end in {*range(1, len(whole) - 1)} - {whole.rindex(",") + 1}:
        with pytest.raises(RetryableError):
            from_csv(whole[:end].encode(), ["Id", "Name"], 2)


def test_every_kind_of_activity_is_one_of_ours() -> None:
    from recyclekit.models.tables import ACTIVITY_KINDS

    assert set(KINDS.values()) <= set(ACTIVITY_KINDS)

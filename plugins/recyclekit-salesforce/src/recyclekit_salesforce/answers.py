"""What Salesforce's answers mean: refusals in our vocabulary, and receipts with positive proof for single rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from recyclekit.errors import InDoubtError, QuotaError, RefusedError, RemoteError, RetryableError, SignInError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState

LOCKED = "UNABLE_TO_LOCK_ROW"
EXPIRED = "INVALID_SESSION_ID"
LOCATOR = "INVALID_QUERY_LOCATOR"
DUPLICATE = "DUPLICATE_VALUE"
PRECONDITION = "PRECONDITION_FAILED"
CHANGED = "changed"
GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND"})
TRANSIENT = frozenset(
    {LOCKED, "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG", "REQUEST_LIMIT_EXCEEDED"}
)
"""Codes that say: nothing was applied, the same may work later."""
CONFIGURATION = frozenset(
    {
        "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE", "INVALID_TYPE_FOR_OPERATION",
        "INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY_FIELD",
        "API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED", "FUNCTIONALITY_NOT_ENABLED", "UNSUPPORTED_API_VERSION",
    }
)  # fmt: skip
"""Codes that speak of the user's rights or the org's set-up: every further row would fare the same."""
_HTML = 200
_ADDRESS = re.compile(r"[^\s@<>,;:\"'()]+@[^\s@<>,;:\"'()]+\.[A-Za-z]{2,}")
"""Mail addresses, which a validation rule's message may quote; receipts are kept, and hold nothing of a person."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first error of an answer: of a whole request, or of one row."""

    code: str
    message: str
    field: str = ""


class Answer(Protocol):
    """What is looked at of an HTTP answer."""

    status_code: int

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in any mixture of upper and lower case."""
        ...

    @property
    def content(self) -> bytes:
        """The body."""
        ...


class ExpiredLocatorError(RemoteError):
    """The position in a query's result is gone (after two days, or a restart); read on by the last record instead."""


class ChangedError(RemoteError):
    """A conditional update was refused: somebody changed the record since."""


def refusal(body: object) -> Refusal | None:
    """Return the first error in a parsed body: a list of errors, or an OAuth-like object; None where there is none."""
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, Mapping):
        return None
    code = first.get("errorCode") or first.get("statusCode") or first.get("error")
    if not isinstance(code, str):
        return None
    fields = first.get("fields")
    field = str(fields[0]) if isinstance(fields, list) and fields else ""
    return Refusal(code, str(first.get("message") or first.get("error_description") or ""), field)


def parsed(content: bytes) -> object:
    """Return a body's JSON, or None where it is none (an edge's HTML page, half an answer)."""
    try:
        return orjson.loads(content)
    except ValueError:
        return None


def problem(answer: Answer, *, writes: bool, call: str = "") -> RemoteError:
    """Return the error that an answer of 300 or more means.

    Args:
        answer: what came.
        writes: the call may have changed something: a fault of the server then leaves us in doubt.
        call: method and path, for the message.
    """
    status, found = answer.status_code, refusal(parsed(answer.content))
    code, message, field = (found.code, found.message, found.field) if found else ("", "", "")
    what = f"Salesforce answered {status} to {call}."
    why = f"{code}: {message}" if code else _words(answer.content)
    if code == LOCATOR or status == 412:
        return (ExpiredLocatorError if code == LOCATOR else ChangedError)(what, why=why)
    if code == "REQUEST_LIMIT_EXCEEDED" and "concurrent" not in message.lower():
        what = "The org's API calls of the last 24 hours are used up."
        return QuotaError(what, why=why, fix="Resume later: recyclekit retry")
    if code in TRANSIENT or status in {408, 429, 503} or (status >= 500 and not writes):
        return RetryableError(what, why=why, retry_after=_seconds(answer.headers.get("Retry-After")))
    if status >= 500:
        return InDoubtError(what, why=why)
    if status in {401, 403} or code in CONFIGURATION:
        return SignInError(what, why=why, fix=_right(code))
    return RefusedError(what, why=why, code=code or str(status), field=field)


def garbled(call: str, *, writes: bool) -> RemoteError:
    """Return the error for a success whose body proves nothing."""
    what = f"Salesforce answered {call} with what cannot be read."
    return InDoubtError(what) if writes else RetryableError(what)


def receipt(action: Action, row: object, *, expect: str | None = None, correlation: str = "") -> Receipt:
    """Return the receipt of one row of a collection's answer.

    Args:
        action: what was sent in this place.
        row: the answer in the same place.
        expect: the id that must be echoed; None where the record is new.
        correlation: the vendor's id of the request, for its support.
    """
    if not isinstance(row, Mapping) or not isinstance(row.get("success"), bool):
        return doubtful(action, "the answer does not say what became of it")
    if row["success"]:
        echoed = row.get("id")
        if not isinstance(echoed, str) or not echoed or (expect is not None and not same_id(echoed, expect)):
            return doubtful(action, "the answer echoes another id, or none")
        proof = f"success, id {echoed}" + (", created" if row.get("created") else "")
        return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=echoed, proof=proof, correlation=correlation)
    errors = row.get("errors")
    return failed(action, refusal(errors) or Refusal("UNKNOWN", "no reason was given"), correlation)


def failed(action: Action, why: Refusal, correlation: str = "") -> Receipt:
    """Return the receipt of a row that was refused: to be tried again, gone, or dead."""
    state = ReceiptState.PLANNED if why.code in TRANSIENT else ReceiptState.FAILED
    code = "gone" if why.code in GONE else why.code
    return Receipt(
        key=action.key,
        state=state,
        code=code,
        reason=_ADDRESS.sub("(an address)", why.message)[:500],
        field=why.field,
        correlation=correlation,
    )


def doubtful(action: Action, reason: str) -> Receipt:
    """Return the receipt that says: sent, and nobody knows what became of it."""
    return Receipt(key=action.key, state=ReceiptState.IN_DOUBT, code="no_proof", reason=reason)


def skipped(action: Action, field: str, reason: str) -> Receipt:
    """Return the receipt of what a person changed since."""
    return Receipt(key=action.key, state=ReceiptState.SKIPPED, code=CHANGED, field=field, reason=reason)


def same_id(one: str, other: str) -> bool:
    """Whether two ids, of 15 or 18 characters each, mean the same record."""
    return one[:15] == other[:15]


def rows(answer: object, count: int, call: str) -> Sequence[object]:
    """Return the rows of a collection's answer, one for each that was sent.

    Raises:
        InDoubtError: it is no list of that many rows.
    """
    if not isinstance(answer, list) or len(answer) != count:
        raise garbled(call, writes=True)
    return answer


def _right(code: str) -> str:
    if code == EXPIRED:
        return "Sign in again: the token is not accepted, even a fresh one."
    if code in {"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE"}:
        return "Give the integration's user access to the field or object (a permission set), or map another one."
    if code.startswith("API_"):
        return "The integration's user needs the permission API Enabled."
    return "Check the permissions of the integration's user: recyclekit check"


def _words(content: bytes) -> str:
    text = content[:_HTML].decode("utf-8", "replace").strip()
    return "The answer is a page of HTML, not Salesforce's own." if text.startswith("<") else text


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(float(header), 0.0)
    except ValueError:
        return None


def bulk_refusal(text: str) -> Refusal:
    """Return the error in a bulk result's sf__Error: CODE:message:field--."""
    code, _, rest = text.partition(":")
    message, _, fields = rest.rpartition(":")
    return Refusal(code, message or rest, fields.removesuffix("--").partition(",")[0].strip())

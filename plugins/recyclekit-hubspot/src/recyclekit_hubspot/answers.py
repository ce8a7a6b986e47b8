"""What HubSpot's answers mean: a status and a body become one of our errors, or items with proof each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from recyclekit.errors import InDoubtError, QuotaError, RefusedError, RemoteError, RetryableError, SignInError

_LEAST, _MOST = 1.0, 60.0
"""Seconds between which a 429's Retry-After is believed; its unit is disputed."""
_WAIT_BURST, _WAIT_SECOND, _WAIT_LOCKED = 10.0, 1.0, 2.0
_BUSY = frozenset({408, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_LONGEST = 300  # characters of the vendor's own words


class NoProofError(ValueError):
    """An answer of status 2xx that is not what such an answer must be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, lower-case headers and the body as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What an error body says, as far as it says it."""

    message: str = ""
    category: str = ""
    code: str = ""
    field: str = ""
    correlation: str = ""
    policy: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's answer: results as they came, and errors item by item."""

    results: Sequence[Mapping[str, Any]]
    errors: Sequence[Mapping[str, Any]] = field(default=())


def read_object(answer: Answer) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises:
        NoProofError: it is none.
    """
    try:
        value = orjson.loads(answer.body)
    except ValueError:
        raise NoProofError(f"no JSON but {_shown(answer.body)}") from None
    if not isinstance(value, dict):
        raise NoProofError(f"no object but {_shown(answer.body)}")
    return value


def read_results(answer: Answer) -> dict[str, Any]:
    """Return the body of a listing or search: an object with `results`.

    Raises:
        NoProofError: it is none.
    """
    value = read_object(answer)
    if not isinstance(value.get("results"), list):
        raise NoProofError(f"no results in {_shown(answer.body)}")
    return value


def read_batch(answer: Answer) -> Batch:
    """Return what a batch call says of each item, be it 200, 201 or 207.

    Raises:
        NoProofError: it says nothing of any item.
    """
    value = read_results(answer)
    results = [one for one in value["results"] if isinstance(one, dict)]
    errors = [one for one in value.get("errors") or [] if isinstance(one, dict)]
    if value.get("numErrors") and not errors:
        raise NoProofError("errors are counted and none is named")
    return Batch(results, errors)


def read_nothing(answer: Answer) -> None:
    """Take a 204 for what it is.

    Raises:
        NoProofError: another status or a body.
    """
    if answer.status != 204:
        raise NoProofError(f"status {answer.status} where 204 is the proof")


def fault_of(body: bytes | Mapping[str, Any]) -> Fault:
    """Return what an error body, or one item of `errors`, says. Every field of it may be absent."""
    try:
        value = orjson.loads(body) if isinstance(body, bytes) else body
    except ValueError:
        return Fault(message=_shown(body) if isinstance(body, bytes) else "")
    if not isinstance(value, Mapping):
        return Fault()
    details = [one for one in value.get("errors") or [] if isinstance(one, Mapping)]
    details += [one for one in value.get("validationResults") or [] if isinstance(one, Mapping)]
    first = details[0] if details else value
    inner = _inner(str(value.get("message") or ""))
    code = first.get("code") or first.get("error") or inner.get("error") or value.get("category") or ""
    return Fault(
        message=str(first.get("message") or value.get("message") or "")[:_LONGEST],
        category=str(value.get("category") or value.get("errorType") or ""),
        code=str(code) if isinstance(code, str) else "",
        field=_field(first) or _field(value) or str(inner.get("name") or ""),
        correlation=str(value.get("correlationId") or ""),
        policy=str(value.get("policyName") or ""),
        scopes=tuple(_scopes(value)),
    )


def error_of(answer: Answer, *, writes: bool, searches: bool = False) -> RemoteError:
    """Return the error that an answer other than 2xx stands for.

    Args:
        answer: the answer.
        writes: whether the call could change anything, so that a fault of the server leaves its fate unknown.
        searches: whether it was a search, whose window is one second.
    """
    fault, status = fault_of(answer.body), answer.status
    if status == 429:
        return _throttled(answer, fault, searches=searches)
    if status in {423, 477}:
        wait = max(_seconds(answer) or 0.0, _WAIT_LOCKED)
        return RetryableError(_said("HubSpot has locked what was asked for.", fault), retry_after=wait)
    if status in {401, 403, 530}:
        return _sign_in(status, fault)
    if status in _BUSY:
        what = f"HubSpot answered {status}."
        return InDoubtError(what, why=_why(fault)) if writes else RetryableError(what, why=_why(fault))
    return RefusedError(
        _said(f"HubSpot refused the call ({status}).", fault),
        code=fault.code or str(status),
        field=fault.field,
        correlation=fault.correlation,
    )


def _throttled(answer: Answer, fault: Fault, *, searches: bool) -> RemoteError:
    words = f"{fault.policy} {fault.message}".lower()
    if fault.policy.upper() == "DAILY" or (not fault.policy and "daily" in words):
        return QuotaError(
            "HubSpot's calls of this day are used up.",
            why=_why(fault),
            fix="They are there again after midnight of the account's time zone: recyclekit retry",
        )
    asked = _seconds(answer)
    wait = _WAIT_SECOND if searches or ("secondly" in words and "ten" not in words) else _WAIT_BURST
    clamped = wait if asked is None else min(max(asked, _LEAST), _MOST)
    return RetryableError("HubSpot asks to slow down.", why=_why(fault), retry_after=clamped)


def _sign_in(status: int, fault: Fault) -> SignInError:
    if status == 403 and fault.scopes:
        scopes = ", ".join(fault.scopes)
        return SignInError(f"HubSpot's token lacks scopes: {scopes}.", fix="Add them to the app, then check again.")
    if status == 403:
        fix = "Give the app, or the user who made it, the right; then check again."
        return SignInError("HubSpot does not allow this call.", why=_why(fault), fix=fix)
    if status == 530:
        return SignInError("HubSpot does not take the token for one.", fix="Copy it again, whole and without quotes.")
    return SignInError("HubSpot refused the sign-in.", why=_why(fault), fix="Check the token, or make a new one.")


def _seconds(answer: Answer) -> float | None:
    try:
        return float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None


def _inner(message: str) -> Mapping[str, Any]:
    """Return the first problem that HubSpot packs as JSON into a message: `…not valid: [{…}]`."""
    start = message.find("[{")
    try:
        found = orjson.loads(message[start:]) if start >= 0 else []
    except ValueError:
        return {}
    return found[0] if found and isinstance(found[0], dict) else {}


def _field(value: Mapping[str, Any]) -> str:
    context = value.get("context")
    names = context.get("propertyName") if isinstance(context, Mapping) else None
    if isinstance(names, list) and names:
        return str(names[0])
    return str(value.get("in") or value.get("name") or "") if "code" in value or "error" in value else ""


def _scopes(value: Mapping[str, Any]) -> Iterator[str]:
    for one in value.get("errors") or []:
        context = one.get("context") if isinstance(one, Mapping) else None
        for key in ("requiredGranularScopes", "requiredScopes"):
            if isinstance(context, Mapping) and isinstance(context.get(key), list):
                yield from (str(scope) for scope in context[key])


def _said(what: str, fault: Fault) -> str:
    return f"{what} {fault.message}".strip()


def _why(fault: Fault) -> str:
    number = f"(correlation {fault.correlation})" if fault.correlation else ""
    return " ".join(part for part in (fault.message, number) if part)


def _shown(body: bytes) -> str:
    """Return how a body begins: enough to tell a page of HTML from half an object, too little to hold a record."""
    return repr(body[:40].decode("utf-8", "replace"))

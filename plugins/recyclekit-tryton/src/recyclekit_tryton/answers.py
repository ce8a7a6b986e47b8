"""What Tryton's answers mean: a status becomes one of our errors, a body records. A 200 alone proves nothing."""

from __future__ import annotations

import re
from typing import Any

import orjson
from urllib3 import BaseHTTPResponse

from recyclekit.errors import InDoubtError, QuotaError, RefusedError, RemoteError, RetryableError, SignInError

Record = dict[str, Any]

_FIELD = re.compile(r'field "([^"]+)"')


def records(body: bytes, *, wrote: bool) -> list[Record]:
    """Return the records of an answer, one or many.

    Raises:
        InDoubtError: a write was answered with something that names no record; RetryableError: a read was.
    """
    try:
        found = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        found = None
    rows: list[Any] = found if isinstance(found, list) else [found]
    if all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in rows):
        return rows
    what = "Tryton answered with something that is no record."
    raise InDoubtError(what) if wrote else RetryableError(what, why=_said(body))


def refuse(answer: BaseHTTPResponse, model: str, *, wrote: bool) -> None:
    """Raise what a status means; return where it is a success.

    Raises:
        SignInError: 401, 403. RefusedError: 400, 404, 409, 413, 422. RetryableError: 408, 429, 502 to 504, and other
        faults of a read. InDoubtError: other faults of a write, of which nobody knows whether it was applied.
        QuotaError: 402, as hosts of Tryton answer.
    """
    status, body = answer.status, answer.data
    if status in {200, 201, 204, 206}:
        return
    said = _said(body)
    if status in {401, 403}:
        raise _not_allowed(status, model, said)
    if status == 402:
        raise QuotaError("The host of Tryton lets us make no more calls.", why=said, fix="Resume later.")
    if status in {408, 429, 503}:
        raise RetryableError(f"Tryton is busy ({status}).", why=said, retry_after=_asked_to_wait(answer))
    if status == 500 and "&#39;" in body.decode(errors="replace"):
        # Tryton answers a field or a model that it does not know with a bare KeyError.
        raise _unknown_name(model, said)
    if status >= 500:
        what = f"Tryton failed ({status}) on {model}."
        raise InDoubtError(what, why=said) if wrote else RetryableError(what, why=said)
    named = _FIELD.search(said)
    raise RefusedError(
        f"Tryton refused {model}: {said}", code="gone" if status == 404 else str(status),
        field=named.group(1) if named else "",
    )  # fmt: skip


def _asked_to_wait(answer: BaseHTTPResponse) -> float | None:
    """Return the seconds that whatever stands before Tryton asks for; it sets no limit itself."""
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if re.fullmatch(r"\d+(\.\d+)?", seconds) else None


def _not_allowed(status: int, model: str, said: str) -> RemoteError:
    if status == 401:
        return SignInError(
            "Tryton does not accept the key.",
            fix="Make a user application of kind REST, have its user validate it, and put its key into the settings.",
        )
    return SignInError(
        f"The user of this key may not do this with {model}.", why=said, fix="Give the user's groups access to it."
    )


def _unknown_name(model: str, said: str) -> RefusedError:
    return RefusedError(
        f"Tryton does not know a name that we asked {model} for: {said}", code="unknown_name",
        fix="Correct the field map, or activate the module that brings it.",
    )  # fmt: skip


def _said(body: bytes) -> str:
    """Return what an error's body says, from JSON or HTML, in at most 200 characters."""
    text = body.decode(errors="replace")
    try:
        message = orjson.loads(body)["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        message = re.sub(r"<title>.*?</title>|<[^>]+>", " ", text, flags=re.DOTALL)
    return " ".join(str(message).replace("&#39;", "'").split())[:200]

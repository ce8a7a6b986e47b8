"""What every call has in common: the path of its API version, its refusals as answers, and the org behind it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any, Protocol
from wsgiref.handlers import format_date_time

import orjson

from recyclekit.testing.sandbox.routing import Router
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.refusals import JSON, RequestRefusedError, RowRefusedError, refused
from recyclekit.testing.sandbox.salesforce.store import Record
from recyclekit.testing.sandbox.salesforce.values import moment_of
from recyclekit.testing.sandbox.wire import Answer, Request, json_answer

DATA = "/services/data/{version}"
PARENTS = ("WhatId", "WhoId", "CampaignId", "ContactId")
"""By these, too, a fault knows a record that is new and has no id of its own yet."""


class Host(Protocol):
    """What a call needs of the sandbox."""

    org: Org
    router: Router

    def row_fault(self, request: Request, *names: str) -> RowRefusedError | None:
        """Return why the row known by these names fails now, where a fault says so."""
        ...

    def rows_that_fail(self, request: Request, rows: int) -> dict[int, RowRefusedError]:
        """Return the places of the rows of this call that a fault strikes, and how."""
        ...


class Routes:
    """Adds calls to the router; a refusal raised by one becomes its answer."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def add(self, methods: str, path: str, handler: Callable[[Request], Answer]) -> None:
        """Let a handler answer these methods (`GET POST`) of a path below the API version's."""

        def guarded(request: Request) -> Answer:
            try:
                return handler(request)
            except RequestRefusedError as refusal:
                return refusal.answer()
            except RowRefusedError as refusal:
                if refusal.code == "NOT_FOUND":  # alone in having no list of fields
                    return refused(refusal.code, refusal.message, status=404)
                status = 404 if refusal.code == "ENTITY_IS_DELETED" else 400
                return refused(refusal.code, refusal.message, status=status, fields=refusal.fields)

        for method in methods.split():
            self._router.add(method, DATA + path, guarded)


def base(request: Request) -> str:
    """Return the path of the API version that a call uses: /services/data/v67.0."""
    return f"/services/data/{request.parts['version']}"


def answer(value: Any, status: int = 200) -> Answer:
    """Return a value as the vendor's JSON."""
    return json_answer(value, status, JSON)


def body(request: Request) -> dict[str, Any]:
    """Return the JSON object that a call carries.

    Raises:
        RequestRefusedError: it carries none.
    """
    try:
        value = orjson.loads(payload(request))
    except ValueError as error:
        raise RequestRefusedError("JSON_PARSER_ERROR", f"Unexpected character: {error}") from None
    if not isinstance(value, dict):
        raise RequestRefusedError("JSON_PARSER_ERROR", "The HTTP entity body is required to be a JSON object")
    return value


def payload(request: Request) -> bytes:
    """Return the body of a call, unpacked where it was sent packed.

    Raises:
        RequestRefusedError: it says that it is packed, and is not.
    """
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return request.body
    try:
        return gzip.decompress(request.body)
    except (OSError, EOFError, zlib.error):
        raise RequestRefusedError("MALFORMED_REQUEST", "The body is not packed with gzip") from None


def http_date(record: Record) -> str:
    """Return when a record was last modified, as HTTP writes it."""
    return format_date_time(moment_of(record.get("LastModifiedDate")).timestamp())

"""Several calls in one: /composite runs up to 25 in order, and a later one may use what an earlier one answered."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import orjson

from recyclekit.testing.sandbox.salesforce.calls.routes import Host, Routes, answer, body
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError
from recyclekit.testing.sandbox.wire import Answer, Request

MOST_CALLS = 25
MOST_QUERIES = 5
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_FIRST_ERROR = 400
Row = dict[str, Any]


class CompositeCalls:
    """The call on /composite."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def routes(self, routes: Routes) -> None:
        """Add the call."""
        routes.add("POST", "/composite", self._run)

    def _run(self, request: Request) -> Answer:
        given = body(request)
        calls = given.get("compositeRequest")
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            raise RequestRefusedError("JSON_PARSER_ERROR", "The request needs a list of calls: compositeRequest")
        queries = sum(
            "/query" in str(call.get("url")) or "/composite/sobjects" in str(call.get("url")) for call in calls
        )
        if len(calls) > MOST_CALLS or queries > MOST_QUERIES:
            message = f"Limit of {MOST_CALLS} subrequests, {MOST_QUERIES} of them queries or collections, is exceeded"
            raise RequestRefusedError("LIMIT_EXCEEDED", message)
        with self._host.org.store.transaction() as take_back:
            rows = self._rows(request, calls)
            failed = any(row["httpStatusCode"] >= _FIRST_ERROR for row in rows)
            if failed and given.get("allOrNone"):
                take_back()
                rows = [row if row["httpStatusCode"] >= _FIRST_ERROR else _halted(row["referenceId"]) for row in rows]
        return answer({"compositeResponse": rows})

    def _rows(self, request: Request, calls: list[Row]) -> list[Row]:
        done: dict[str, Row] = {}
        for call in calls:
            name = str(call.get("referenceId"))
            try:
                asked = _resolved(call, done)
            except LookupError:
                done[name] = _halted(name)
                continue
            done[name] = self._one(request, asked, name)
        return list(done.values())

    def _one(self, request: Request, call: Row, name: str) -> Row:
        url = urlsplit(str(call.get("url", "")))
        given = call.get("httpHeaders")
        headers = {key.lower(): str(value) for key, value in given.items()} if isinstance(given, dict) else {}
        inner = Request(
            method=str(call.get("method", "")).upper(),
            path=url.path,
            raw_query=url.query,
            headers=headers,
            body=orjson.dumps(call["body"]) if call.get("body") is not None else b"",
            fault=request.fault,
        )
        found = self._host.router.find(inner)
        if found is None:
            refusal = RequestRefusedError("NOT_FOUND", "The requested resource does not exist", status=404)
            done = refusal.answer()
        else:
            handler, asked = found
            done = handler(asked)
        is_json = done.headers.get("Content-Type", "").startswith("application/json")
        value = orjson.loads(done.body) if is_json else done.body.decode() or None
        return {"body": value, "httpHeaders": {}, "httpStatusCode": done.status, "referenceId": name}


def _resolved(call: Row, done: dict[str, Row]) -> Row:
    """Return a call with the references to earlier answers filled in.

    Raises:
        LookupError: an earlier answer is an error, or does not hold what is referred to.
    """

    def value(match: re.Match[str]) -> str:
        row = done[match[1]]
        if row["httpStatusCode"] >= _FIRST_ERROR:
            raise LookupError(match[1])
        found = row["body"]
        for step in re.findall(r"\w+", match[2]):
            found = found[int(step)] if isinstance(found, list) and step.isdecimal() else _member(found, step)
        return str(found)

    text = orjson.dumps(call).decode()
    resolved: Row = orjson.loads(_REFERENCE.sub(value, text))
    return resolved


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict) and name in value:
        return value[name]
    raise LookupError(name)


def _halted(name: str) -> Row:
    message = "The transaction was rolled back since another operation in the same transaction failed."
    error = [{"errorCode": "PROCESSING_HALTED", "message": message}]
    return {"body": error, "httpHeaders": {}, "httpStatusCode": _FIRST_ERROR, "referenceId": name}

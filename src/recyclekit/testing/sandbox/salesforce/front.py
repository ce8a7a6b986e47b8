"""What stands before every call: sign-in, quota, size of the request, and the headers that tell about limits."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime

from recyclekit.testing.sandbox.faults import Fault, FaultKind
from recyclekit.testing.sandbox.limits import RollingLimit
from recyclekit.testing.sandbox.salesforce.calls.describe_calls import NEWEST, OLDEST
from recyclekit.testing.sandbox.salesforce.refusals import refused
from recyclekit.testing.sandbox.salesforce.sessions import Sessions
from recyclekit.testing.sandbox.wire import Answer, Request, html_answer

LARGEST_HEAD = 16_384
_WORTH_GZIP = 1_024
_WORDS = {
    400: ("MALFORMED_QUERY", "the request is not understood"),
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    412: ("PRECONDITION_FAILED", "The record was modified after the given time"),
    500: ("UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support"),
    503: ("SERVER_UNAVAILABLE", "Server temporarily unavailable"),
}
_POLICIES = {
    "concurrent": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
    "long": "ConcurrentPerOrgLongTxn Limit exceeded",
    "daily": "TotalRequests Limit exceeded.",
}
"""Fault.policy → which of the limits that share one code and one status is meant."""


class Front:
    """The gate."""

    def __init__(
        self, sessions: Sessions, quota: RollingLimit, clock: Callable[[], datetime], *, compress: bool
    ) -> None:
        self._sessions, self._quota, self._clock, self._compress = sessions, quota, clock, compress

    def refuse(self, request: Request) -> Answer | None:
        """Return why a call is not let in, or None."""
        head = len(request.path) + len(request.raw_query) + sum(len(n) + len(v) + 4 for n, v in request.headers.items())
        if head > LARGEST_HEAD:
            too_long = len(request.path) + len(request.raw_query) > LARGEST_HEAD // 2
            return html_answer("URI Too Long", 414) if too_long else html_answer("Request Header Fields Too Large", 431)
        if not request.path.startswith("/services/data/"):
            return None
        if not self._sessions.let_in(request.headers.get("authorization", "")):
            return refused(*_WORDS[401], status=401)
        if not self._known_version(request.path):
            return refused(*_WORDS[404], status=404)
        if not self._quota.take(self._clock()):
            return refused(*_WORDS[403], status=403)
        return None

    def refusal(self, fault: Fault) -> Answer:
        """Return a STATUS or DAILY_QUOTA fault in the vendor's words."""
        if fault.kind is FaultKind.DAILY_QUOTA:
            return refused(*_WORDS[403], status=403)
        if fault.status in {502, 504}:
            return html_answer("Bad Gateway" if fault.status == 502 else "Gateway Timeout", fault.status)
        code, message = _WORDS.get(fault.status, ("UNKNOWN_EXCEPTION", "Something is wrong"))
        answer = refused(
            fault.code or code, fault.message or _POLICIES.get(fault.policy.lower(), message), status=fault.status
        )
        return answer if fault.retry_after is None else answer.with_headers({"Retry-After": f"{fault.retry_after:g}"})

    def unknown(self) -> Answer:
        """Return the answer for a path that is not there, or not for this method."""
        return refused(*_WORDS[404], status=404)

    def finish(self, request: Request, answer: Answer) -> Answer:
        """Return an answer as it goes out."""
        if request.path.startswith("/services/data/") and answer.status != 401:
            limit = self._quota.limit
            answer = answer.with_headers(
                {"Sforce-Limit-Info": f"api-usage={limit - self._quota.left(self._clock())}/{limit}"}
            )
        takes = "gzip" in request.headers.get("accept-encoding", "")
        if self._compress and takes and len(answer.body) > _WORTH_GZIP:
            packed = Answer(answer.status, gzip.compress(answer.body, 1, mtime=0), answer.headers, answer.manner)
            answer = packed.with_headers({"Content-Encoding": "gzip"})
        return answer

    def _known_version(self, path: str) -> bool:
        version = path.split("/")[3].removeprefix("v")
        whole, _, part = version.partition(".")
        return whole.isdecimal() and part == "0" and OLDEST <= int(whole) <= NEWEST

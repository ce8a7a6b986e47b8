"""What travels: a request as it came in, an answer and the manner in which it is given, or not given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

if TYPE_CHECKING:
    from recyclekit.testing.sandbox.faults import Fault

JSON = {"Content-Type": "application/json;charset=utf-8"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


class NonsenseError(Exception):
    """A call makes no sense to the vendor; the message is the vendor's. Handlers raise it, the sandbox answers it."""


class Manner(Enum):
    """How an answer reaches the client."""

    WHOLE = "whole"
    HALF = "half"  # all headers, half of the body, then the connection ends
    CLOSED = "closed"  # the connection ends without a byte
    RESET = "reset"  # the same, with a TCP reset
    SILENT = "silent"  # nothing, until the client gives up or the sandbox stops


@dataclass(kw_only=True)
class Request:
    """One request. Header names are lower case; `parts` are the named pieces of the path, filled in by the router."""

    method: str
    path: str
    raw_query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query string, decoded; a name may stand in it more than once."""
        return parse_qs(self.raw_query, keep_blank_values=True)

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of a name in the query string."""
        return self.query.get(name, [default])[0]

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: the body is none.
        """
        return orjson.loads(self.body)

    def form(self) -> dict[str, str]:
        """Return the body of a form post; of a repeated name the first value."""
        return {
            name: values[0]
            for name, values in parse_qs(self.body.decode(errors="replace"), keep_blank_values=True).items()
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Content-Length and Connection are written by the server."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Manner = Manner.WHOLE

    def given(self, manner: Manner) -> Answer:
        """Return the same answer, given in another manner."""
        return replace(self, manner=manner)

    def with_headers(self, headers: Mapping[str, str]) -> Answer:
        """Return the same answer with more headers."""
        return replace(self, headers={**self.headers, **headers})


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer that holds a value as JSON."""
    return Answer(status, orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS), {**JSON, **(headers or {})})


def html_answer(title: str, status: int) -> Answer:
    """Return what a gateway in front of the system says when it has no answer of the system."""
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
    return Answer(status, page.encode(), HTML)

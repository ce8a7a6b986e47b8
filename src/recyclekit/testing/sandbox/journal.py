"""What was asked and what was answered: every call, in order, to assert on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call.

    Attributes:
        number: 1 for the first.
        status: what was answered; 0 where not a byte was.
        body: of the request.
        at: by the sandbox's clock.
        fault: the kind of fault that struck, or empty.
    """

    number: int
    method: str
    path: str
    query: str = ""
    status: int = 0
    body: bytes = b""
    at: datetime
    fault: str = ""

    def json(self) -> Any:
        """Return the request's body as JSON."""
        return orjson.loads(self.body)

    def __str__(self) -> str:
        struck = f"  [{self.fault}]" if self.fault else ""
        return f"{self.number:>5}  {self.status or '---'}  {self.method} {self.path}{struck}"


class Journal:
    """The calls so far. Paths are asked for as patterns (`*/deals/batch/update`), methods as words or `*`."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, place: int) -> Call:
        return self._calls[place]

    def add(self, call: Call) -> None:
        """Write down a call."""
        self._calls.append(call)

    def clear(self) -> None:
        """Forget all calls; the next one is number 1 again."""
        self._calls.clear()

    def calls(self, path: str = "*", *, method: str = "*", status: int | None = None, fault: str = "*") -> list[Call]:
        """Return the calls that fit, oldest first."""
        return [
            call
            for call in self
            if fnmatchcase(call.path, path)
            and fnmatchcase(call.method, method)
            and fnmatchcase(call.fault, fault)
            and status in (None, call.status)
        ]

    def one(self, path: str = "*", *, method: str = "*") -> Call:
        """Return the only call that fits.

        Raises:
            AssertionError: there was none, or more than one; the message lists all calls.
        """
        found = self.calls(path, method=method)
        assert len(found) == 1, f"{len(found)} calls of {method} {path}, not one:\n{self}"
        return found[0]

    def count(self, path: str = "*", *, method: str = "*", status: int | None = None) -> int:
        """Return how many calls fit."""
        return len(self.calls(path, method=method, status=status))

    def most_within(self, seconds: float, path: str = "*") -> int:
        """Return the largest number of calls in any window of that length: was a rate limit kept?"""
        times = [call.at.timestamp() for call in self.calls(path)]
        most = start = 0
        for end, at in enumerate(times):
            while at - times[start] >= seconds:
                start += 1
            most = max(most, end - start + 1)
        return most

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "(no call)"

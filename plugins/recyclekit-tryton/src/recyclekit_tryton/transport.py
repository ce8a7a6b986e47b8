"""The one place that talks to Tryton: signs in, waits its turn, times out, asks again, says what an answer means."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3

from recyclekit.connectors import Calls
from recyclekit.connectors.cutting import cut_when_stopped
from recyclekit.connectors.pacing import Limiter
from recyclekit.connectors.retrying import Retrying
from recyclekit.errors import InDoubtError, RetryableError
from recyclekit.stopping import never
from recyclekit_tryton import auth
from recyclekit_tryton.answers import Record, records, refuse
from recyclekit_tryton.settings import TrytonSettings

Domain = list[Any]


class Transport:
    """Calls of one database. Safe for many threads."""

    def __init__(
        self, settings: TrytonSettings, retrying: Retrying | None = None, should_stop: Callable[[], bool] = never
    ) -> None:
        self._root = f"{settings.url}/{settings.database}/rest/model"
        self._key, self._made = settings.key, 0
        self._pool = urllib3.PoolManager(maxsize=settings.parallel, retries=False, timeout=settings.timeout)
        cut_when_stopped(self._pool, should_stop)
        self._limiter = Limiter(settings.calls_per_second, 1.0, should_stop=should_stop)
        self._retrying = retrying or Retrying(should_stop=should_stop)

    def read(self, model: str, domain: Domain, fields: Collection[str], *, limit: int | None = None) -> list[Record]:
        """Return the records of a model within a domain, lowest id first; read again where that may help."""
        query = [("d", _packed(domain)), ("o", _packed([["id", "ASC"]])), *(("f", name) for name in sorted(fields))]
        query += [] if limit is None else [("s", str(limit))]
        return self._retrying.call(lambda: self._records("GET", f"{model}?{urlencode(query)}", model), repeatable=True)

    def create(self, model: str, values: Record) -> int:
        """Create a record and return its id, which Tryton echoes.

        Raises:
            InDoubtError: sent, and no id came back. Others: see answers.refuse; then nothing was created.
        """
        return int(self._records("POST", model, model, values)[0]["id"])

    def delete(self, model: str, record: int) -> bool:
        """Remove a record; return whether it was there. Twice has one effect."""

        def ask() -> bool:
            answer = self._sent("DELETE", f"{model}/{record}", None)
            if answer.status != 404:
                refuse(answer, model, wrote=True)
            return answer.status != 404

        return self._retrying.call(ask, repeatable=True)

    def _records(self, method: str, path: str, model: str, values: Record | None = None) -> list[Record]:
        wrote = method != "GET"
        answer = self._sent(method, path, values)
        refuse(answer, model, wrote=wrote)
        return records(answer.data, wrote=wrote)

    def told_calls(self) -> Calls:
        """Return the calls made so far; Tryton has no quota."""
        return Calls(of=f"tryton {id(self)}", made=self._made)

    def _sent(self, method: str, path: str, values: Record | None) -> urllib3.BaseHTTPResponse:
        body = None if values is None else orjson.dumps(values)
        headers = {**auth.headers(self._key), "Content-Type": "application/json", "Accept": "application/json"}
        try:
            with self._limiter.slot():
                self._made += 1
                return self._pool.request(method, f"{self._root}/{path}", body=body, headers=headers)
        except urllib3.exceptions.HTTPError as fault:
            raise _unanswered(fault, wrote=method != "GET") from None


def either(clauses: Sequence[Domain]) -> Domain:
    """Return a domain that any of these clauses fulfils."""
    return ["OR", *([clause] for clause in clauses)] if clauses else [["id", "=", -1]]


def _unanswered(fault: Exception, *, wrote: bool) -> RetryableError | InDoubtError:
    what, why = "Tryton did not answer.", type(fault).__name__  # the fault itself would show the address and its query
    if wrote and not isinstance(fault, urllib3.exceptions.NewConnectionError):
        return InDoubtError(what, why=why)
    return RetryableError(what, why=why, fix="Is the server running, and the address right?")


def _packed(value: object) -> str:
    return urlsafe_b64encode(orjson.dumps(value)).decode()

"""The one place that talks to Salesforce: the SDK on a session of our own, with retries and errors in our words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import requests

from recyclekit.connectors import Calls
from recyclekit.connectors.pacing import Limiter
from recyclekit.connectors.retrying import Retrying
from recyclekit.connectors.sharing import Exchange
from recyclekit.stopping import never
from recyclekit_salesforce.answers import garbled, parsed
from recyclekit_salesforce.auth import authority
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.transport.session import Meter, OrgSession, prepared

if TYPE_CHECKING:
    from simple_salesforce.api import Salesforce

T = TypeVar("T")


class Transport:
    """Calls to one org. Safe to share between threads.

    Args:
        settings: of the connection.
        folder: where a relative path of theirs starts.
        retrying: how often and how long a call is repeated here; tests give one that does not wait.
        should_stop: asked before each call.
        exchange: where processes share the pace that the settings ask for.
    """

    def __init__(
        self,
        settings: SalesforceSettings,
        folder: Path,
        retrying: Retrying | None = None,
        should_stop: Callable[[], bool] = never,
        exchange: Exchange | None = None,
    ) -> None:
        self.settings = settings
        self.retrying = retrying or Retrying(tries=5, longest=30.0, total=240.0, should_stop=should_stop)
        self.meter = Meter(settings.keep_calls)
        self.described: dict[str, Any] = {}
        """What the org told of its objects, for all doors (see columns.catalogue)."""
        plain = prepared(requests.Session(), settings, folder, should_stop)
        self._authority = authority(settings, folder, plain)
        pace = settings.calls_per_second
        limiter = Limiter(pace, 1.0, exchange=exchange, should_stop=should_stop) if pace else None
        self.session = OrgSession(self._authority, self.meter, settings.timeout, should_stop, limiter)
        prepared(self.session, settings, folder, should_stop)

    @cached_property
    def sdk(self) -> Salesforce:
        """The SDK on our session; signing in and renewing are ours, so its own replay never runs."""
        from simple_salesforce.api import Salesforce

        return Salesforce(
            session_id="ours",  # the session puts the real one in
            instance_url=self._authority.token().address,
            session=self.session,
            version=self.settings.version,
            object_pairs_hook=None,
        )

    def told_calls(self) -> Calls:
        """Return the calls made so far, and how many of the org's are left to us."""
        return Calls(of=f"salesforce {id(self)}", made=self.meter.calls, left=self.meter.left)

    @property
    def user(self) -> str | None:
        """Our user's id, where signing in told it."""
        return self._authority.token().user

    def wait(self, seconds: float) -> None:
        """Wait for so many seconds. Raises StoppedError where a stop is asked for."""
        self.retrying.wait(seconds)

    def read(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        take: Callable[[requests.Response], T],
        accept: str = "application/json",
    ) -> T:
        """GET a path and return what `take` makes of the answer; asked again where that raises RetryableError.

        Args:
            path: below the version's, or below the host where it begins with a slash, as answers name them.
            params: of the address.
            accept: the type of answer asked for.
            take: reads the answer.
        """
        headers = {"Accept": accept}
        return self._tried(
            lambda: take(self.session.get(self.url(path), params=params, headers=headers)), repeatable=True
        )

    def read_json(
        self, path: str, params: Mapping[str, str] | None = None, right: Callable[[Any], bool] = lambda _: True
    ) -> Any:
        """GET a path and return its JSON; half an answer, or one that is not `right`, is asked for again."""

        def take(answer: requests.Response) -> Any:
            body = parsed(answer.content)
            if body is None or not right(body):
                raise garbled(f"GET {path.partition('?')[0]}", writes=False)
            return body

        return self.read(path, params, take=take)

    def send(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> int:
        """Send JSON once and return the answer's status; nothing is repeated but what was provably not applied."""
        url = self.url(path)
        return self._tried(
            lambda: self.session.request(method, url, json=body, headers=dict(headers)).status_code, repeatable=False
        )

    def write_json(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        repeatable: bool = False,
        changes: bool = True,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """Send JSON and return the answer's JSON, None where it has no body.

        What changes data goes through the SDK; reading does without, which spares a fifth of a second and 20 MB.

        Args:
            method: of the call, as are path, body, headers and params.
            path: below the version's.
            body: what JSON can hold.
            headers: further ones.
            params: of the address.
            repeatable: the same call twice has one effect, so doubt is settled by asking again.
            changes: false where nothing of the org's data can have changed (a query's job): doubt is then no doubt.

        Raises:
            InDoubtError: sent, and no proof came back.
            RefusedError, RetryableError, QuotaError, SignInError: not applied.
        """
        extra: dict[str, Any] = {"headers": dict(headers or {}), "writes": changes} | _body(body)
        if params:
            extra["params"] = dict(params)

        def ask() -> Any:
            try:
                return self.sdk.restful(path, method=method, **extra) if changes else self._asked(method, path, extra)
            except ValueError:
                raise garbled(f"{method} {path}", writes=changes) from None

        return self._tried(ask, repeatable=repeatable or not changes)

    def upload(self, path: str, content: bytes) -> None:
        """PUT a CSV file. A job takes one, once.

        Raises:
            InDoubtError: nobody knows whether it arrived.
        """
        headers = {"Content-Type": "text/csv; charset=UTF-8", "Accept": "application/json"}
        url = self.url(path)
        self._tried(lambda: self.session.put(url, data=content, headers=headers), repeatable=False)

    def url(self, path: str) -> str:
        """Return a path's address: below this API version, or below the host where it begins with a slash."""
        host = self._authority.token().address
        return host + path if path.startswith("/") else f"{host}/services/data/v{self.settings.version}/{path}"

    def _asked(self, method: str, path: str, extra: Mapping[str, Any]) -> Any:
        """Return an answer's JSON. Raises ValueError where it is none."""
        answer = self.session.request(method, self.url(path), **extra)
        return orjson.loads(answer.content) if answer.content else None

    def _tried(self, ask: Callable[[], T], *, repeatable: bool) -> T:
        return self.retrying.call(ask, repeatable=repeatable)


def _body(body: object) -> dict[str, Any]:
    return {} if body is None else {"json": body}

"""The one place that talks to Salesforce: a session of our own under the SDK, with its token, limits and errors."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from requests.adapters import HTTPAdapter

from recyclekit.connectors.pacing import Allowance
from recyclekit.connectors.retrying import Retrying
from recyclekit.errors import ConnectorError, InDoubtError, RecyclekitError, RetryableError
from recyclekit_salesforce.answers import EXPIRED, garbled, parsed, problem, refusal
from recyclekit_salesforce.auth import Authority, Token, authority, unreachable
from recyclekit_salesforce.settings import SalesforceSettings

if TYPE_CHECKING:
    from simple_salesforce.api import Salesforce

T = TypeVar("T")
_USAGE = re.compile(r"(?:^|[^-])api-usage=(\d+)/(\d+)")
_READS = frozenset({"GET", "HEAD"})
_CONNECT = 10.0  # seconds to wait for a connection


class Meter:
    """What is left of the org's calls, by the header of every answer; a share of them is kept for others."""

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._allowance: Allowance | None = None
        self._lock = threading.Lock()
        self.calls = 0

    @property
    def left(self) -> int | None:
        """Calls that may still be made; None while Salesforce has said nothing."""
        return None if self._allowance is None else self._allowance.left

    def spend(self) -> None:
        """Count one call. Raises QuotaError where none is left for us."""
        with self._lock:
            self.calls += 1
        if self._allowance is not None:
            self._allowance.spend()

    def learn(self, used: int, total: int) -> None:
        """Take Salesforce's word."""
        with self._lock:
            if self._allowance is None:
                self._allowance = Allowance("API calls of the last 24 hours", margin=int(total * self._keep))
        self._allowance.learn(max(total - used, 0))


@dataclass(frozen=True, slots=True)
class _Sending:
    """One call, to be sent once or twice."""

    method: str
    url: str
    headers: Mapping[str, str]
    rest: Mapping[str, Any]
    writes: bool
    words: str


class OrgSession(requests.Session):
    """What the SDK takes for an ordinary session: bearer, timeout, meter, one replay, our errors.

    After the token has died, a call is replayed once with all its headers. An answer of 300 or more is raised as our
    error.
    """

    def __init__(self, signs_in: Authority, meter: Meter, timeout: float) -> None:
        super().__init__()
        self._authority, self._meter, self._timeout = signs_in, meter, timeout
        self._last = threading.local()
        self.auth = _as_it_is  # or a .netrc would replace the bearer

    @property
    def correlation(self) -> str:
        """The vendor's id of this thread's last request, for its support."""
        return str(getattr(self._last, "request", ""))

    def request(  # type: ignore[override]  # the SDK passes keyword arguments, all of which go on as they are
        self, method: str, url: str, **kwargs: Any
    ) -> requests.Response:
        headers = {k: v for k, v in (kwargs.pop("headers", None) or {}).items() if k != "X-PrettyPrint"}
        kwargs["timeout"] = (_CONNECT, kwargs.pop("timeout", None) or self._timeout)
        writes = kwargs.pop("writes", method.upper() not in _READS)
        call = f"{method} {url.partition('?')[0]}"
        token = self._authority.token()
        sent = _Sending(method, url, headers, kwargs, writes, call)
        answer = self._sent(sent, token)
        if answer.status_code == 401 and _code(answer) == EXPIRED:
            answer = self._sent(sent, self._authority.renew(token))
        if answer.status_code >= 300:
            raise problem(answer, writes=writes, call=call)
        return answer

    def _sent(self, call: _Sending, token: Token) -> requests.Response:
        self._meter.spend()
        headers = {**call.headers, "Authorization": f"Bearer {token.bearer}"}
        try:
            answer = super().request(call.method, call.url, headers=headers, **call.rest)
        except requests.RequestException as error:
            raise _unanswered(error, writes=call.writes, call=call.words) from None
        self._last.request = answer.headers.get("X-SFDC-Request-Id") or answer.headers.get("X-Request-Id") or ""
        if found := _USAGE.search(answer.headers.get("Sforce-Limit-Info", "")):
            self._meter.learn(int(found[1]), int(found[2]))
        return answer


class Transport:
    """Calls to one org. Safe to share between threads.

    Args:
        settings: of the connection.
        folder: where a relative path of theirs starts.
        retrying: how often and how long a call is repeated here; tests give one that does not wait.
    """

    def __init__(self, settings: SalesforceSettings, folder: Path, retrying: Retrying | None = None) -> None:
        self.settings = settings
        self.retrying = retrying or Retrying(tries=5, longest=30.0, total=240.0)
        self.meter = Meter(settings.keep_calls)
        plain = _prepared(requests.Session(), settings, folder)
        self._authority = authority(settings, folder, plain)
        self.session = OrgSession(self._authority, self.meter, settings.timeout)
        _prepared(self.session, settings, folder)

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

    @property
    def user(self) -> str | None:
        """Our user's id, where signing in told it."""
        return self._authority.token().user

    @property
    def sleep(self) -> Callable[[float], None]:
        """Waits for so many seconds."""
        return self.retrying.sleep

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
        """Send JSON through the SDK and return the answer's JSON, None where it has no body.

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
                return self.sdk.restful(path, method=method, **extra)
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
        base = self.sdk.base_url
        return base.partition("/services/")[0] + path if path.startswith("/") else base + path

    def _tried(self, ask: Callable[[], T], *, repeatable: bool) -> T:
        return self.retrying.call(ask, repeatable=repeatable)


def _body(body: object) -> dict[str, Any]:
    return {} if body is None else {"json": body}


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _code(answer: requests.Response) -> str:
    found = refusal(parsed(answer.content))
    return found.code if found else ""


def _prepared(session: requests.Session, settings: SalesforceSettings, folder: Path) -> requests.Session:
    if settings.ca_file is not None:
        # With the environment trusted, a machine's exported CA bundle would win over the file. Proxies stay.
        file = folder / settings.ca_file
        if not file.is_file():
            raise ConnectorError(f"There is no file {file}.", fix="Check ca_file; relative paths start at the project.")
        session.proxies.update(requests.utils.get_environ_proxies(settings.address))
        session.trust_env = False
        session.verify = str(file)
    session.mount("https://", _Timed(settings.timeout, settings.parallel + 1))
    return session


class _Timed(HTTPAdapter):
    """Gives a timeout to calls that have none: the SDK's SOAP login passes none."""

    def __init__(self, timeout: float, connections: int) -> None:
        self._timeout = timeout
        super().__init__(pool_connections=2, pool_maxsize=connections, max_retries=0)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = kwargs.get("timeout") or (_CONNECT, self._timeout)
        return super().send(*args, **kwargs)


def _unanswered(error: requests.RequestException, *, writes: bool, call: str) -> RecyclekitError:
    never_sent = isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError) or any(
        name in repr(error) for name in ("NewConnectionError", "ConnectTimeoutError")
    )
    if never_sent:
        return unreachable(error)
    # Not the error's own words: they show the address with its query.
    what, why = f"Salesforce's answer to {call} did not come.", f"{type(error).__name__}."
    return InDoubtError(what, why=why) if writes else RetryableError(what, why=why)

"""The session under the SDK: bearer, timeout, meter, one replay of a dead token, and answers as our errors."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from recyclekit.connectors.cutting import cut_when_stopped
from recyclekit.connectors.pacing import Allowance, Limiter
from recyclekit.errors import ConnectorError, InDoubtError, RecyclekitError, RetryableError
from recyclekit.stopping import never, refuse_stopped
from recyclekit_salesforce.answers import EXPIRED, parsed, problem, refusal
from recyclekit_salesforce.auth import Authority, Token, unreachable
from recyclekit_salesforce.settings import SalesforceSettings

_USAGE = re.compile(r"(?:^|[^-])api-usage=(\d+)/(\d+)")
_READS = frozenset({"GET", "HEAD"})
_CONNECT = 5.0  # seconds to wait for a connection


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

    def __init__(
        self,
        signs_in: Authority,
        meter: Meter,
        timeout: float,
        should_stop: Callable[[], bool] = never,
        limiter: Limiter | None = None,
    ) -> None:
        super().__init__()
        self._authority, self._meter, self._timeout, self._should_stop = signs_in, meter, timeout, should_stop
        self._limiter, self._last = limiter, threading.local()
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
        refuse_stopped(self._should_stop)
        self._meter.spend()
        headers = {**call.headers, "Authorization": f"Bearer {token.bearer}"}
        try:
            with self._limiter.slot() if self._limiter else nullcontext():
                answer = super().request(call.method, call.url, headers=headers, **call.rest)
        except requests.RequestException as error:
            raise _unanswered(error, writes=call.writes, call=call.words) from None
        self._last.request = answer.headers.get("X-SFDC-Request-Id") or answer.headers.get("X-Request-Id") or ""
        if found := _USAGE.search(answer.headers.get("Sforce-Limit-Info", "")):
            self._meter.learn(int(found[1]), int(found[2]))
        return answer


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _code(answer: requests.Response) -> str:
    found = refusal(parsed(answer.content))
    return found.code if found else ""


def prepared(
    session: requests.Session, settings: SalesforceSettings, folder: Path, should_stop: Callable[[], bool] = never
) -> requests.Session:
    """Return a session that trusts whom the settings say, never waits for ever, and not long once it should stop.

    Raises:
        ConnectorError: the file of certificates is not there.
    """
    if settings.ca_file is not None:
        # With the environment trusted, a machine's exported CA bundle would win over the file. Proxies stay.
        file = folder / settings.ca_file
        if not file.is_file():
            raise ConnectorError(f"There is no file {file}.", fix="Check ca_file; relative paths start at the project.")
        session.proxies.update(requests.utils.get_environ_proxies(settings.address))
        session.trust_env = False
        session.verify = str(file)
    session.mount("https://", _Timed(settings.timeout, settings.parallel + 1, should_stop))
    return session


class _Timed(HTTPAdapter):
    """Gives a timeout to calls that have none: the SDK's SOAP login passes none."""

    def __init__(self, timeout: float, connections: int, should_stop: Callable[[], bool]) -> None:
        self._timeout, self._should_stop = timeout, should_stop
        super().__init__(pool_connections=2, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        cut_when_stopped(self.poolmanager, self._should_stop)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        cut_when_stopped(manager, self._should_stop)
        return manager

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

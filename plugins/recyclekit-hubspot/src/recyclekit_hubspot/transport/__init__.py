"""The one place that talks to HubSpot: token, timeouts, asking again, limits, what an answer means."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import orjson

from recyclekit.connectors import Calls
from recyclekit.connectors.cutting import cut_when_stopped
from recyclekit.connectors.pacing import Allowance, Limiter, Stamp
from recyclekit.connectors.retrying import Retrying
from recyclekit.connectors.sharing import Exchange
from recyclekit.errors import InDoubtError, QuotaError, RemoteError, RetryableError, SignInError, StoppedError
from recyclekit.stopping import asleep, never
from recyclekit_hubspot.answers import Answer, NoProofError, error_of, fault_of, read_object
from recyclekit_hubspot.auth import FixedToken, RefreshedToken, SignIn
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.transport.paths import Paths

if TYPE_CHECKING:
    from urllib3 import PoolManager

T = TypeVar("T")
_log = logging.getLogger(__name__)
_USUAL_ENGAGEMENTS = 2.0
_FIRST_BURST = 100
"""Calls in ten seconds until HubSpot says how many the account has: the fewest that any account has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `writes`: it can change something; `repeatable`: making it twice changes nothing more."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: Any = None
    writes: bool = False
    repeatable: bool = True
    searches: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What a transport waits and draws by; tests put their own in."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = asleep
    chance: random.Random = field(default_factory=random.Random)
    should_stop: Callable[[], bool] = never
    sharing: Callable[[str, str], Exchange | None] = lambda _account, _window: None  # Opening.sharing


class Transport:
    """Calls to one HubSpot account, from any number of threads."""

    def __init__(self, settings: HubSpotSettings, ways: Ways | None = None) -> None:
        ways = ways or Ways()
        pace: Any = {"clock": ways.clock, "sleep": ways.sleep, "should_stop": ways.should_stop}
        self.paths = Paths(settings.api)
        self.made: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.daily = Allowance("calls of this day", settings.keep_calls, clock=ways.clock)
        self.tries = settings.tries
        self._settings = settings
        # HubSpot counts calls by app, and searches by account.
        burst, search = ways.sharing(settings.app, "burst"), ways.sharing(settings.portal or settings.app, "search")
        self._burst = Limiter(settings.burst or _FIRST_BURST, 10.0, exchange=burst, **pace)
        self._search = Limiter(settings.searches_per_second, 1.0, exchange=search, stamp=Stamp.SENDING, **pace)
        self._retrying = Retrying(
            tries=settings.tries, clock=ways.clock, sleep=ways.sleep, chance=ways.chance, should_stop=ways.should_stop,
        )  # fmt: skip
        self._pool, self._agent = _pool_of(settings)
        cut_when_stopped(self._pool, ways.should_stop)
        self._signed_in = self._sign_in(ways.clock)

    def ask(self, call: Call, read: Callable[[Answer], T]) -> T:
        """Make a call and return what `read` makes of its answer; ask again where that is safe.

        Args:
            call: the request.
            read: takes the answer apart; raises NoProofError where it is not what it must be.

        Raises:
            RemoteError: one of recyclekit.errors, for this call alone.
        """
        return self._retrying.call(lambda: self._once(call, read), repeatable=call.repeatable)

    def told_calls(self) -> Calls:
        """Return the calls made so far, and how many are left today."""
        return Calls(of=f"hubspot {id(self)}", made=self.made.total(), left=self.daily.left)

    @property
    def engagements_per_deal(self) -> float:
        """How many engagements a deal has on average, by what was read so far: what a forecast of calls rests on."""
        deals = self.read["deals"]
        return sum(n for kind, n in self.read.items() if kind != "deals") / deals if deals else _USUAL_ENGAGEMENTS

    def pause(self, attempt: int) -> bool:
        """Wait before something is sent again that this call alone could not settle; longer with each attempt.

        Returns:
            Whether to go on: not where a stop was asked for.
        """
        try:
            self._retrying.pause(attempt)
        except StoppedError:
            return False
        return True

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return the object at a path."""
        return self.ask(Call(method="GET", path=path, query=list(query.items())), read_object)

    def _once(self, call: Call, read: Callable[[Answer], T]) -> T:
        answer = self._signed(call)
        if not 200 <= answer.status < 300:
            raise self._heeded(error_of(answer, writes=call.writes, searches=call.searches), call)
        try:
            return read(answer)
        except NoProofError as nonsense:
            what, why = f"HubSpot answered {call.method} {call.path} with nonsense.", f"There is {nonsense}."
            if call.writes:
                raise InDoubtError(what, why=why) from nonsense
            raise RetryableError(what, why=why) from nonsense

    def _signed(self, call: Call) -> Answer:
        """Send with a bearer token; once more, all the same, where HubSpot calls the token expired."""
        bearer = self._signed_in.bearer()
        answer = self._paced(call, bearer.token.get_secret_value())
        if answer.status == 401 and _is_expiry(answer) and self._signed_in.refused(bearer):
            answer = self._paced(call, self._signed_in.bearer().token.get_secret_value())
        return answer

    def _paced(self, call: Call, token: str) -> Answer:
        limiter = self._search if call.searches else self._burst
        with limiter.slot():
            self.daily.spend()
            answer = self._send(call, {"authorization": f"Bearer {token}", "content-type": "application/json"})
            self._learn(answer, call)
        return answer

    def _send(self, call: Call, headers: Mapping[str, str]) -> Answer:
        body = orjson.dumps(call.body) if call.body is not None else None
        self.made["search" if call.searches else "call"] += 1
        answer = self._exchanged(call, body, headers)
        _log.debug("%s %s → %s", call.method, call.path, answer.status)
        return answer

    def _exchanged(self, call: Call, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
        from urllib3.util import Timeout

        url = f"{self._settings.url.rstrip('/')}{call.path}" + (f"?{urlencode(call.query)}" if call.query else "")
        timeout = Timeout(connect=self._settings.connect_timeout, read=self._settings.read_timeout)
        named = {**headers, "user-agent": self._agent}
        try:
            got = self._pool.urlopen(
                call.method, url, body=body, headers=named, timeout=timeout, retries=False, redirect=False
            )
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise _unreached(call, error) from error
        except (HTTPError, OSError) as error:
            raise _unanswered(call, error) from error
        return Answer(got.status, {name.lower(): value for name, value in got.headers.items()}, got.data)

    def _learn(self, answer: Answer, call: Call) -> None:
        """Follow the limits that an answer tells; a search has none of its own."""
        left = _number(answer, "x-hubspot-ratelimit-daily-remaining")
        if left is not None:
            self.daily.learn(left)
        most = _number(answer, "x-hubspot-ratelimit-max")
        if call.searches or most is None or _number(answer, "x-hubspot-ratelimit-interval-milliseconds") != 10_000:
            return
        limit = most if self._settings.burst is None else min(most, self._settings.burst)
        self._burst.learn(remaining=_number(answer, "x-hubspot-ratelimit-remaining"), limit=limit)

    def _heeded(self, error: RemoteError, call: Call) -> RemoteError:
        """Hold back all threads where HubSpot asked this one to wait, or where its day is over."""
        if isinstance(error, QuotaError):
            self.daily.learn(0)
        if isinstance(error, RetryableError) and error.retry_after:
            (self._search if call.searches else self._burst).pause(error.retry_after)
        return error

    # -- signing in

    def _sign_in(self, clock: Callable[[], float]) -> SignIn:
        if self._settings.oauth is not None:
            return RefreshedToken(self._settings.oauth, self._exchange, clock)
        assert self._settings.token is not None
        return FixedToken(self._settings.token)

    def _exchange(self, form: dict[str, str]) -> dict[str, object]:
        return self._retrying.call(lambda: self._renewed(form), repeatable=True)

    def _renewed(self, form: dict[str, str]) -> dict[str, object]:
        """Post the form of a refresh token; it counts for no window."""
        call = Call(method="POST", path=self.paths.token())
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = self._exchanged(call, urlencode(form).encode(), headers)
        if answer.status in {400, 401, 403}:
            why = fault_of(answer.body).message
            fix = "Install the app in the account again and renew refresh_token."
            raise SignInError("HubSpot does not renew the sign-in.", why=why, fix=fix)
        if not 200 <= answer.status < 300:
            raise error_of(answer, writes=False)
        try:
            return read_object(answer)
        except NoProofError as nonsense:
            raise RetryableError("HubSpot answered a sign-in with nonsense.") from nonsense


def _pool_of(settings: HubSpotSettings) -> tuple[PoolManager, str]:
    """Return the connection pool and the name that HubSpot's own client is configured with.

    Held once: the client builds a new pool at each access. Its own retries are off, its models are not used.
    """
    from hubspot import HubSpot

    options: dict[str, Any] = {"host": settings.url, "retry": False, "connection_pool_maxsize": settings.threads + 2}
    if settings.ca_file is not None:
        options["ssl_ca_cert"] = str(settings.ca_file)
    client = HubSpot(access_token="", **options).crm.deals.basic_api.api_client  # ours goes by header
    return client.rest_client.pool_manager, client.user_agent


def _is_expiry(answer: Answer) -> bool:
    fault = fault_of(answer.body)
    return fault.category == "EXPIRED_AUTHENTICATION" or "expired" in fault.message.lower()


def _number(answer: Answer, header: str) -> int | None:
    value = answer.headers.get(header, "")
    return int(value) if value.isdecimal() else None


def _unreached(call: Call, error: Exception) -> RemoteError:
    fix = "Is the network up? Resume later: recyclekit retry"
    return RetryableError(f"HubSpot cannot be reached for {call.path}.", why=_kind(error), fix=fix)


def _unanswered(call: Call, error: Exception) -> RemoteError:
    what = f"HubSpot's answer to {call.method} {call.path} did not come."
    return InDoubtError(what, why=_kind(error)) if call.writes else RetryableError(what, why=_kind(error))


def _kind(error: Exception) -> str:
    return type(error).__name__  # its own words may quote the request

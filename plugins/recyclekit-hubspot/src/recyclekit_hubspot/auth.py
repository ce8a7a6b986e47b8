"""Who we are to HubSpot: a fixed token, or one that is refreshed on its time and once more when it is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from recyclekit.errors import SignInError
from recyclekit.secrecy import remember
from recyclekit_hubspot.settings import OAuth

_EARLY = 60.0  # seconds before its end at which a token is refreshed

Exchange = Callable[[dict[str, str]], dict[str, object]]
"""Posts a form to the token address and returns the answer. Raises the errors of recyclekit.errors."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """An access token and its generation, which grows with each refresh."""

    token: SecretStr
    generation: int = 0


class SignIn(Protocol):
    """What gives the transport its bearer token."""

    def bearer(self) -> Bearer:
        """Return a token that is good by our clock."""
        ...

    def refused(self, bearer: Bearer) -> bool:
        """Hear that HubSpot calls this token expired; return whether there is a newer one to try."""
        ...


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A service key or a private app's token: never expires by itself."""

    token: SecretStr

    def bearer(self) -> Bearer:
        return Bearer(self.token)

    def refused(self, bearer: Bearer) -> bool:  # noqa: ARG002  # the protocol's; a fixed token has no successor
        return False


@dataclass(slots=True)
class RefreshedToken:
    """OAuth: one thread refreshes, the others wait for it and use what it got."""

    oauth: OAuth
    exchange: Exchange = field(repr=False)
    clock: Callable[[], float]
    _bearer: Bearer | None = None
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def bearer(self) -> Bearer:
        with self._lock:
            if self._bearer is None or self.clock() >= self._until:
                self._refresh()
            assert self._bearer is not None
            return self._bearer

    def refused(self, bearer: Bearer) -> bool:
        with self._lock:
            # Somebody else may have refreshed since this token was handed out.
            if self._bearer is not None and self._bearer.generation == bearer.generation:
                self._refresh()
            return True

    def _refresh(self) -> None:
        answer = self.exchange(
            {
                "grant_type": "refresh_token",
                "client_id": self.oauth.client_id,
                "client_secret": self.oauth.client_secret.get_secret_value(),
                "refresh_token": self.oauth.refresh_token.get_secret_value(),
            }
        )
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token:
            raise SignInError("HubSpot gave no access token.", fix="Install the app again and renew refresh_token.")
        remember(token)  # HubSpot's own words may show it
        lasts = float(seconds) if isinstance(seconds, (int, float)) else 1800.0
        generation = self._bearer.generation + 1 if self._bearer else 1
        self._bearer = Bearer(SecretStr(token), generation)
        self._until = self.clock() + max(lasts - _EARLY, lasts / 2)

"""Who may sign in, and which tokens are alive. Everything here is made up and belongs to nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from random import Random
from string import ascii_letters, digits
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_LETTERS = ascii_letters + digits + "._"


class Sessions:
    """The External Client App's credentials, its run-as user, and the tokens handed out.

    Args:
        seed: of the credentials and tokens.
        clock: the org's time.
        organization: the org's id, which tokens begin with.
        username: of the run-as user.

    Attributes:
        seconds: how long a token lives without being used; None: for ever. Nothing tells a client how long that is.
        approved: whether the user is pre-authorised for the app (JWT bearer).
        newest: the token handed out last.
    """

    def __init__(self, seed: int, clock: Callable[[], datetime], organization: str, username: str) -> None:
        self._clock = clock
        self.seconds: float | None = None
        self._chance = Random(f"{seed}/sessions")  # noqa: S311  # a sandbox's tokens shall repeat
        self._organization = organization[:15]
        self.consumer_key = "3MVG9" + self._letters(80)
        self.consumer_secret = self._letters(64)
        self.username = username
        self.password, self.security_token = self._letters(12), self._letters(24)
        self.approved = True
        self._used_at: dict[str, datetime] = {}
        self.newest = self.open()

    @cached_property
    def signing_key(self) -> RSAPrivateKey:
        """The key whose certificate was uploaded to the app."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def private_key(self) -> str:
        """The same key as PEM text, as a client's settings hold it."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self.signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def open(self) -> str:
        """Hand out a token."""
        self.newest = f"{self._organization}!AQEAQ{self._letters(60)}"
        self._used_at[self.newest] = self._clock()
        return self.newest

    def close(self, token: str) -> None:
        """Let one token be dead."""
        self._used_at.pop(token, None)

    def close_all(self) -> None:
        """Let every token handed out so far be dead."""
        self._used_at.clear()

    def let_in(self, authorization: str) -> bool:
        """Whether an Authorization header carries a living token."""
        scheme, _, token = authorization.partition(" ")
        used_at, now = self._used_at.get(token.strip()), self._clock()
        if scheme.lower() not in {"bearer", "oauth"} or used_at is None:
            return False
        if self.seconds is not None and (now - used_at).total_seconds() > self.seconds:
            return False
        self._used_at[token.strip()] = now
        return True

    def _letters(self, count: int) -> str:
        return "".join(self._chance.choices(_LETTERS, k=count))

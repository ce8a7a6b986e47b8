"""Signing in: client credentials, JWT bearer, and what is left of older ways. Tokens are renewed once, not by each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from recyclekit import clock
from recyclekit.errors import ConnectorError, RecyclekitError, RetryableError, SignInError
from recyclekit.models.snapshot import Finding
from recyclekit.secrecy import remember
from recyclekit_salesforce.settings import SalesforceSettings

if TYPE_CHECKING:
    import requests

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_JWT_SECONDS = 180
_FIXES = {
    "invalid_client_id": "Check client_id (the consumer key of the External Client App).",
    "invalid_client": "Check client_id and client_secret; enable the client credentials flow on the app.",
    "invalid_grant": "Check the run-as user, that the user is pre-authorised for the app, and that it is active.",
    "unsupported_grant_type": "Enable this flow on the External Client App.",
}


@dataclass(frozen=True, slots=True)
class Token:
    """What signing in gives: a bearer, where the org lives, and who we are there. The bearer is never printed."""

    bearer: str = field(repr=False)
    address: str
    user: str | None = None


class Authority:
    """Keeps the token of one connection and renews it; of many threads that find it dead, one signs in again.

    Args:
        sign_in: asks for a new token; None where there is only the given one.
        given: a token from elsewhere.
    """

    def __init__(self, sign_in: Callable[[], Token] | None, given: Token | None = None) -> None:
        self._sign_in, self._token = sign_in, given
        self._lock = threading.Lock()

    def token(self) -> Token:
        """Return the token in use, signing in on first use."""
        with self._lock:
            if self._token is None:
                self._token = self._signed_in()
            return self._token

    def renew(self, dead: Token) -> Token:
        """Return a token that is newer than one that Salesforce refused."""
        with self._lock:
            if self._token is None or self._token.bearer == dead.bearer:
                self._token = self._signed_in()
            return self._token

    def _signed_in(self) -> Token:
        if self._sign_in is None:
            raise SignInError(
                "Salesforce does not accept the access token any more.",
                why="A token from elsewhere cannot be renewed.",
                fix="Get a new one, or sign in with client_id and client_secret.",
            )
        token = self._sign_in()
        remember(token.bearer)  # Salesforce's own words may show it
        return token


def authority(settings: SalesforceSettings, folder: Path, session: requests.Session) -> Authority:
    """Return what signs in the way that the settings say. The session belongs to signing in alone."""
    if settings.access_token is not None:
        return Authority(None, Token(settings.access_token.get_secret_value(), settings.address))
    if settings.password is not None:
        return Authority(lambda: _by_password(settings, session))
    return Authority(lambda: _by_oauth(settings, folder, session))


def legacy(settings: SalesforceSettings) -> list[Finding]:
    """Return a warning where the project signs in by a way that Salesforce is switching off."""
    if settings.password is None:
        return []
    what = "Signing in by user name and password uses SOAP login(), which Salesforce retires in summer 2027."
    fix = "Make an External Client App and use client_id with client_secret, or with a private key."
    return [Finding(level="warning", where="salesforce", what=what, fix=fix)]


def _by_oauth(settings: SalesforceSettings, folder: Path, session: requests.Session) -> Token:
    form = {"grant_type": "client_credentials", "client_id": settings.client_id}
    if settings.client_secret is not None:
        form["client_secret"] = settings.client_secret.get_secret_value()
    else:
        form = {"grant_type": _JWT, "assertion": _assertion(settings, folder)}
    answer = _post(session, f"{settings.address}/services/oauth2/token", form, settings.timeout)
    bearer = answer.get("access_token")
    if not isinstance(bearer, str) or not bearer:
        raise RetryableError("Salesforce's sign-in answered without a token.")
    return Token(bearer, str(answer.get("instance_url") or settings.address).rstrip("/"), _user(answer.get("id")))


def _user(identity: object) -> str | None:
    """Return the user's id out of the identity address that a token comes with: …/id/<org>/<user>."""
    last = str(identity or "").rpartition("/")[2]
    return last if last.startswith("005") else None


def _assertion(settings: SalesforceSettings, folder: Path) -> str:
    import jwt

    claims = {
        "iss": settings.client_id,
        "sub": settings.username,
        "aud": settings.audience,
        "exp": int(clock.now().timestamp()) + _JWT_SECONDS,
    }
    try:
        return jwt.encode(claims, _private_key(settings, folder), algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        # The library's own words may show the key.
        raise ConnectorError(
            "The private key cannot be used.", why=type(error).__name__, fix="Give an RSA key in PEM."
        ) from None


def _private_key(settings: SalesforceSettings, folder: Path) -> str:
    if settings.private_key is not None:
        return settings.private_key.get_secret_value()
    path = folder / (settings.private_key_file or "")
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConnectorError(
            f"The private key in {path} cannot be read.", why=type(error).__name__, fix="Check private_key_file."
        ) from error


def _post(session: requests.Session, url: str, form: dict[str, Any], timeout: float) -> dict[str, Any]:
    import requests

    try:
        answer = session.post(url, data=form, timeout=timeout)
    except requests.RequestException as error:
        raise unreachable(error) from None
    try:
        body = orjson.loads(answer.content)
    except ValueError:
        body = None
    if answer.status_code == 429 or answer.status_code >= 500:
        raise RetryableError(f"Salesforce's sign-in answered {answer.status_code}.")
    if not isinstance(body, dict):
        raise RetryableError("Salesforce's sign-in answered what is no JSON object.", why=f"HTTP {answer.status_code}.")
    if answer.status_code != 200:
        code = str(body.get("error", answer.status_code))
        why = f"{code}: {body.get('error_description', '')}".strip(": ")
        raise SignInError(
            "Salesforce refused the sign-in.", why=f"{why}.", fix=_FIXES.get(code, "See its login history.")
        )
    return body


def _by_password(settings: SalesforceSettings, session: requests.Session) -> Token:
    import requests
    from simple_salesforce.exceptions import SalesforceAuthenticationFailed
    from simple_salesforce.login import SalesforceLogin

    if settings.password is None or settings.security_token is None:
        raise ConnectorError("A password and a security token are needed.")
    try:
        bearer, host = SalesforceLogin(
            username=settings.username,
            password=settings.password.get_secret_value(),
            security_token=settings.security_token.get_secret_value(),
            # SOAP login() is gone from version 65 on
            sf_version="64.0" if float(settings.version) > 64 else settings.version,
            session=session,
            domain=settings.address.removeprefix("https://").removesuffix(".salesforce.com"),
        )
    except SalesforceAuthenticationFailed as error:
        why = f"{error.code}: {error.message}"
        raise SignInError(
            "Salesforce refused the sign-in.", why=why, fix="Check the password and the security token."
        ) from None
    except requests.RequestException as error:
        raise unreachable(error) from None
    return Token(bearer, f"https://{host}")


def unreachable(error: Exception) -> RecyclekitError:
    """Return the error for a call that got no answer; only what requests calls it, since its words show the URL."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return ConnectorError(
            "Salesforce's certificate is not trusted here.",
            why="Something between here and there (a proxy, a sandbox) shows a certificate of its own.",
            fix="Name its authority's certificate in `ca_file`.",
        )
    return RetryableError("Salesforce cannot be reached.", why=f"{type(error).__name__}.")

"""Signing in: client credentials, JWT bearer with its signature checked, user and password, and the old SOAP login."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import orjson

from recyclekit.testing.sandbox.routing import Router
from recyclekit.testing.sandbox.salesforce.calls.routes import answer
from recyclekit.testing.sandbox.salesforce.sessions import Sessions
from recyclekit.testing.sandbox.wire import Answer, Request

if TYPE_CHECKING:
    from recyclekit.testing.sandbox.salesforce.sandbox import SalesforceSandbox

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_XML = {"Content-Type": "text/xml;charset=UTF-8"}
_LAST_SOAP_VERSION = 64
_ASSERTION_SECONDS = 180


class SignInError(Exception):
    """Nobody is let in; the two texts are the vendor's error and error_description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error, self.description = error, description


class OAuthCalls:
    """The calls that hand out tokens."""

    def __init__(self, crm: SalesforceSandbox) -> None:
        self._crm = crm

    @property
    def _sessions(self) -> Sessions:
        return self._crm.sessions

    def routes(self, router: Router) -> None:
        """Add the calls."""
        router.add("POST", "/services/oauth2/token", self._token)
        router.add("POST", "/services/oauth2/revoke", self._revoke)
        router.add("GET", "/services/oauth2/userinfo", self._identity)
        router.add("GET", "/id/{org}/{user}", self._identity)
        router.add("POST", "/services/Soap/u/{version}", self._soap_login)

    def _token(self, request: Request) -> Answer:
        try:
            self._admit({**_basic(request.headers.get("authorization", "")), **_form(request)})
        except SignInError as error:
            return answer({"error": error.error, "error_description": error.description}, 400)
        org = self._crm.org
        return answer(
            {
                "access_token": self._sessions.open(),
                "signature": base64.b64encode(b"sandbox").decode(),
                "scope": "api id",
                "instance_url": self._crm.url,
                "id": self._crm.identity(),
                "token_type": "Bearer",
                "issued_at": str(int(org.clock().timestamp() * 1000)),
            }
        )

    def _admit(self, form: dict[str, str]) -> None:
        match form.get("grant_type"):
            case "client_credentials":
                self._client(form)
            case "password":
                self._client(form)
                self._password(form.get("username", ""), form.get("password", ""))
            case grant if grant == JWT_BEARER:
                self._assertion(form.get("assertion", ""))
            case _:
                raise SignInError("unsupported_grant_type", "grant type not supported")

    def _client(self, form: dict[str, str]) -> None:
        if form.get("client_id") != self._sessions.consumer_key:
            raise SignInError("invalid_client_id", "client identifier invalid")
        if form.get("client_secret") != self._sessions.consumer_secret:
            raise SignInError("invalid_client", "invalid client credentials")

    def _password(self, username: str, password: str) -> None:
        known = self._sessions
        if username != known.username or password not in {known.password, known.password + known.security_token}:
            raise SignInError("invalid_grant", "authentication failure")

    def _assertion(self, assertion: str) -> None:
        claims = _verified(assertion, self._sessions)
        if claims.get("iss") != self._sessions.consumer_key:
            raise SignInError("invalid_client_id", "client identifier invalid")
        hosts = {"https://login.salesforce.com", "https://test.salesforce.com", self._crm.url}
        if str(claims.get("aud", "")).rstrip("/") not in hosts:
            raise SignInError("invalid_grant", "audience is invalid")
        if not _fresh(claims.get("exp"), self._crm.org.clock()):
            raise SignInError("invalid_grant", "expired authorization code")
        if claims.get("sub") != self._sessions.username or not self._sessions.approved:
            raise SignInError("invalid_grant", "user hasn't approved this consumer")

    def _revoke(self, request: Request) -> Answer:
        try:
            self._sessions.close(_form(request).get("token", ""))
        except SignInError as error:
            return answer({"error": error.error, "error_description": error.description}, 400)
        return Answer(200)

    def _identity(self, request: Request) -> Answer:
        if not self._sessions.let_in(request.headers.get("authorization", "")):
            return answer({"error": "Bad_OAuth_Token"}, 403)
        org, name = self._crm.org, self._sessions.username
        user, url = org.robot, self._crm.identity()
        ids = {"user_id": user, "organization_id": org.organization, "sub": url}
        return answer({"id": url, **ids, "username": name, "preferred_username": name, "display_name": "Integration"})

    def _soap_login(self, request: Request) -> Answer:
        """Off in new orgs, and gone from v65 on."""
        if not self._crm.soap_login or not _old_enough(request.parts["version"]):
            return _soap_fault("INVALID_OPERATION", "SOAP API login() is disabled by default in this org.")
        given = {tag: _tag(request.body.decode(errors="replace"), tag) for tag in ("username", "password")}
        try:
            self._password(given["username"], given["password"])
        except SignInError:
            return _soap_fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
        org, version = self._crm.org, request.parts["version"]
        return _soap(
            "<loginResponse><result>"
            f"<serverUrl>{self._crm.url}/services/Soap/u/{version}/{org.organization}</serverUrl>"
            f"<sessionId>{escape(self._sessions.open())}</sessionId><userId>{org.robot}</userId>"
            f"<userInfo><organizationId>{org.organization}</organizationId><userId>{org.robot}</userId>"
            "<sessionSecondsValid>7200</sessionSecondsValid></userInfo></result></loginResponse>"
        )


def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form post.

    Raises:
        SignInError: it cannot be read.
    """
    try:
        return request.form()
    except ValueError:
        raise SignInError("invalid_request", "the request is not a form") from None


def _old_enough(version: str) -> bool:
    whole = version.partition(".")[0]
    return whole.isdecimal() and int(whole) <= _LAST_SOAP_VERSION


def _basic(authorization: str) -> dict[str, str]:
    """Return the client's id and secret where they come as a user and a password of HTTP."""
    scheme, _, packed = authorization.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        key, _, secret = base64.b64decode(packed).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": key, "client_secret": secret}


def _verified(assertion: str, sessions: Sessions) -> dict[str, Any]:
    """Return a JWT's claims where the key that this org knows has signed it.

    Raises:
        SignInError: it has not.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        head, payload, signature = assertion.split(".")
        if orjson.loads(_decoded(head)).get("alg") != "RS256":
            raise ValueError("not RS256")
        signed = f"{head}.{payload}".encode()
        sessions.signing_key.public_key().verify(_decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        claims: Any = orjson.loads(_decoded(payload))
    except (ValueError, AttributeError, InvalidSignature):
        raise SignInError("invalid_grant", "invalid assertion") from None
    return claims if isinstance(claims, dict) else {}


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _fresh(expires: object, now: datetime) -> bool:
    """An assertion lives three minutes at most; the vendor allows for clocks that differ a little, and for text."""
    try:
        left = float(str(expires)) - now.timestamp()
    except ValueError:
        return False
    return 0 <= left <= 2 * _ASSERTION_SECONDS


def _tag(text: str, name: str) -> str:
    found = re.search(rf"<(?:\w+:)?{name}>(.*?)</", text, re.DOTALL)
    return found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if found else ""


def _soap(inside: str, status: int = 200) -> Answer:
    envelope = (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body>'
        f"{inside}</soapenv:Body></soapenv:Envelope>"
    )
    return Answer(status, envelope.encode(), _XML)


def _soap_fault(code: str, message: str) -> Answer:
    inside = (
        f"<soapenv:Fault><faultcode>{code}</faultcode><faultstring>{code}: {message}</faultstring><detail>"
        f"<sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage>"
        "</sf:LoginFault></detail></soapenv:Fault>"
    )
    return _soap(inside, 500)

"""Tokens: the static one of a private app, the half hour of OAuth, and which scopes they hold."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from recyclekit.testing.sandbox.hubspot.bodies import body_of
from recyclekit.testing.sandbox.hubspot.object_types import object_type
from recyclekit.testing.sandbox.hubspot.records import iso
from recyclekit.testing.sandbox.hubspot.said import Speech, edge
from recyclekit.testing.sandbox.wire import Answer, Request, json_answer

LIFETIME = 1_800
ALL_SCOPES = frozenset(
    f"crm.{area}.{what}.{right}"
    for area, what in (
        ("objects", "deals"),
        ("objects", "contacts"),
        ("objects", "companies"),
        ("schemas", "deals"),
        ("schemas", "contacts"),
        ("schemas", "companies"),
    )
    for right in ("read", "write")
) | {"crm.objects.owners.read", "crm.lists.read", "crm.lists.write", "communication_preferences.read"}
_SHORTEST_TOKEN = 12


@dataclass(slots=True)
class Grant:
    """What an OAuth app was given. `refresh_token` is dead once it is replaced or emptied here."""

    client_id: str
    client_secret: str
    refresh_token: str


class SignIn:
    """Lets calls in, and hands out OAuth tokens."""

    def __init__(self, clock: Callable[[], datetime], seed: int, say: Speech) -> None:
        self._clock, self._say = clock, say
        self._chance = Random(f"{seed}/tokens")  # noqa: S311  # no secret of anybody
        self.token = f"pat-na1-{self._fresh()}"
        self.grant = Grant(self._fresh(), self._fresh(), f"na1-{self._fresh()}")
        self.scopes = set(ALL_SCOPES)
        self._dead: set[str] = set()
        self._ends: dict[str, datetime] = {}

    def refuse(self, request: Request) -> Answer | None:
        """Return why a call is not let in, or None."""
        token = self.token_of(request)
        if not token:
            return self._say.no_credentials()
        if len(token) < _SHORTEST_TOKEN or not token.isprintable() or " " in token:
            return edge(530, "Error 1016: Origin DNS error")
        if token in self._ends:
            ended = self._ends[token]
            if self._clock() >= ended:
                return self._say.expired((self._clock() - ended).total_seconds(), iso(ended))
        elif token != self.token or token in self._dead:
            return self._say.no_credentials()
        missing = [scope for scope in scopes_of(request) if scope not in self.scopes]
        return self._say.missing_scopes(missing) if missing else None

    @staticmethod
    def token_of(request: Request) -> str:
        """Return the bearer token of a call, or empty."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return token if kind.lower() == "bearer" else ""

    def by_oauth(self, request: Request) -> bool:
        """Return whether a call comes with an OAuth token: it has other limits."""
        return self.token_of(request) in self._ends

    def expire(self) -> None:
        """End every token: OAuth ones as if their half hour were over, the static one as if it had been revoked."""
        now = self._clock()
        self._ends = {token: min(ended, now) for token, ended in self._ends.items()}
        self._dead.add(self.token)

    def rotate(self) -> str:
        """Give the private app a new static token; the old one is dead. Return it."""
        self._dead.add(self.token)
        self.token = f"pat-na1-{self._fresh()}"
        return self.token

    def issue(self) -> str:
        """Return a fresh OAuth access token."""
        token = f"C{self._fresh()}"
        self._ends[token] = self._clock() + timedelta(seconds=LIFETIME)
        return token

    def exchange(self, request: Request) -> Answer:
        """POST /oauth/v1/token and its successors: a refresh token for an access token."""
        is_json = request.headers.get("content-type", "").startswith("application/json")
        given = body_of(request) if is_json else request.form()
        if given.get("grant_type") != "refresh_token":
            return self._refused("unsupported_grant_type", "BAD_GRANT_TYPE", "only refresh_token is known here")
        if (given.get("client_id"), given.get("client_secret")) != (self.grant.client_id, self.grant.client_secret):
            return self._refused("invalid_client", "BAD_CLIENT_ID", "missing or invalid client id or secret")
        if not self.grant.refresh_token or given.get("refresh_token") != self.grant.refresh_token:
            words = "refresh token is invalid, expired or revoked"
            return self._refused("invalid_grant", "BAD_REFRESH_TOKEN", words)
        token = {"access_token": self.issue(), "refresh_token": self.grant.refresh_token}
        more = {"token_type": "bearer", "token_use": "access_token", "scopes": sorted(self.scopes)}
        return json_answer({**token, "expires_in": LIFETIME, **more})

    def _refused(self, error: str, status: str, message: str) -> Answer:
        body = {"error": error, "error_description": message, "status": status, "message": message}
        return json_answer({**body, "correlationId": self._say.correlation()}, 400)

    def _fresh(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))


def scopes_of(request: Request) -> list[str]:
    """Return the scopes that a call needs."""
    pieces = [piece for piece in request.path.split("/") if piece]
    if pieces[0] != "crm":
        return ["communication_preferences.read"] if pieces[0] == "communication-preferences" else []
    right = "read" if request.method == "GET" or pieces[-1] in {"read", "search"} else "write"
    kinds = dict.fromkeys(kind.scope for piece in pieces[2:6] if (kind := object_type(piece)))
    if "owners" in pieces[1:3]:
        return ["crm.objects.owners.read"]
    if "lists" in pieces[1:3]:
        return [f"crm.lists.{right}"]
    what = "schemas" if {"properties", "pipelines"} & set(pieces[1:3]) else "objects"
    return [f"crm.{what}.{kind}.{right}" for kind in kinds]

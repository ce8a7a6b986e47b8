"""Where HubSpot's API keeps what, per version: the only place that knows a path."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths of one API version: `v3` (with v4 for associations), or a dated one such as `2026-03`."""

    version: str

    def objects(self, kind: str, *rest: str) -> str:
        """Records of a kind: deals, contacts, companies, calls, emails, meetings, notes, tasks."""
        return self._at("objects", kind, *rest)

    def associations(self, start: str, end: str, *rest: str) -> str:
        """Links from records of one kind to records of another."""
        if self.version == "v3":
            return "/".join(("/crm/v4/associations", start, end, *rest))
        return self._at("associations", start, end, *rest)

    def properties(self, kind: str, *rest: str) -> str:
        """Definitions of a kind's properties; `groups` below them."""
        return self._at("properties", kind, *rest)

    def pipelines(self, kind: str) -> str:
        """Pipelines with their stages."""
        return self._at("pipelines", kind)

    def owners(self) -> str:
        """People who can own records."""
        return self._at("owners")

    def lists(self, *rest: str) -> str:
        """Lists and their memberships."""
        return self._at("lists", *rest)

    def token(self) -> str:
        """Where a refresh token becomes an access token."""
        return "/oauth/v1/token" if self.version == "v3" else "/oauth/v3/token"

    def _at(self, *parts: str) -> str:
        first, *rest = parts
        start = f"/crm/v3/{first}" if self.version == "v3" else f"/crm/{first}/{self.version}"
        return "/".join((start, *rest))

"""What a project file may say of a HubSpot connection: the `settings` block."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from recyclekit.models.tables import OWN_FIELDS

Engagement = Literal["calls", "emails", "meetings", "notes", "tasks", "communications"]


_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


class OAuth(BaseModel):
    """A public or private app that signs in with a refresh token."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: str = Field(description="Id of the app.")
    client_secret: SecretStr = Field(description="Secret of the app.")
    refresh_token: SecretStr = Field(description="What the app was given when it was installed in the account.")


class HubSpotSettings(BaseModel):
    """One HubSpot account."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: SecretStr | None = Field(default=None, description="A service key's or private app's access token.")
    oauth: OAuth | None = Field(default=None, description="Instead of a token: an app that signs in by OAuth.")
    api: str = Field(
        default="v3",
        pattern=r"^(v3|\d{4}-\d{2})$",
        description="Version of HubSpot's API: v3, or a dated one such as 2026-03.",
    )
    url: str = Field(default="https://api.hubapi.com", pattern=r"^https?://", description="Where the API answers.")
    ca_file: Path | None = Field(default=None, description="Certificates to trust instead of the usual ones.")
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.")
    read_timeout: float = Field(default=60.0, gt=0, description="Seconds to wait for an answer.")
    tries: int = Field(default=6, ge=1, description="Calls in all where one may be made again.")
    burst: int | None = Field(
        default=None,
        ge=1,
        description="Calls in ten seconds at most; default: what HubSpot allows the account, by its own answers.",
    )
    portal: str | None = Field(
        default=None,
        description="Hub ID of the account: connections that name the same one share its limit of searches, whatever"
        " their tokens.",
    )
    searches_per_second: int = Field(default=5, ge=1, description="Searches a second at most.")
    keep_calls: int = Field(default=1_000, ge=0, description="Calls of the day that are left to other apps.")
    threads: int = Field(default=8, ge=1, le=32, description="Calls on their way at once.")
    page_size: int = Field(default=2_000, ge=1, description="Records that are read and handed on together.")
    activities: tuple[Engagement, ...] = Field(
        default=("calls", "emails", "meetings", "notes", "tasks", "communications"),
        description="Engagements that are read.",
    )
    companies: bool = Field(default=True, description="Read companies as accounts.")
    parallel: bool = Field(
        default=True, description="Read lists in several ranges at once, where a probe finds that this is exact."
    )
    main_contact_label: str | None = Field(
        default=None,
        description="Association label of a deal's main contact; without one it is the contact with the lowest id.",
    )
    own_fields: Mapping[str, str] = Field(
        default_factory=dict, description="Our own field → the deal property that holds it; default: the same name."
    )
    task_key: str = Field(default="recycle_key", description="Unique task property that holds our key.")
    property_group: str = Field(default="recyclekit", description="Group in which our properties are created.")
    due_hour: int = Field(default=9, ge=0, le=23, description="Hour of the business zone at which tasks are due.")
    lists: Mapping[str, str] = Field(
        default_factory=dict, description="Track, or the policy's list → id of the static contact list to add to."
    )
    lifecycle_stage: str | None = Field(
        default=None, description="Lifecycle stage given to enrolled contacts, also where that means going back."
    )

    @field_validator("token", mode="before")
    @classmethod
    def _bare(cls, token: object) -> object:
        """Drop the blank or line end that a copied token often brings along."""
        return token.strip() if isinstance(token, str) else token

    @field_validator("url")
    @classmethod
    def _sealed(cls, url: str) -> str:
        """Let no token travel in clear but to this machine."""
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname not in _HERE:
            raise ValueError("a token must not travel in clear: write https://")
        return url

    @field_validator("own_fields")
    @classmethod
    def _ours(cls, names: Mapping[str, str]) -> Mapping[str, str]:
        strange = [name for name in names if name not in OWN_FIELDS]
        if strange:
            raise ValueError(f"'{strange[0]}' is no field of ours; there are: {', '.join(OWN_FIELDS)}")
        return names

    @field_validator("lists", mode="before")
    @classmethod
    def _text(cls, lists: object) -> object:
        """Let a list's id be written as a number."""
        return {key: str(value) for key, value in lists.items()} if isinstance(lists, Mapping) else lists

    @model_validator(mode="after")
    def _one_way_in(self) -> HubSpotSettings:
        if (self.token is None) == (self.oauth is None):
            raise ValueError("give either a token or oauth: {client_id, client_secret, refresh_token}")
        if self.token is not None and not self.token.get_secret_value().strip():
            raise ValueError("the token is empty; is its environment variable filled?")
        return self

    @property
    def app(self) -> str:
        """What HubSpot counts calls by: the app's token, or the installed app."""
        if self.token is not None:
            return self.token.get_secret_value()
        assert self.oauth is not None
        return f"{self.oauth.client_id} {self.oauth.refresh_token.get_secret_value()}"

    def property_of(self, own_field: str) -> str:
        """Return the deal property that holds one of our own fields."""
        return self.own_fields.get(own_field, own_field)

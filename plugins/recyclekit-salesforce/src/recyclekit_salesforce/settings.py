"""What a project file may say of a Salesforce connection: the `settings` block."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

from recyclekit.models.tables import OWN_FIELDS

ApiName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
RecordId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$")]
_VERSION = re.compile(r"^(\d{2,3})(\.0)?$")
OLDEST_VERSION = 45


class SalesforceSettings(BaseModel):
    """How to sign in to one org, and what our fields and campaigns are called there."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    domain: str = Field(
        description="My Domain of the org: `yourcompany.my`, its host name, or a whole https address (sandboxes)."
    )
    client_id: str | None = Field(default=None, description="Consumer key of the External Client App.")
    client_secret: SecretStr | None = Field(
        default=None, description="Its consumer secret: signs in by client credentials."
    )
    username: str | None = Field(default=None, description="User to act as, with private_key or password.")
    private_key: SecretStr | None = Field(
        default=None, description="Private key in PEM: signs in by JWT bearer, with client_id and username."
    )
    private_key_file: Path | None = Field(default=None, description="File of the private key, instead of private_key.")
    audience: str = Field(
        default="https://login.salesforce.com",
        description="Audience of the JWT; https://test.salesforce.com for Salesforce sandboxes.",
    )
    password: SecretStr | None = Field(
        default=None, description="Legacy: signs in by SOAP login(), which Salesforce retires in summer 2027."
    )
    security_token: SecretStr | None = Field(default=None, description="Legacy: the user's security token.")
    access_token: SecretStr | None = Field(
        default=None, description="A token from elsewhere; it cannot be renewed when it expires."
    )
    version: str = Field(default="67.0", description="API version; always sent, never left to the SDK's old default.")
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust instead of the system's (a proxy's, a sandbox's)."
    )
    timeout: float = Field(default=120.0, gt=0, description="Seconds to wait for an answer.")
    parallel: int = Field(default=4, ge=1, le=20, description="Calls at once; an org's long calls are 25 at most.")
    calls_per_second: int | None = Field(
        default=None, ge=1, description="Calls a second at most, of all processes on one ledger together."
    )
    batch_size: int = Field(
        default=2_000, ge=1, le=50_000, description="Actions checked and written together, 200 rows a call."
    )
    bulk_read_from: int = Field(
        default=50_000, ge=0, description="Tables of so many records are read through Bulk API 2.0."
    )
    bulk_write_from: int = Field(
        default=5_000,
        ge=1,
        description="So many rows of one kind in a batch are written through Bulk API 2.0; raise batch_size above it.",
    )
    own_fields: dict[str, ApiName] = Field(
        default_factory=dict, description="Our field → its API name on Opportunity, where it is not Recycle_…__c."
    )
    key_field: ApiName = Field(
        default="Recycle_Key__c", description="Unique External ID on Task (and text on CampaignMember) for our key."
    )
    campaigns: dict[str, RecordId] = Field(
        default_factory=dict,
        description="A policy's list, or a track, → id of the campaign; `default` is for all others.",
    )
    member_status: str | None = Field(
        default=None, description="Status of new campaign members; default: the campaign's own."
    )
    task_status: str = Field(default="Not Started", description="Status of new tasks.")
    task_priority: str = Field(default="Normal", description="Priority of new tasks.")
    fallback_owner: RecordId | None = Field(
        default=None, description="User who gets the tasks of owners that are no active user here."
    )
    keep_calls: float = Field(
        default=0.1, ge=0, lt=1, description="Share of the org's daily API calls that is left to others."
    )
    conditional_up_to: int = Field(
        default=10,
        ge=0,
        description="So few updates in a batch go one by one, with If-Unmodified-Since: the check leaves no gap.",
    )

    @field_validator("domain")
    @classmethod
    def _a_host(cls, value: str) -> str:
        url = value if "://" in value else f"https://{value}"
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
            raise ValueError("write `yourcompany.my`, a host name, or https://host")
        return value

    @field_validator("version")
    @classmethod
    def _a_version(cls, value: str) -> str:
        match = _VERSION.match(value)
        if match is None or int(match[1]) < OLDEST_VERSION:
            raise ValueError(f"write a version like 67.0, {OLDEST_VERSION}.0 or later")
        return f"{match[1]}.0"

    @field_validator("own_fields")
    @classmethod
    def _our_fields(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in OWN_FIELDS:
                raise ValueError(f"'{name}' is not one of our fields: {', '.join(OWN_FIELDS)}")
        return value

    @model_validator(mode="after")
    def _one_way_in(self) -> SalesforceSettings:
        key = self.private_key is not None or self.private_key_file is not None
        ways = [self.client_secret is not None, key, self.password is not None, self.access_token is not None]
        if sum(ways) != 1:
            raise ValueError(
                "name exactly one way to sign in: client_secret (client credentials), private_key or private_key_file"
                " (JWT bearer), password (legacy), or access_token"
            )
        if self.client_secret is not None and self.client_id is None:
            raise ValueError("client_secret goes with client_id")
        if key and (self.client_id is None or self.username is None):
            raise ValueError("a private key goes with client_id and username")
        if self.password is not None and (self.username is None or self.security_token is None):
            raise ValueError("password goes with username and security_token")
        return self

    @property
    def address(self) -> str:
        """The org's address: https and host (and port), without a slash at the end."""
        if "://" in self.domain:
            return self.domain.rstrip("/")
        host = self.domain if self.domain.endswith(".com") else f"{self.domain}.salesforce.com"
        return f"https://{host}"

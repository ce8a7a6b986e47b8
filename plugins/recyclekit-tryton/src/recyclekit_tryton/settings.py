"""What a project file may say of a Tryton connection: the `settings` block."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class TrytonSettings(BaseModel):
    """One database of a Tryton server, reached over REST with the key of a user application."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: str = Field(description="Address of the server, such as https://erp.example.com.")
    database: str = Field(description="Name of the database on it.")
    key: SecretStr = Field(description="Key of a validated user application of kind REST. Take it from ${TRYTON_KEY}.")
    company: int | None = Field(default=None, description="Id of the company whose deals are read; default: all.")
    scenarios: dict[str, int] = Field(
        default_factory=dict, description="List or track of the policy → id of the scenario to enrol parties in."
    )
    mailing_lists: dict[str, int] = Field(
        default_factory=dict, description="List or track of the policy → id of the mailing list to put addresses into."
    )
    timeout: float = Field(default=60.0, gt=0, description="Seconds to wait for an answer.")
    page_size: int = Field(default=200, ge=1, le=500, description="Records of a page.")
    parallel: int = Field(default=4, ge=1, le=32, description="Calls at the same time: Tryton has no batches.")
    calls_per_second: int = Field(default=50, ge=1, description="Most calls a second: Tryton itself sets no limit.")

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("an address that begins with https:// (or http://) is expected")
        return url.rstrip("/")

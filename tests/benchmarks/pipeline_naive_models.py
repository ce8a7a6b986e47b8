"""What the model-per-row rival models: a row of the file, a decision, a write."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import AwareDatetime, BaseModel, model_validator

CYCLE = 1


class Deal(BaseModel):
    """One row, validated, with all its columns: whoever models a row models the file."""

    deal_id: str
    name: str | None = None
    account_id: str | None = None
    account_name: str | None = None
    contact_id: str | None = None
    deal_pipeline: str | None = None
    deal_stage: str
    probability: int | None = None
    amount: float | None = None
    currency: str | None = None
    owner: str | None = None
    product: str | None = None
    source: str | None = None
    industry: str | None = None
    created_on: date | None = None
    closed_on: date | None = None
    last_modified: date | None = None
    last_activity_at: AwareDatetime | None = None
    lost_reason: str | None = None
    lost_note: str | None = None
    next_approach_on: date | None = None
    approach_person: str | None = None
    hook: str | None = None
    competitor: str | None = None
    contract_ends_on: date | None = None
    need_type: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _empty_is_none(cls, row: dict[str, str]) -> dict[str, str]:
        return {name: text for name, value in row.items() if (text := value.strip())}


class Decision(BaseModel):
    """What is decided on a deal."""

    deal_id: str
    status: str
    inactive_days: int | None
    activity_source: str | None
    reason: str | None = None
    reason_source: str | None = None
    verdict: str = "none"
    rule: str | None = None
    track: str | None = None
    wait_until: date | None = None
    bucket: str = "none"
    step: str | None = None
    next_approach_on: date | None = None
    owner: str | None = None
    channel: str | None = None
    hook: str | None = None
    note: str | None = None
    cycle: int = CYCLE
    fingerprint: str | None = None


class Action(BaseModel):
    """One write."""

    key: str
    kind: str
    deal_id: str
    payload: dict[str, Any]
    before: dict[str, Any] | None = None

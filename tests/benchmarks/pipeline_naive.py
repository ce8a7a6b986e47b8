"""What one would write first: a model per row, a loop over the rules, keywords for the reason. Pure Python."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from unicodedata import normalize
from zoneinfo import ZoneInfo

from pydantic import BaseModel, field_validator

from tests.benchmarks.pipeline_floor import AS_OF, KEYWORDS

ZONE = ZoneInfo("Asia/Tokyo")
STATES = {"Closed Won": "won", "Closed Lost": "lost"}


class Deal(BaseModel):
    """One row, validated."""

    deal_id: str
    name: str | None
    account_id: str | None
    account_name: str | None
    contact_id: str | None
    deal_pipeline: str | None
    deal_stage: str
    probability: int | None
    amount: float | None
    currency: str | None
    owner: str | None
    product: str | None
    source: str | None
    industry: str | None
    created_on: date | None
    closed_on: date | None
    last_modified: date | None
    last_activity_at: datetime | None
    lost_reason: str | None
    lost_note: str | None
    next_approach_on: date | None
    approach_person: str | None
    hook: str | None
    competitor: str | None
    contract_ends_on: date | None
    need_type: int | None

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value


class Decision(BaseModel):
    """What is decided on a deal."""

    deal_id: str
    status: str
    reason: str | None = None
    rule: str | None = None
    next_on: date | None = None
    owner: str | None = None


class Action(BaseModel):
    """One write."""

    key: str
    kind: str
    deal_id: str
    payload: dict[str, str | None]


def decide(path: Path, rows: int) -> int:
    """Decide on the first rows, plan the writes and return how many there are."""
    reasons = json.loads((path.parent / "recyclekit.yaml").read_text(encoding="utf-8"))["connections"]["crm"]["reasons"]
    with path.open(encoding="utf-8", newline="") as file:
        deals = [Deal(**row) for row in islice(csv.DictReader(file), rows)]
    going_on, stalled = Counter[str](), Counter[str]()
    statuses = [_status(deal) for deal in deals]
    for deal, status in zip(deals, statuses, strict=True):
        counted = going_on if status in ("open", "undated") else stalled
        if deal.account_id and status in ("open", "undated", "stalled"):
            counted[deal.account_id] += 1
    rules = [(name, compile(condition, name, "eval")) for name, condition in RULES]
    decisions: list[Decision] = []
    actions: list[str] = []
    for deal, status in zip(deals, statuses, strict=True):
        decision = Decision(deal_id=deal.deal_id, status=status)
        decisions.append(decision)
        if status not in ("lost", "stalled"):
            continue
        decision.reason = _reason(deal, reasons) if status == "lost" else None
        facts = {
            "deal": deal, "status": status, "reason": decision.reason, "open_deals": going_on[deal.account_id or ""],
            "stalled_deals": stalled[deal.account_id or ""], "today": AS_OF, "rest": REST,
        }  # fmt: skip
        decision.rule = next((name for name, condition in rules if eval(condition, {}, facts)), None)
        if decision.rule is not None and decision.rule.startswith("recycle"):
            actions += [action.model_dump_json() for action in _place(deal, decision)]
    return len(actions)


REST = timedelta(days=180)
RULES = (
    ("disqualified", "reason == 'disqualified'"), ("price", "reason == 'price'"),
    ("other_open_deal", "open_deals > 0 or (status == 'lost' and stalled_deals > 0)"),
    ("reason_unclear", "status == 'lost' and reason is None"), ("reason_other", "reason == 'other'"),
    ("cool_off", "reason == 'project_cancelled' and deal.closed_on is not None and deal.closed_on + rest > today"),
    ("recycle_stalled", "status == 'stalled'"), *((f"recycle_{code}", f"reason == '{code}'") for code in KEYWORDS),
)  # fmt: skip
"""Conditions that a person may change, so they are text."""


def _status(deal: Deal) -> str:
    if deal.deal_stage in STATES:
        return STATES[deal.deal_stage]
    if deal.last_activity_at is None:
        return "undated"
    silent = AS_OF - deal.last_activity_at.astimezone(ZONE).date()
    return "stalled" if silent.days >= 60 else "open"


def _reason(deal: Deal, picklist: dict[str, str | list[str]]) -> str | None:
    text = deal.lost_reason or deal.lost_note
    if text is None:
        return None
    known = picklist.get(text)
    if known is not None:
        return known if isinstance(known, str) else None
    plain = normalize("NFKC", text).lower()
    return next((code for code, words in KEYWORDS.items() if any(word in plain for word in words)), None)


def _place(deal: Deal, decision: Decision) -> list[Action]:
    """Give the deal a date on a weekday, not in the past, and an owner; return its task and what is set on it."""
    day = max(deal.next_approach_on or (deal.closed_on or AS_OF) + timedelta(days=90), AS_OF)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    decision.next_on, decision.owner = day, deal.approach_person or "inside_sales"
    payload = {"due_on": day.isoformat(), "owner": decision.owner, "rule": decision.rule, "reason": decision.reason}
    key = f"main:{deal.deal_id}:1"
    return [
        Action(key=f"{key}:call", kind="create_task", deal_id=deal.deal_id, payload={"subject": "Call", **payload}),
        Action(key=f"{key}:fields", kind="set_fields", deal_id=deal.deal_id, payload=payload),
    ]

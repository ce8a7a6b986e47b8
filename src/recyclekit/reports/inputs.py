"""Where a fact comes from: the value that a rule saw, the field behind it, and its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from recyclekit.models.snapshot import Snapshot
from recyclekit.models.tables import DealSchema
from recyclekit.policy.facts import FACTS
from recyclekit.policy.reasons import read_reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One value that a rule saw. `source`: table.column, `policy`, or what it was worked out from; `at`: its time."""

    name: str
    value: Any
    source: str
    at: datetime | None = None

    @property
    def text(self) -> str:
        """Return the value as a person reads it."""
        if self.value is None:
            return "not known"
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        if isinstance(self.value, float):
            return f"{self.value:g}"
        return str(self.value)


_SOURCES: Final = {
    "as_of": "the day of this explanation",
    "status": "crm_state and the clock of inactivity",
    "stalled_after_days": "policy: status.stalled_after",
    "age_days": "deals.created_on",
    "closed_days": "deals.closed_on",
    "lead_days": "deals.created_on, deals.closed_on",
    "opted_out": "contacts.opted_out",
    "bounced": "contacts.bounced",
    "account_open_deals": "deals of the same account_id",
    "account_stalled_deals": "deals of the same account_id",
    "cycles_done": "ledger: cycles",
    "cycle_running": "ledger: cycles",
    "days_since_track_done": "ledger: cycles",
    "again_on": "ledger: cycles; policy: cycles.again_after_days",
    "maximum_cycles": "policy: cycles.maximum",
    "cool_off_until": "deals.closed_on; policy: cool_off",
    "hook_is_vague": "deals.hook; policy: three_fields.vague_hooks",
}


def inputs_of(row: pl.DataFrame, snapshot: Snapshot) -> Mapping[str, Input]:
    """Return every fact of one deal's row (as `facts` gives it) with its source."""
    values = row.row(0, named=True)
    deal = snapshot.deals.filter(pl.col("deal_id") == values["deal_id"]).row(0, named=True)
    at = values["last_contact_at"]
    contact = f"activities ({values['activity_source']})"
    clock = "deals.last_activity_at" if values["activity_source"] == "crm" else contact if at else "no activity at all"
    reason = _reason_source(deal, values)
    inputs: dict[str, Input] = {}
    for name in [name for name in FACTS if name in values]:
        if name in ("last_contact_on", "inactive_days", "activity_source"):
            inputs[name] = Input(name=name, value=values[name], source=clock, at=at)
        elif name in ("reason", "reason_source"):
            inputs[name] = Input(name=name, value=values[name], source=reason)
        else:
            known = f"deals.{name}" if name in DealSchema.column_names() else "worked out"
            inputs[name] = Input(name=name, value=values[name], source=_SOURCES.get(name, known))
    return inputs


def _reason_source(deal: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    column = next((name for name in ("lost_reason", "lost_note") if deal.get(name)), None)
    if column is None or values["reason_source"] is None:
        return "deals.lost_reason, deals.lost_note (both empty)" if values["reason_source"] else "only for lost deals"
    text = str(deal[column])
    shown = text if len(text) <= 60 else f"{text[:59]}…"
    how = {"picklist": "by the picklist", "text": "read", "unclear": "not clear"}[values["reason_source"]]
    if how == "read":
        how = f"read: {read_reasons(pl.Series([text]))['evidence'][0]}"
    return f"deals.{column} '{shown}' ({how})"

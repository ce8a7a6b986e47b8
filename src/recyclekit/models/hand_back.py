"""A hand-back: a deal whose buyer moved while its cycle ran, given to sales again with what was tried so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

import polars as pl


class Signal(StrEnum):
    """What moved."""

    REOPENED = "reopened"
    """The deal was lost when the cycle began, and the CRM shows it open again."""
    CONTACT = "contact"
    """The deal had stalled when the cycle began, and a person was in contact since."""


CRM_STATE: Final = "crm_state"
"""The source of what moved where the deal's state did; else it is the kind of contact, `crm` for the CRM's own date."""

HANDED_BACK: Final = {
    "deal_id": pl.String(),
    "cycle": pl.Int16(),  # that ends with it
    "track": pl.String(),
    "reason": pl.String(),  # for which the deal was lost; null of one that had stalled
    "opened_on": pl.Date(),
    "steps": pl.List(pl.String()),  # tried so far, in the order of their dates
    "signal": pl.String(),  # Signal
    "source": pl.String(),
    "contact_on": pl.Date(),  # of the last human contact, where it came after the cycle began
    "ended_on": pl.Date(),
    "ended_why": pl.String(),
}
"""Columns of a plan's hand-backs. Codes, ids and dates, never a person."""


def no_hand_backs() -> pl.DataFrame:
    """Return the table without a row."""
    return pl.DataFrame(schema=HANDED_BACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandBack:
    """One hand-back as the ledger knows it; columns of HANDED_BACK, then what became of it.

    `handed_at` is set once every write of it is proven; `undone_by` names the run that took the deal into its cycle
    again.
    """

    run: str
    deal_id: str
    cycle: int
    track: str | None
    reason: str | None
    opened_on: date | None
    steps: tuple[str, ...] = field(default=())
    signal: str
    source: str | None
    contact_on: date | None
    handed_at: datetime | None = None
    undone_by: str | None = None


def what_moved(row: Mapping[str, Any]) -> str:
    """Return in words what moved: of a row with signal, source and contact_on."""
    on = row["contact_on"]
    if row["signal"] == Signal.REOPENED:
        return "open again in the CRM" + (f", last contact on {on}" if on else "")
    return f"contact on {on} ({row['source'] or 'unknown source'})"


def what_was_tried(steps: Sequence[str] | None) -> str:
    """Return in words which steps were tried."""
    return ", ".join(steps or ()) or "nothing yet"


def packet(one: HandBack) -> dict[str, object]:
    """Return what sales needs of a hand-back, as JSON takes it."""
    return {
        "deal": one.deal_id,
        "cycle": one.cycle,
        "track": one.track,
        "reason": one.reason,
        "steps": list(one.steps),
        "signal": one.signal,
        "source": one.source,
        "contact_on": one.contact_on and one.contact_on.isoformat(),
    }

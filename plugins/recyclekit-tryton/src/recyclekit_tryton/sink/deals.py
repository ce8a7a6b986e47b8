"""What writing needs to know of an opportunity."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """An opportunity that is there: its id, party (null on some leads) and company."""

    id: int
    party: int | None
    company: int


def number(deal_id: str) -> int:
    """Return Tryton's id of a deal; 0, which no record has, where the text is no id."""
    return int(deal_id) if deal_id.isascii() and deal_id.isdigit() else 0

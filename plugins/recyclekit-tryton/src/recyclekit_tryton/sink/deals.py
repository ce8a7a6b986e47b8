"""What writing needs to know of an opportunity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """An opportunity that is there: whom to talk to (null on some leads), company, and our fields as they stand."""

    id: int
    person: int | None
    company: int
    own: Mapping[str, object]


def number(deal_id: str) -> int:
    """Return Tryton's id of a deal; 0, which no record has, where the text is no id."""
    return int(deal_id) if deal_id.isascii() and deal_id.isdigit() else 0

"""The only place that reads the clock. A run asks once and hands the answer on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return the present moment in UTC; tests replace this function."""
    return datetime.now(UTC)


def today(timezone: ZoneInfo) -> date:
    """Return the business date: what the calendar on the wall shows in `timezone`."""
    return now().astimezone(timezone).date()

"""Deals of every kind, lost for every reason that matters and stalled, for any sandbox to load."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox

TODAY = datetime.now(UTC).date()
LOST = (
    ("budget", "No Budget"),
    ("later", "Timing"),
    ("rival", "Lost to Competitor"),
    ("price", "Price"),
    ("silent", "No response"),
    ("curious", "Just researching"),
)


def seed(crm: HubSpotSandbox | SalesforceSandbox) -> Mapping[str, str]:
    """Put deals of every kind into a system; returns our names → ids."""
    people = ("budget", "later", "rival", "price", "silent", "curious", "won", "stalled", "open")
    lost: list[dict[str, Any]] = [
        {**deal(name, "lost"), "lost_reason": reason, "closed_on": days_ago(40)} for name, reason in LOST
    ]
    loaded = crm.load(
        accounts=[{"account_id": f"a-{name}", "country": "JP"} for name in people],
        contacts=[{"contact_id": f"c-{name}", "account_id": f"a-{name}"} for name in people],
        deals=[
            *lost,
            {**deal("won", "won"), "closed_on": days_ago(30)},
            {**deal("stalled", "open"), "closed_on": days_ago(-30)},
            {**deal("open", "open"), "closed_on": days_ago(-30)},
        ],
        activities=[
            {"deal_id": "stalled", "kind": "call", "at": at_noon(days_ago(90))},
            {"deal_id": "open", "kind": "meeting", "at": at_noon(days_ago(5))},
            *({"deal_id": name, "kind": "email", "at": at_noon(days_ago(45))} for name, _ in LOST),
        ],
    )
    return loaded.deals


def deal(name: str, state: str) -> dict[str, Any]:
    known = {"deal_id": name, "account_id": f"a-{name}", "contact_id": f"c-{name}", "created_on": days_ago(200)}
    return {**known, "crm_state": state, "amount": 1_000_000.0}


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def at_noon(day: date) -> datetime:
    return datetime.combine(day, time(3), UTC)

"""The canonical tables: what a deal, activity, contact, account, signal and change look like to every stage.

Declared once, with dataframely over Polars. Each column's `metadata["doc"]` is its documentation: `policy doc`, the
reference page and "did you mean" are made from it. A table has no row objects; a million deals are a million rows.
Text that a person typed is never null-or-empty: normalize turns empty into null.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import cache
from typing import Any

import polars as pl

_absent = "sqlalchemy" not in sys.modules
if _absent:
    # dataframely loads SQLAlchemy where it is installed, for a feature that nothing here uses: a fifth of a second.
    sys.modules["sqlalchemy"] = None  # type: ignore[assignment]  # the import system's way to say "not there"
try:
    import dataframely as dy
finally:
    if _absent:
        del sys.modules["sqlalchemy"]


class Table(StrEnum):
    """The tables that a source may have; only `deals` is required."""

    DEALS = "deals"
    ACTIVITIES = "activities"
    CONTACTS = "contacts"
    ACCOUNTS = "accounts"
    SIGNALS = "signals"
    HISTORY = "history"


UTC_TIME: dict[str, Any] = {"time_unit": "us", "time_zone": "UTC"}
CRM_STATES = ("won", "lost", "open")
ACTIVITY_KINDS = ("call", "email", "meeting", "note", "task", "message", "other")


def _doc(text: str) -> dict[str, str]:
    return {"doc": text}


class DealSchema(dy.Schema):
    """One row per deal as the CRM holds it now. Source: the connector's records, through the field map."""

    deal_id = dy.String(nullable=False, primary_key=True, metadata=_doc("the CRM's id of the deal"))
    external_id = dy.String(
        nullable=True, metadata=_doc("the id by which other systems know the deal; joins the same deal across systems")
    )
    name = dy.String(nullable=True, metadata=_doc("the deal's name"))
    account_id = dy.String(nullable=True, metadata=_doc("the company; joins accounts and finds other open deals"))
    contact_id = dy.String(nullable=True, metadata=_doc("the main contact; joins contacts and activities"))
    deal_pipeline = dy.String(nullable=True, metadata=_doc("the CRM's pipeline of the deal"))
    deal_stage = dy.String(nullable=True, metadata=_doc("the CRM's stage of the deal"))
    crm_state = dy.Enum(CRM_STATES, nullable=False, metadata=_doc("won, lost or open, from the CRM's stage metadata"))
    amount = dy.Float64(
        nullable=True, metadata=_doc("money asked, in `currency`; for ranking and totals, not accounts")
    )
    currency = dy.String(nullable=True, metadata=_doc("ISO 4217 code"))
    owner = dy.String(nullable=True, metadata=_doc("id of the field rep who owns the deal"))
    product = dy.String(nullable=True, metadata=_doc("what was offered"))
    created_on = dy.Date(nullable=True, metadata=_doc("business date on which the deal began"))
    closed_on = dy.Date(
        nullable=True, metadata=_doc("business date on which it was won or lost; the forecast where open")
    )
    last_activity_at = dy.Datetime(nullable=True, **UTC_TIME, metadata=_doc("the CRM's own clock of the last activity"))
    lost_reason = dy.String(nullable=True, metadata=_doc("the reason as the CRM holds it: picklist value or free text"))
    lost_note = dy.String(
        nullable=True, metadata=_doc("further free text on the loss, read where lost_reason is empty")
    )
    need_type = dy.Int8(nullable=True, metadata=_doc("1 personal interest, 2 personal need, 3 department need"))
    next_approach_on = dy.Date(nullable=True, metadata=_doc("next approach date as filled in by sales"))
    approach_person = dy.String(nullable=True, metadata=_doc("who should approach, as filled in by sales"))
    hook = dy.String(nullable=True, metadata=_doc("what to come back with, as filled in by sales"))
    competitor = dy.String(nullable=True, metadata=_doc("the rival that won"))
    contract_ends_on = dy.Date(
        nullable=True, metadata=_doc("when the contract with the rival or present supplier ends")
    )
    recycle_track = dy.String(nullable=True, metadata=_doc("ours: the track written last"))
    recycle_reason = dy.String(nullable=True, metadata=_doc("ours: the canonical reason written last"))
    recycle_next_on = dy.Date(nullable=True, metadata=_doc("ours: the date of the next touch written last"))
    recycle_owner = dy.String(nullable=True, metadata=_doc("ours: the owner of the next touch written last"))
    recycle_channel = dy.String(nullable=True, metadata=_doc("ours: the channel of the next touch written last"))
    recycle_hook = dy.String(nullable=True, metadata=_doc("ours: the hook written last"))
    recycle_rule = dy.String(nullable=True, metadata=_doc("ours: the rule that fired, written last"))
    recycle_cycle = dy.Int16(nullable=True, metadata=_doc("ours: the cycle written last, 1 for the first"))


OWN_FIELDS = tuple(name for name in DealSchema.column_names() if name.startswith("recycle_"))
"""The fields that we write on a deal, and the only ones: everything else belongs to the people who typed it."""

DECISION_FIELDS = (
    "crm_state", "deal_stage", "account_id", "contact_id", "amount", "closed_on", "lost_reason", "lost_note",
    "next_approach_on", "approach_person", "hook", "contract_ends_on", "need_type", "owner",
)  # fmt: skip
"""The deal's fields, filled in by people, whose change between plan and apply makes a planned write stale (the drift
check). Ours (OWN_FIELDS) are not among them: a run changes them itself, so write_back compares those one by one."""


class ActivitySchema(dy.Schema):
    """One row per touch that the CRM logged. Joins a deal by deal_id or, where that is null, by contact_id."""

    activity_id = dy.String(nullable=True, metadata=_doc("the CRM's id of the activity"))
    deal_id = dy.String(nullable=True, metadata=_doc("the deal it belongs to"))
    contact_id = dy.String(nullable=True, metadata=_doc("the contact it was with"))
    kind = dy.Enum(ACTIVITY_KINDS, nullable=False, metadata=_doc("call, email, meeting, note, task, message or other"))
    at = dy.Datetime(nullable=False, **UTC_TIME, metadata=_doc("when it happened"))
    automatic = dy.Bool(nullable=True, metadata=_doc("true: a machine did it (bulk mail, workflow), not a person"))
    bulk = dy.String(nullable=True, metadata=_doc("id of the bulk operation that logged it; never moves the clock"))
    key = dy.String(nullable=True, metadata=_doc("our idempotency key, on tasks that we created"))
    done = dy.Bool(nullable=True, metadata=_doc("false: planned or open, so nothing has happened yet"))


class ContactSchema(dy.Schema):
    """One row per person. Holds no name and no address beyond the id that the CRM or the field map uses."""

    contact_id = dy.String(nullable=False, primary_key=True, metadata=_doc("the CRM's id of the contact"))
    account_id = dy.String(nullable=True, metadata=_doc("the company"))
    opted_out = dy.Bool(nullable=True, metadata=_doc("asked not to be contacted"))
    bounced = dy.Bool(nullable=True, metadata=_doc("mail cannot be delivered"))


class AccountSchema(dy.Schema):
    """One row per company."""

    account_id = dy.String(nullable=False, primary_key=True, metadata=_doc("the CRM's id of the company"))
    country = dy.String(nullable=True, metadata=_doc("ISO 3166-1 alpha-2, for public holidays"))
    timezone = dy.String(nullable=True, metadata=_doc("IANA zone"))
    fiscal_year = dy.String(
        nullable=True, metadata=_doc("fiscal calendar: month 1-12, 'quarter:4' or '52/53:last-sat:1'")
    )
    contract_ends_on = dy.Date(nullable=True, metadata=_doc("end of the contract with the present supplier"))


class SignalSchema(dy.Schema):
    """One row per sign of interest that a machine saw (click, visit, download)."""

    contact_id = dy.String(nullable=True, metadata=_doc("who"))
    deal_id = dy.String(nullable=True, metadata=_doc("for which deal"))
    kind = dy.String(nullable=False, metadata=_doc("open, click, visit, download, form, question"))
    at = dy.Datetime(nullable=False, **UTC_TIME, metadata=_doc("when"))


class HistorySchema(dy.Schema):
    """One row per change of a deal's field, oldest first: what a backtest replays."""

    deal_id = dy.String(nullable=False, metadata=_doc("the deal"))
    field = dy.String(nullable=False, metadata=_doc("canonical name of the field"))
    value = dy.String(nullable=True, metadata=_doc("the value after the change, as text"))
    at = dy.Datetime(nullable=False, **UTC_TIME, metadata=_doc("when it changed"))


SCHEMAS: dict[Table, type[dy.Schema]] = {
    Table.DEALS: DealSchema,
    Table.ACTIVITIES: ActivitySchema,
    Table.CONTACTS: ContactSchema,
    Table.ACCOUNTS: AccountSchema,
    Table.SIGNALS: SignalSchema,
    Table.HISTORY: HistorySchema,
}


def empty(table: Table) -> pl.DataFrame:
    """Return the table with its declared columns and no rows."""
    return pl.DataFrame(schema=types_of(table))


@cache
def types_of(table: Table) -> pl.Schema:
    """Return the declared columns and their types."""
    return SCHEMAS[table].create_empty().schema


def documentation(table: Table) -> dict[str, str]:
    """Return column name → what it means, in declared order."""
    return {name: str((column.metadata or {}).get("doc", "")) for name, column in SCHEMAS[table].columns().items()}

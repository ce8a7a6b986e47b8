"""Calls, emails, meetings, notes, tasks and messages as one table, in the same eight columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from recyclekit_hubspot.columns import ID
from recyclekit_hubspot.field_map import ENGAGEMENT_COLUMNS
from recyclekit_hubspot.source.links import Links, main_of

KINDS = {
    "calls": "call", "emails": "email", "meetings": "meeting", "notes": "note", "tasks": "task",
    "communications": "message",
}  # fmt: skip
_STATE = {"calls": "hs_call_status", "emails": "hs_email_status", "meetings": "hs_meeting_outcome"}
_NOT_DONE: Mapping[str, Sequence[str]] = {
    "calls": ("SCHEDULED", "CANCELED", "FAILED"),
    "emails": ("SCHEDULED", "SENDING", "FAILED", "BOUNCED"),
    "meetings": ("CANCELED", "RESCHEDULED", "NO_SHOW"),
}
_BY_MACHINE = ("AUTOMATION_PLATFORM", "AUTOMATION", "BOT", "SEQUENCES", "WORKFLOWS")
_SOURCE, _AT, _TASK_STATE, _TASK_DONE = "hs_object_source", "hs_timestamp", "hs_task_status", "hs_task_completion_date"


def properties_of(kind: str, task_key: str) -> list[str]:
    """Return the properties that an object of this kind is read with."""
    own = [_TASK_STATE, _TASK_DONE, task_key] if kind == "tasks" else [_STATE[kind]] if kind in _STATE else []
    return [_AT, _SOURCE, *own]


def activities(kind: str, records: pl.DataFrame, links: Links, task_key: str) -> pl.DataFrame:
    """Return `activities_of` these engagements, after asking what they belong to."""
    ids = records[ID].to_list()
    deals, contacts = links.of(kind, "deals", ids), links.of(kind, "contacts", ids)
    return activities_of(kind, records, deals, contacts, task_key)


def activities_of(
    kind: str, records: pl.DataFrame, deals: pl.DataFrame, contacts: pl.DataFrame, task_key: str
) -> pl.DataFrame:
    """Return ENGAGEMENT_COLUMNS, one row per deal that an engagement belongs to; of one without deals, per contact.

    An engagement with neither moves no deal's clock and is left out.

    Args:
        kind: HubSpot's object.
        records: with the properties of `properties_of`.
        deals: links from the records: columns LINKS.
        contacts: the same to contacts.
        task_key: the property that holds our key.
    """
    deals = deals.select("start", deal_id="end").unique(maintain_order=True)
    mains = main_of(contacts).rename({"end": "contact_id"})
    told = records.select(
        pl.col(ID).alias("id"),
        kind=pl.lit(KINDS[kind]),
        at=_at(kind),
        automatic=_automatic(),
        done=_done(kind),
        key=pl.col(task_key) if kind == "tasks" else pl.lit(None, pl.String),
    )
    of_deals = told.join(deals, left_on="id", right_on="start", how="inner", maintain_order="left_right")
    of_deals = of_deals.join(mains, left_on="id", right_on="start", how="left", maintain_order="left")
    lone = contacts.join(deals, on="start", how="anti").select("start", contact_id="end").unique(maintain_order=True)
    of_contacts = told.join(lone, left_on="id", right_on="start", how="inner", maintain_order="left_right")
    of_contacts = of_contacts.with_columns(deal_id=pl.lit(None, pl.String))
    return pl.concat([of_deals.select(ENGAGEMENT_COLUMNS), of_contacts.select(ENGAGEMENT_COLUMNS)])


def _at(kind: str) -> pl.Expr:
    """When it happened: of a task that is done, when it was done; else when it is due."""
    return pl.coalesce(_TASK_DONE, _AT) if kind == "tasks" else pl.col(_AT)


def _done(kind: str) -> pl.Expr:
    if kind == "tasks":
        return (pl.col(_TASK_STATE) == "COMPLETED").fill_null(value=False).cast(pl.String)
    if kind in _STATE:
        return pl.when(pl.col(_STATE[kind]).is_in(list(_NOT_DONE[kind]))).then(pl.lit("false"))
    return pl.lit(None, pl.String)


def _automatic() -> pl.Expr:
    return pl.when(pl.col(_SOURCE).is_in(list(_BY_MACHINE))).then(pl.lit("true"))

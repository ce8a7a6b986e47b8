"""Columns that we derive, because Salesforce spreads over objects or types what is one thing to us."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.models.snapshot import LINE
from recyclekit_salesforce.field_map import (
    AT,
    BOUNCED,
    CONTACT,
    DEAL,
    DONE,
    FIELD,
    HISTORY_OF,
    KIND,
    KINDS,
    MACHINE,
    MACHINES,
    NAMES,
    VALUE,
)

ROLES = {"OpportunityId": pl.String, "ContactId": pl.String, "IsPrimary": pl.String}


def primary(roles: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the primary contact of a deal's roles, else the first."""
    chosen = next((one for one in roles if one.get("IsPrimary")), roles[0] if roles else None)
    return chosen.get("ContactId") if chosen else None


def primaries(roles: pl.DataFrame) -> pl.DataFrame:
    """Return deal → contact (columns Id, CONTACT) of contact roles as String columns: the primary, else the first."""
    order = roles.with_columns(first=pl.col("IsPrimary") == "true").sort("first", descending=True, maintain_order=True)
    chosen = order.unique("OpportunityId", keep="first", maintain_order=True)
    return chosen.select(Id="OpportunityId", **{CONTACT: pl.col("ContactId")})


def trusted_clock(deals: pl.DataFrame, own: pl.DataFrame, today: date) -> pl.DataFrame:
    """Return the deals with a LastActivityDate that can be trusted.

    One that is the due date of a closed task of ours tells nothing about people: it becomes null, and the activities
    themselves tell. One in the future (an event to come) means an open deal is active today, and says nothing of a
    closed one.

    Args:
        deals: String columns Id, IsClosed and LastActivityDate among them.
        own: our closed tasks, as Id (of the deal) and LastActivityDate (the task's due date).
        today: the business date.
    """
    text = pl.col("LastActivityDate")
    ahead = text > today.isoformat()
    clamped: pl.Expr = (
        pl.when(ahead & (pl.col("IsClosed") == "false")).then(pl.lit(today.isoformat())).when(~ahead).then(text)
    )
    if own.height:
        ours = own.select("Id", "LastActivityDate", ours=pl.lit(value=True)).unique()
        deals = deals.join(ours, on=["Id", "LastActivityDate"], how="left", maintain_order="left")
        clamped = pl.when(pl.col("ours").is_null()).then(clamped)
    return deals.with_columns(clamped.alias("LastActivityDate")).drop("ours", strict=False)


def activities(frame: pl.DataFrame, deal_prefix: str, zone: ZoneInfo) -> pl.DataFrame:
    """Return tasks or events with the derived columns: deal, kind, time, whether a machine did it, whether it is done.

    A closed task happened on its due date, or when it was completed, whichever is earlier; an event when it starts.
    """
    there = frame.columns
    deal = pl.col("WhatId")
    derived = [pl.when(deal.str.starts_with(deal_prefix)).then(deal).alias(DEAL), _time(there, zone).alias(AT)]
    if "TaskSubtype" in there or "IsClosed" in there:
        subtype = pl.col("TaskSubtype") if "TaskSubtype" in there else pl.lit("Task")
        kind = subtype.replace_strict(KINDS, default="task", return_dtype=pl.String)
        machine = subtype.is_in(MACHINES).fill_null(value=False).cast(pl.String)
        derived += [kind.alias(KIND), machine.alias(MACHINE), pl.col("IsClosed").alias(DONE)]
    else:
        nothing = pl.lit(None, pl.String)
        derived += [pl.lit(KINDS["Event"]).alias(KIND), nothing.alias(MACHINE), nothing.alias(DONE)]
    return frame.with_columns(derived)


def _time(there: Collection[str], zone: ZoneInfo) -> pl.Expr:
    day, created = _day("ActivityDate", there, zone), _moment("CreatedDate", there)
    if "IsClosed" in there:
        completed = _moment("CompletedDateTime", there)
        earlier = completed.dt.convert_time_zone(zone.key).dt.date() < day.dt.convert_time_zone(zone.key).dt.date()
        when = pl.when((pl.col("IsClosed") == "true") & earlier).then(completed).otherwise(day)
        when = pl.coalesce(when, completed, created)
    else:
        starts = pl.coalesce(_moment("StartDateTime", there), _moment("ActivityDateTime", there))
        # Of an all-day event the time is midnight UTC, whatever the zone: only its date means something.
        whole = pl.col("IsAllDayEvent") == "true" if "IsAllDayEvent" in there else pl.lit(value=False)
        when = pl.coalesce(pl.when(whole).then(day).otherwise(starts), day, created)
    return when.dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(name: str, there: Collection[str], zone: ZoneInfo) -> pl.Expr:
    if name not in there:
        return pl.lit(None, pl.Datetime("us", "UTC"))
    local = pl.col(name).str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    # A day whose midnight is skipped in spring begins a little later.
    aware = pl.coalesce(
        local.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null"),
        local.dt.offset_by("1h").dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null"),
    )
    return aware.dt.convert_time_zone("UTC")


def _moment(name: str, there: Collection[str]) -> pl.Expr:
    if name not in there:
        return pl.lit(None, pl.Datetime("us", "UTC"))
    return (
        pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", strict=False, time_unit="us").dt.replace_time_zone("UTC")
    )


def bounced(frame: pl.DataFrame) -> pl.DataFrame:
    """Return contacts with the derived column: whether mail to them came back."""
    if "IsEmailBounced" in frame.columns:
        return frame.with_columns(pl.col("IsEmailBounced").alias(BOUNCED))
    if "EmailBouncedDate" in frame.columns:
        return frame.with_columns(pl.col("EmailBouncedDate").is_not_null().cast(pl.String).alias(BOUNCED))
    return frame


def changes(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a history with one row per changed field, as FIELD and VALUE.

    OpportunityHistory holds several fields a row; OpportunityFieldHistory one, and those fields again.
    """
    if "NewValue" in frame.columns:
        others = frame.filter(~pl.col("Field").is_in([*HISTORY_OF]))
        return others.with_columns(pl.col("Field").replace(NAMES).alias(FIELD), pl.col("NewValue").alias(VALUE))
    held = [name for name in HISTORY_OF if name in frame.columns]
    kept = [name for name in frame.columns if name not in held]
    long = frame.unpivot(held, index=kept, variable_name=FIELD, value_name=VALUE)
    return long.with_columns(pl.col(FIELD).replace(HISTORY_OF)).sort("CreatedDate", "Id", maintain_order=True)


def page(frame: pl.DataFrame, wanted: Collection[str]) -> pl.DataFrame:
    """Return the wanted columns, null where this object has none, with line numbers from 1."""
    columns = [pl.col(name) if name in frame.columns else pl.lit(None, pl.String).alias(name) for name in wanted]
    lines = pl.int_range(1, pl.len() + 1, dtype=pl.UInt64).alias(LINE)
    return (
        frame.select(lines, *columns)
        if frame.height
        else pl.DataFrame(schema={LINE: pl.UInt64, **dict.fromkeys(wanted, pl.String)})
    )

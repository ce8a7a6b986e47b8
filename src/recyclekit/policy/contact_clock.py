"""The clock of inactivity: which event was the last human contact of a deal. Ours, bulk and future ones never count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.models.calendar.local_days import local_days
from recyclekit.models.tables import ACTIVITY_KINDS, Table
from recyclekit.policy.columns import column_or_null
from recyclekit.policy.spec import ClockSpec

CRM: Final = "crm"
SOURCES: Final = pl.Enum([CRM, *ACTIVITY_KINDS])

_LANES: Final = 16
"""A time and its source travel as one number, time x 16 + source, so that one `max` finds both."""


def end_of_day(as_of: date, timezone: ZoneInfo) -> datetime:
    """Return the first moment after the as-of day of the business zone, in UTC."""
    return datetime.combine(as_of + timedelta(days=1), time(), timezone).astimezone(UTC)


Latest = Mapping[str, pl.LazyFrame]
"""By deal_id, and by contact_id for activities of no deal: the last contact, and the last event of ours."""


def latest_contacts(activities: pl.DataFrame, clock: ClockSpec, *, as_of: date, timezone: ZoneInfo) -> Latest:
    """Return the last contacts up to the end of the as-of day; nothing where there are no activities.

    Args:
        activities: the canonical table; columns may be absent.
        clock: which kinds count.
        as_of: events after this day in `timezone` are not known yet.
        timezone: the business zone.
    """
    if activities.is_empty():
        return {}
    judged = _judged(activities, clock, end_of_day(as_of, timezone))
    return {key: _latest(judged, key) for key in _KEYS}


def with_last_contact(
    deals: pl.LazyFrame, latest: Latest, clock: ClockSpec, *, as_of: date, timezone: ZoneInfo
) -> pl.LazyFrame:
    """Add `last_contact_at` (UTC), `last_contact_on` (business date) and `activity_source` to the deals.

    Args:
        deals: with deal_id, contact_id and last_activity_at.
        latest: as `latest_contacts` gives it.
        clock: whether the CRM's own field counts.
        as_of: later events are not known yet.
        timezone: the business zone.
    """
    end = end_of_day(as_of, timezone)
    clocks: list[pl.Expr] = []
    moved_by_us: list[pl.Expr] = []
    for key, frame in latest.items():
        deals = deals.join(frame, on=key, how="left", maintain_order="left")
        clocks.append(pl.col(f"_by_{key}"))
        moved_by_us.append(pl.col(f"_ours_by_{key}"))
    if clock.crm_field:
        at = pl.col("last_activity_at")
        trusted = at < end
        for ours in moved_by_us:
            trusted &= at.ne_missing(ours)
        clocks.append(pl.when(trusted).then(at.dt.epoch("us") * _LANES))
    packed = pl.max_horizontal(clocks) if clocks else pl.lit(None, dtype=pl.Int64)
    return (
        deals.with_columns(packed.alias("_packed"))
        .with_columns(
            (pl.col("_packed") // _LANES).cast(pl.Datetime("us", "UTC")).alias("last_contact_at"),
            (pl.col("_packed") % _LANES).cast(pl.UInt8).cat.to(SOURCES).alias("activity_source"),
        )
        .with_columns(local_days(pl.col("last_contact_at"), timezone.key).alias("last_contact_on"))
        .drop("_packed", *[f"{lead}_{key}" for lead in ("_by", "_ours_by") for key in latest])
    )


_KEYS: Final = ("deal_id", "contact_id")


def _judged(activities: pl.DataFrame, clock: ClockSpec, end: datetime) -> pl.LazyFrame:
    """Return past activities with `_human`: whether a person made this contact."""

    def col(name: str) -> pl.Expr:
        return column_or_null(activities.columns, Table.ACTIVITIES, name)

    human = (
        col("automatic").fill_null(value=False).not_()
        & col("bulk").is_null()
        & col("key").is_null()
        & col("done").fill_null(value=True)
        & col("kind").cast(pl.String).is_in(list(clock.counts))
    )
    return (
        activities.lazy()
        .select(col("deal_id"), col("contact_id"), col("at"), col("kind"), human.alias("_human"))
        .filter(pl.col("at") < end)
    )


def _latest(judged: pl.LazyFrame, key: str) -> pl.LazyFrame:
    """Return per deal (per contact, for activities of no deal) the packed last contact and the last event of ours."""
    own = pl.col("deal_id").is_not_null() if key == "deal_id" else pl.col("deal_id").is_null()
    packed = pl.col("at").dt.epoch("us") * _LANES + pl.col("kind").to_physical().cast(pl.Int64) + 1
    return (
        judged.filter(own & pl.col(key).is_not_null())
        .select(
            key,
            pl.when("_human").then(packed).alias(f"_by_{key}"),
            pl.when(~pl.col("_human")).then("at").alias(f"_ours_by_{key}"),
        )
        .group_by(key)
        .agg(pl.col(f"_by_{key}", f"_ours_by_{key}").max())
    )

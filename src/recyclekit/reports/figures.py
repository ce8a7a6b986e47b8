"""The figures that a report or a terminal shows of a plan: tallies whose sums close, weeks, owners. No layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from recyclekit.models.decision import MISSING_REASON, UNCLEAR_REASON, Bucket, Status
from recyclekit.models.plan import Manifest
from recyclekit.reports import money
from recyclekit.reports.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many deals share a value, where they ended up, and what they are worth."""

    code: str
    deals: int
    buckets: Mapping[str, int] = field(default_factory=dict)
    money: Money = field(default_factory=dict)


def reason_shown() -> pl.Expr:
    """Return the reason as reports name it: the code, or for lost deals `missing` or `unclear`; else null."""
    unknown = pl.when(pl.col("reason_source") == "none").then(pl.lit(MISSING_REASON)).otherwise(pl.lit(UNCLEAR_REASON))
    return pl.coalesce("reason", pl.when(pl.col("status") == str(Status.LOST)).then(unknown))


def tally(decisions: pl.DataFrame, column: str) -> list[Tally]:
    """Return a tally per value of a column, the most deals first; rows without a value are left out.

    Args:
        decisions: columns SCHEDULED, and `amount` and `currency` where money is to be shown.
        column: status, reason, verdict, rule, track, bucket, owner or channel.
    """
    value = reason_shown() if column == "reason" else pl.col(column)
    frame = decisions.select(
        value.cast(pl.String).alias("code"),
        bucket=pl.col("bucket").cast(pl.String),
        **({"amount": pl.col("amount")} if money.has_money(decisions) else {"amount": pl.lit(None, pl.Float64)}),
        **({"currency": pl.col("currency")} if "currency" in decisions.columns else {"currency": pl.lit("")}),
    ).drop_nulls("code")
    parts = (
        frame.with_columns(pl.col("currency").fill_null(""))
        .group_by("code", "bucket", "currency")
        .agg(pl.len().alias("deals"), pl.col("amount").sum())
        .sort("code", "bucket", "currency")
    )
    found = [_fold(str(code), group) for (code,), group in parts.group_by("code", maintain_order=True)]
    return sorted(found, key=lambda t: (-t.deals, t.code))


def _fold(code: str, parts: pl.DataFrame) -> Tally:
    by_bucket = parts.group_by("bucket", maintain_order=True).agg(pl.col("deals").sum())
    return Tally(
        code=code,
        deals=int(parts["deals"].sum()),
        buckets=dict(by_bucket.iter_rows()),
        money=money.collect(money.pairs(parts)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """A total and its parts: what a reader adds up to see that nothing was lost."""

    total: int
    parts: tuple[tuple[str, int], ...]

    @property
    def closes(self) -> bool:
        """Whether the parts add up to the total."""
        return self.total == sum(count for _, count in self.parts)


def buckets_equation(manifest: Manifest) -> Equation:
    """Return deals read = scheduled + waiting + excluded + review + none + dead letters."""
    counts = {**manifest.by_bucket}
    counts.setdefault(Bucket.DEAD_LETTER, manifest.deals - sum(counts.values()) if manifest.dead_letters else 0)
    return Equation(total=manifest.deals, parts=tuple((str(b), counts.get(b, 0)) for b in Bucket))


def status_equation(manifest: Manifest) -> Equation:
    """Return deals read = won + lost + stalled + open + undated + dead letters."""
    dead = buckets_equation(manifest).parts[-1]
    return Equation(total=manifest.deals, parts=(*((str(s), manifest.by_status.get(s, 0)) for s in Status), dead))


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The touches due in one week, by channel; `monday` is its first day."""

    monday: date
    channels: Mapping[str, int]

    @property
    def touches(self) -> int:
        """All of them."""
        return sum(self.channels.values())


def weeks(decisions: pl.DataFrame, at_most: int = 26) -> tuple[list[Week], int]:
    """Return the weeks from the first due date on, empty ones included, and how many touches come after them."""
    due = _scheduled(decisions).select(monday=pl.col("next_approach_on").dt.truncate("1w"), channel="channel")
    counts = due.group_by("monday", "channel").agg(pl.len().alias("touches")).sort("monday", "channel")
    if counts.is_empty():
        return [], 0
    first, last = counts["monday"].min(), counts["monday"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    number = min(at_most, (last - first).days // 7 + 1)
    table: dict[date, dict[str, int]] = {first + timedelta(weeks=n): {} for n in range(number)}
    later = 0
    for monday, channel, touches in counts.iter_rows():
        if monday in table:
            table[monday][channel or ""] = touches
        else:
            later += touches
    return [Week(monday=monday, channels=channels) for monday, channels in table.items()], later


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one owner is given."""

    owner: str
    touches: int
    first: date
    last: date
    busiest: date
    on_busiest: int
    money: Money
    channels: Mapping[str, int]


def loads(decisions: pl.DataFrame) -> list[Load]:
    """Return the load per owner, the heaviest first."""
    due = _scheduled(decisions).with_columns(pl.col("owner").fill_null(""))
    found = [_load(str(owner), rows) for (owner,), rows in due.group_by("owner")]
    return sorted(found, key=lambda load: (-load.touches, load.owner))


def _load(owner: str, rows: pl.DataFrame) -> Load:
    days = (
        rows.group_by("next_approach_on").len("touches").sort("touches", "next_approach_on", descending=[True, False])
    )
    channels = rows.group_by("channel").len("touches").sort("touches", "channel", descending=[True, False])
    dates = rows["next_approach_on"].sort()
    return Load(
        owner=owner,
        touches=rows.height,
        first=dates[0],
        last=dates[-1],
        busiest=days["next_approach_on"][0],
        on_busiest=days["touches"][0],
        money=money.sums(rows),
        channels={channel or "": touches for channel, touches in channels.iter_rows()},
    )


def _scheduled(decisions: pl.DataFrame) -> pl.DataFrame:
    return decisions.filter((pl.col("bucket") == str(Bucket.SCHEDULED)) & pl.col("next_approach_on").is_not_null())


def in_buckets(decisions: pl.DataFrame, buckets: Sequence[Bucket]) -> pl.DataFrame:
    """Return the decisions that ended up in one of the buckets."""
    return decisions.filter(pl.col("bucket").cast(pl.String).is_in([str(b) for b in buckets]))

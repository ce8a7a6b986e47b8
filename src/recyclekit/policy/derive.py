"""Facts that follow from a deal's own row and the as-of day alone: status, days, cool-off, cycles. Expressions only.

`as_of` is a column, so the same expressions judge one deal on eight hundred days (the flip point of an explanation).
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from recyclekit.models.decision import STATUS
from recyclekit.policy.hooks import is_vague
from recyclekit.policy.spec import LeadTime, PolicySpec

AS_OF = pl.col("as_of")


def days_between(earlier: str, later: str) -> pl.Expr:
    """Return whole days between two date columns."""
    return pl.col(later).cast(pl.Int32) - pl.col(earlier).cast(pl.Int32)


def status() -> list[pl.Expr]:
    """Return `inactive_days` and `status`; needs last_contact_on, crm_state and stalled_after_days."""
    inactive = days_between("last_contact_on", "as_of")
    state = pl.col("crm_state")
    found = (
        pl.when(state == "won")
        .then(pl.lit("won", dtype=STATUS))
        .when(state == "lost")
        .then(pl.lit("lost", dtype=STATUS))
        .when(inactive.is_null())
        .then(pl.lit("undated", dtype=STATUS))
        .when(inactive >= pl.col("stalled_after_days"))
        .then(pl.lit("stalled", dtype=STATUS))
        .otherwise(pl.lit("open", dtype=STATUS))
    )
    return [inactive.alias("inactive_days"), found.alias("status")]


def stalled_after(spec: PolicySpec, won: pl.LazyFrame) -> tuple[pl.Expr, pl.LazyFrame | None]:
    """Return the threshold as an expression, and the frame to join on deal_pipeline first, where it needs one.

    Args:
        spec: the policy.
        won: won deals that were closed on or before the as-of day: deal_pipeline, created_on, closed_on.
    """
    lead = spec.status.stalled_after.average_lead_time
    if lead is None:
        return pl.lit(spec.status.stalled_after.days, dtype=pl.Float64), None
    days = won.select("deal_pipeline", days_between("created_on", "closed_on").alias("days")).drop_nulls("days")
    overall = _mean(days.select(pl.col("days").mean().alias("mean"), pl.len()).collect(), lead)
    if lead.per == "company":
        return pl.lit(overall), None
    means = (
        days.filter(pl.col("deal_pipeline").is_not_null())
        .group_by("deal_pipeline")
        .agg(pl.col("days").mean().alias("_mean"), pl.len().alias("_sample"))
        .filter(pl.col("_sample") >= lead.minimum_sample)
        .select("deal_pipeline", "_mean")
    )
    return pl.col("_mean").fill_null(overall), means


def _mean(row: pl.DataFrame, lead: LeadTime) -> float:
    mean, sample = row.row(0)
    return float(mean) if sample >= lead.minimum_sample else float(lead.otherwise_days)


def rest(spec: PolicySpec) -> dict[str, Callable[[], pl.Expr]]:
    """Return how to make each fact that follows from the row once its status and reason are known."""
    running = pl.col("_cycle_open").fill_null(value=False) & (pl.col("_runs_until") >= AS_OF).fill_null(value=True)
    over = pl.col("_cycle_open") & (pl.col("_runs_until") < AS_OF)
    done_on = pl.when(over.fill_null(value=False)).then("_runs_until").otherwise("_done_on")
    return {
        "age_days": lambda: days_between("created_on", "as_of"),
        "closed_days": lambda: pl.when(pl.col("crm_state") != "open").then(days_between("closed_on", "as_of")),
        "lead_days": lambda: pl.when(pl.col("crm_state") != "open").then(days_between("created_on", "closed_on")),
        "cycle_running": lambda: running,
        "cycles_done": lambda: pl.col("_done").fill_null(0) + over.fill_null(value=False).cast(pl.Int32),
        "maximum_cycles": lambda: pl.lit(spec.cycles.maximum, dtype=pl.Int32),
        "days_since_track_done": lambda: AS_OF.cast(pl.Int32) - done_on.cast(pl.Int32),
        "again_on": lambda: done_on.dt.offset_by(f"{spec.cycles.again_after_days}d"),
        "cool_off_until": lambda: _cool_off_until(spec),
        "hook_is_vague": lambda: is_vague(pl.col("hook"), spec.three_fields.vague_hooks),
        "cycle": lambda: pl.when(running).then("_cycle").otherwise(pl.col("_cycle").fill_null(0) + 1).cast(pl.Int16),
    }


def _cool_off_until(spec: PolicySpec) -> pl.Expr:
    """Return the end of the cool-off of a lost deal; null where its reason has none."""
    days = pl.lit(spec.cool_off.default_days or None, dtype=pl.Int32)
    for reason, count in spec.cool_off.by_reason.items():
        days = pl.when(pl.col("reason") == reason).then(pl.lit(count or None, dtype=pl.Int32)).otherwise(days)
    since = pl.coalesce("closed_on", "last_contact_on").cast(pl.Int32)
    return pl.when(pl.col("crm_state") == "lost").then((since + days).cast(pl.Date))

"""Writing less of a plan than it holds: at most so many deals, or without some tracks. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import polars as pl

from recyclekit.errors import ConfigError
from recyclekit.models.plan import Plan


def narrowed(plan: Plan, limit: int | None = None, without: Collection[str] = ()) -> Plan:
    """Return the plan with fewer writes; its manifest still tells the whole.

    A deal is written whole or not at all: those of a track of `without` are left out first, then all but the first
    `limit` in the plan's order. What is left out is planned again the next time.

    Args:
        plan: its actions, ended cycles and hand-backs are looked at.
        limit: the most deals that are written; None: all.
        without: tracks whose deals are left out.

    Raises:
        ConfigError: `limit` is below 1, or the plan has no writes on such a track.
    """
    if limit is None and not without:
        return plan
    if limit is not None and limit < 1:
        raise ConfigError(f"A limit of {limit} deals would write nothing.", fix="Reject the plan instead.")
    actions = plan.actions
    _known(without, actions["track"])
    shut = actions.filter(pl.col("track").is_in(list(without)))["deal_id"].unique()
    free = actions.filter(~pl.col("deal_id").is_in(shut.implode()))["deal_id"].unique(maintain_order=True)
    kept = free if limit is None else free.head(limit)
    gone = actions.filter(~pl.col("deal_id").is_in(kept.implode()))["deal_id"].unique()
    stays = ~pl.col("deal_id").is_in(gone.implode())
    return replace(
        plan.in_memory(),
        actions=actions.filter(pl.col("deal_id").is_in(kept.implode())),
        ended_cycles=plan.ended_cycles.filter(stays),
        handed_back=plan.handed_back.filter(stays),
    )


def tracks(plan: Plan) -> list[str]:
    """Return the tracks that a plan writes on, those with most writes first."""
    counts = plan.actions["track"].drop_nulls().value_counts().sort(["count", "track"], descending=[True, False])
    return [str(track) for track in counts["track"]]


def _known(without: Collection[str], there: pl.Series) -> None:
    strange = sorted(set(without) - set(there.drop_nulls().unique()))
    if strange:
        known = ", ".join(sorted(there.drop_nulls().unique())) or "none"
        raise ConfigError(f"The plan writes nothing on the track {strange[0]!r}.", fix=f"Its tracks: {known}.")

"""Where each deal stands in its cycles: which one runs, how far it is, what the ledger has seen before."""

from __future__ import annotations

import polars as pl

from recyclekit.models.memory import Memory

ASK = "ask"
"""Step of the to-do that asks the deal's own owner for what is missing; no step of a track, so it moves no cycle."""

STANDING = {
    "running_cycle": pl.Int16,  # the cycle that is not recorded as ended; null where none is
    "running_track": pl.String,
    "last_cycle": pl.Int16,  # the highest cycle that ever was
    "previous_end": pl.Date,  # when the last ended cycle ended
    "made": pl.Int32,  # number of the running track's furthest step that was touched, -1 before the first
    "last_step": pl.String,  # of the running cycle's latest touch, as the next four
    "last_number": pl.Int32,  # null where the policy has no such step any more
    "last_due": pl.Date,
    "last_channel": pl.String,
    "last_owner": pl.String,
}


def standing(deal_ids: pl.Series, memory: Memory, steps: pl.DataFrame) -> pl.DataFrame:
    """Return the columns STANDING, one row per deal id and in that order; all null for deals never recycled.

    Args:
        deal_ids: the deals.
        memory: cycles and touches so far.
        steps: track, step, number (0 for a track's first) of the policy.
    """
    if memory.cycles.is_empty():
        nothing = {name: pl.Series([None], dtype=dtype) for name, dtype in STANDING.items()}
        return pl.DataFrame({name: column.new_from_index(0, len(deal_ids)) for name, column in nothing.items()})
    running = running_cycles(memory)
    ever = memory.cycles.group_by("deal_id").agg(
        last_cycle=pl.col("cycle").max(), previous_end=pl.col("ended_on").max()
    )
    numbers = steps.select(running_track="track", step="step", number="number")
    latest = (
        running_touches(memory)
        .join(running, on="deal_id")
        .join(numbers, on=["running_track", "step"], how="left")
        .sort("due_on", "key")
        .group_by("deal_id")
        .agg(
            made=pl.col("number").max().fill_null(-1),
            last_step=pl.col("step").last(),
            last_number=pl.col("number").last(),
            last_due=pl.col("due_on").last(),
            last_channel=pl.col("channel").last(),
            last_owner=pl.col("owner").last(),
        )
    )
    known = ever.join(running, on="deal_id", how="left").join(latest, on="deal_id", how="left")
    found = deal_ids.to_frame("deal_id").join(known, on="deal_id", how="left", maintain_order="left")
    return found.select(pl.col(name).cast(dtype) for name, dtype in STANDING.items())


def running_cycles(memory: Memory) -> pl.DataFrame:
    """Return the cycle of each deal that has not ended: deal_id, running_cycle, running_track."""
    return (
        memory.cycles.filter(pl.col("ended_on").is_null())
        .sort("cycle")
        .unique("deal_id", keep="last")
        .select("deal_id", running_cycle="cycle", running_track="track")
    )


def running_touches(memory: Memory) -> pl.DataFrame:
    """Return the touches of running cycles, without what was only asked: the columns TOUCHES."""
    cycles = running_cycles(memory).select("deal_id", cycle="running_cycle")
    return memory.touches.filter(pl.col("step") != ASK).join(cycles, on=["deal_id", "cycle"], how="semi")

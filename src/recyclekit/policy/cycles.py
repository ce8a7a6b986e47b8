"""How often a deal went through recycling, and whether it is in it now, from what the ledger remembers."""

from __future__ import annotations

import polars as pl

from recyclekit.models.memory import Memory
from recyclekit.policy.spec import PolicySpec


def cycle_facts(memory: Memory, spec: PolicySpec) -> pl.DataFrame:
    """Return one row per deal that ever had a cycle.

    Columns: `_cycle` the latest cycle's number; `_cycle_open` whether it has not ended; `_runs_until` the date of its
    last step, once that is written (the cycle is done after that day, recorded or not); `_done` cycles carried through
    to the end; `_done_on` when the last of them was.
    """
    last_step = pl.DataFrame(
        [(name, track.steps[-1].name) for name, track in spec.tracks.items()],
        schema={"track": pl.String, "step": pl.String},
        orient="row",
    )
    cycles = memory.cycles.lazy().filter(pl.col("ended_why").ne_missing("undone"))
    final = (
        cycles.join(last_step.lazy(), on="track")
        .join(memory.touches.lazy().select("deal_id", "cycle", "step", "due_on"), on=["deal_id", "cycle", "step"])
        .group_by("deal_id", "cycle")
        .agg(pl.col("due_on").max().alias("_final_on"))
    )
    through = pl.col("ended_why") == "track_done"
    is_open = pl.col("ended_on").is_null()
    return (
        cycles.join(final, on=["deal_id", "cycle"], how="left")
        .sort("deal_id", "cycle")
        .group_by("deal_id", maintain_order=True)
        .agg(
            pl.col("cycle").last().alias("_cycle"),
            is_open.last().alias("_cycle_open"),
            pl.when(is_open).then("_final_on").last().alias("_runs_until"),
            through.sum().cast(pl.Int32).alias("_done"),
            pl.coalesce("_final_on", "ended_on").filter(through).max().alias("_done_on"),
        )
        .collect()
    )


NO_CYCLES = {
    "_cycle": pl.Int16,
    "_cycle_open": pl.Boolean,
    "_runs_until": pl.Date,
    "_done": pl.Int32,
    "_done_on": pl.Date,
}
"""The columns of `cycle_facts` beside deal_id."""

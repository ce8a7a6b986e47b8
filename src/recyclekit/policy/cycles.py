"""How often a deal went through recycling, and whether it is in it now, from what the ledger remembers."""

from __future__ import annotations

import polars as pl

from recyclekit.models.memory import Memory
from recyclekit.models.standing import split_repeats
from recyclekit.policy.spec import PolicySpec


def cycle_facts(memory: Memory, spec: PolicySpec) -> pl.DataFrame:
    """Return one row per deal that ever had a cycle.

    Columns: `_cycle` the latest cycle's number; `_cycle_open` whether it has not ended; `_runs_until` the date of its
    last step, once that is written (the cycle is done after that day, recorded or not); `_done` cycles carried through
    to the end; `_done_on` when the last of them was.
    """
    cycles = memory.cycles.filter(pl.col("ended_why").ne_missing("undone")).join(
        _finals(memory, spec), on=["deal_id", "cycle"], how="left", maintain_order="left"
    )
    once, several = split_repeats(cycles, "deal_id")
    through = (pl.col("ended_why") == "track_done").fill_null(value=False)
    is_open, done_on = pl.col("ended_on").is_null(), pl.coalesce("_final_on", "ended_on")
    single = once.select(
        "deal_id",
        _cycle="cycle",
        _cycle_open=is_open,
        _runs_until=pl.when(is_open).then("_final_on"),
        _done=through.cast(pl.Int32),
        _done_on=pl.when(through).then(done_on),
    )
    if several.is_empty():
        return single
    of_many = (
        several.sort("deal_id", "cycle")
        .group_by("deal_id", maintain_order=True)
        .agg(
            _cycle=pl.col("cycle").last(),
            _cycle_open=is_open.last(),
            _runs_until=pl.when(is_open).then("_final_on").last(),
            _done=through.sum().cast(pl.Int32),
            _done_on=done_on.filter(through).max(),
        )
    )
    return pl.concat([single, of_many])


def _finals(memory: Memory, spec: PolicySpec) -> pl.DataFrame:
    """Return the cycles whose track's last step is written: deal_id, cycle, and `_final_on`, its date."""
    last = {name: track.steps[-1].name for name, track in spec.tracks.items()}
    written = memory.touches.filter(pl.col("step").is_in(list({*last.values()})))
    tracks = memory.cycles.select("deal_id", "cycle", "track")
    return (
        written.join(tracks, on=["deal_id", "cycle"])
        .filter(pl.col("step") == pl.col("track").replace_strict(last, default=None, return_dtype=pl.String))
        .group_by("deal_id", "cycle")
        .agg(_final_on=pl.col("due_on").max())
    )


NO_CYCLES = {
    "_cycle": pl.Int16,
    "_cycle_open": pl.Boolean,
    "_runs_until": pl.Date,
    "_done": pl.Int32,
    "_done_on": pl.Date,
}
"""The columns of `cycle_facts` beside deal_id."""

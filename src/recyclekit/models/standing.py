"""Where each deal stands in its cycles: which one runs, how far it is, what the ledger has seen before."""

from __future__ import annotations

import polars as pl

from recyclekit.models.memory import TOUCHES, Memory

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
    cycles = _by_deal(memory.cycles)
    latest = _latest(memory, cycles, steps)
    found = deal_ids.to_frame("deal_id").join(cycles, on="deal_id", how="left", maintain_order="left")
    found = found.join(latest, on="deal_id", how="left", maintain_order="left")
    return found.select(pl.col(name).cast(dtype) for name, dtype in STANDING.items())


def _by_deal(cycles: pl.DataFrame) -> pl.DataFrame:
    """Return what the cycles of each deal come to: last_cycle, previous_end, running_cycle, running_track."""
    once, several = split_repeats(cycles, "deal_id")
    runs = pl.col("ended_on").is_null()
    single = once.select(
        "deal_id",
        last_cycle="cycle",
        previous_end="ended_on",
        running_cycle=pl.when(runs).then("cycle"),
        running_track=pl.when(runs).then("track"),
    )
    if several.is_empty():
        return single
    ended = several.group_by("deal_id").agg(last_cycle=pl.col("cycle").max(), previous_end=pl.col("ended_on").max())
    running = _running(several).select("deal_id", running_cycle="cycle", running_track="track")
    return pl.concat([single, ended.join(running, on="deal_id", how="left")])


def _latest(memory: Memory, cycles: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Return how far the running cycle of each deal is: made and last_*; deals without a touch are left out."""
    place = pl.concat_str("track", "step", separator="\0")
    numbers = steps.select(place.alias("place"), "number")
    track = pl.col("running_track").alias("track")
    touches = _touches_of(memory, cycles).with_columns(
        number=pl.concat_str(track, "step", separator="\0").replace_strict(
            numbers["place"], numbers["number"], default=None, return_dtype=pl.Int32
        )
    )
    once, several = split_repeats(touches, "deal_id")
    last = {
        "step": "last_step", "number": "last_number", "due_on": "last_due", "channel": "last_channel",
        "owner": "last_owner",
    }  # fmt: skip
    single = once.select(
        "deal_id", made=pl.col("number").fill_null(-1), **{new: pl.col(old) for old, new in last.items()}
    )
    if several.is_empty():
        return single
    of_many = several.sort("due_on", "key").group_by("deal_id").agg(
        made=pl.col("number").max().fill_null(-1), **{new: pl.col(old).last() for old, new in last.items()}
    )  # fmt: skip
    return pl.concat([single, of_many])


def running_touches(memory: Memory) -> pl.DataFrame:
    """Return the touches of running cycles, without what was only asked: the columns TOUCHES."""
    running = _running(memory.cycles).select("deal_id", running_cycle="cycle")
    return _touches_of(memory, running).select(*TOUCHES)


def split_repeats(frame: pl.DataFrame, key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows whose key stands once, and those whose key stands several times.

    Nearly all deals have one cycle and one touch: grouping and sorting them would cost more than all the rest.
    """
    again = frame[key].hash().is_duplicated()  # two texts of one hash go with the several, which is as right
    return (frame.filter(~again), frame.filter(again)) if again.any() else (frame, frame.clear())


def _running(cycles: pl.DataFrame) -> pl.DataFrame:
    """Return the cycle of each deal that has not ended."""
    once, several = split_repeats(cycles.filter(pl.col("ended_on").is_null()), "deal_id")
    return once if several.is_empty() else pl.concat([once, several.sort("cycle").unique("deal_id", keep="last")])


def _touches_of(memory: Memory, cycles: pl.DataFrame) -> pl.DataFrame:
    """Return the touches of the cycles in `running_cycle`, in their order, with the columns of `cycles`."""
    touches = memory.touches.filter(pl.col("step") != ASK)
    beside = touches.join(cycles, on="deal_id", how="inner", maintain_order="left")
    return beside.filter(pl.col("cycle") == pl.col("running_cycle"))

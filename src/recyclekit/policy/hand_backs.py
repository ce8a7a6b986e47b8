"""Which cycles that end with a plan are handed back to sales: those of deals that are open since their buyer moved."""

from __future__ import annotations

from typing import Final

import polars as pl

from recyclekit.models.decision import Status
from recyclekit.models.hand_back import CRM_STATE, HANDED_BACK, Signal, no_hand_backs
from recyclekit.models.lines import NEWSLETTER
from recyclekit.models.memory import Memory
from recyclekit.models.standing import running_touches

MOVED: Final = ("status", "last_contact_on", "activity_source")
"""What is asked of a deal beside the end of its cycle."""


def handed_back(over: pl.DataFrame, gone: pl.DataFrame, memory: Memory) -> pl.DataFrame:
    """Return the hand-backs among cycles that end: columns HANDED_BACK.

    A deal is handed back if it is open now and something moved since its cycle began: a lost one was opened again, or
    a person was in contact. One that was won, or that a rule excludes, needs nobody; one that is open only because the
    policy or its data are other ones did not move.

    Args:
        over: cycles that end with the plan, as `upcoming.ended` gives them, with MOVED.
        gone: touches that are taken back, as `upcoming.left_behind` gives them: nobody has tried those.
        memory: cycles and touches so far.
    """
    alive = over.filter(pl.col("status").cast(pl.String).is_in([Status.OPEN.value, Status.UNDATED.value]))
    if alive.is_empty():
        return no_hand_backs()
    known = memory.cycles.select("deal_id", "cycle", "reason", "opened_on")
    found = alive.join(known, on=["deal_id", "cycle"], how="inner", maintain_order="left")
    was_lost = pl.col("reason").is_not_null()  # a stalled deal has none
    is_later = (pl.col("last_contact_on") >= pl.col("opened_on")).fill_null(value=False)
    found = found.filter(was_lost | is_later).with_columns(
        signal=pl.when(was_lost).then(pl.lit(Signal.REOPENED.value)).otherwise(pl.lit(Signal.CONTACT.value)),
        source=pl.when(was_lost).then(pl.lit(CRM_STATE)).otherwise(pl.col("activity_source").cast(pl.String)),
        contact_on=pl.when(is_later).then("last_contact_on"),
    )
    found = found.join(_tried(found, gone, memory), on=["deal_id", "cycle"], how="left", maintain_order="left")
    found = found.with_columns(pl.col("steps").fill_null([]))
    return found.select(pl.col(name).cast(dtype) for name, dtype in HANDED_BACK.items())


def _tried(found: pl.DataFrame, gone: pl.DataFrame, memory: Memory) -> pl.DataFrame:
    """Return the steps that were tried: deal_id, cycle, steps. Letters that were ordered count, open tasks do not."""
    never = gone.filter(pl.col("channel") != NEWSLETTER)
    touches = running_touches(memory).join(found, on=["deal_id", "cycle"], how="semi")
    touches = touches.join(never, on="key", how="anti", maintain_order="left")
    return touches.sort("due_on", "key").group_by("deal_id", "cycle").agg(steps=pl.col("step"))

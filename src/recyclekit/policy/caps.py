"""Frequency caps: how many touches of ours a contact or a company may get within so many days."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from recyclekit.models.standing import ASK
from recyclekit.policy.spec import Cap, Caps

PARTIES = {"contact": "contact_id", "company": "account_id"}
"""Cap → the deal's column that tells whom it is about."""


def parties(deals: pl.DataFrame, caps: Caps) -> pl.DataFrame:
    """Return deal_id and the columns that the caps need, for all deals; without caps, or columns for them, no rows."""
    wanted = [column for name, column in PARTIES.items() if getattr(caps, name) is not None and column in deals.columns]
    return deals.select("deal_id", *wanted) if wanted else pl.DataFrame(schema={"deal_id": pl.String})


def over_cap(touches: pl.DataFrame, known: pl.DataFrame, gone: pl.Series, about: pl.DataFrame, caps: Caps) -> pl.Series:
    """Return which of these touches would be one too many, the most valuable coming first.

    Args:
        touches: deal_id, on (null where there is no date), amount and known_as, which breaks ties.
        known: touches so far (columns TOUCHES); those still to come count as well as those made.
        gone: keys of touches that this plan takes back, which count no more.
        about: as `parties` gives it.
        caps: of the policy.
    """
    held = pl.repeat(value=False, n=touches.height, eager=True)
    if about.is_empty() or touches.is_empty():
        return held
    wanted = touches.with_row_index("row").join(about, on="deal_id", how="left", maintain_order="left")
    wanted = wanted.sort("amount", "on", "known_as", descending=[True, False, False], nulls_last=True)
    made = (
        known.filter((pl.col("step") != ASK) & ~pl.col("key").is_in(gone.implode()))
        .join(about, on="deal_id", how="inner")
        .rename({"due_on": "on"})
    )
    for name, column in PARTIES.items():
        cap = getattr(caps, name)
        if cap is None or column not in about.columns:
            continue
        rows = _beyond(wanted.select("row", "on", who=column).drop_nulls(), made.select("on", who=column), cap)
        held = held.scatter(rows, values=True)
        wanted = wanted.filter(~pl.col("row").is_in(rows))
    return held


def _beyond(wanted: pl.DataFrame, made: pl.DataFrame, cap: Cap) -> Sequence[int]:
    """Return the rows that find their cap reached. One round per place: all parties' firsts, then seconds."""
    kept = made.drop_nulls().join(wanted.select("who").unique(), on="who", how="semi")
    both = pl.concat([wanted.select("who"), kept.select("who")])
    crowded = both.group_by("who").len().filter(pl.col("len") > cap.touches).select("who")
    asked = wanted.join(crowded, on="who", how="semi", maintain_order="left")
    asked = asked.with_columns(place=pl.int_range(pl.len()).over("who"))
    beyond: list[int] = []
    for _, these in asked.group_by("place", maintain_order=True):
        near = these.join(kept.rename({"on": "other"}), on="who", how="inner").filter(
            (pl.col("on") - pl.col("other")).abs() < pl.duration(days=cap.days)
        )
        full = near.group_by("row").len().filter(pl.col("len") >= cap.touches)["row"]
        beyond += full.to_list()
        kept = pl.concat([kept, these.filter(~pl.col("row").is_in(full.to_list())).select("on", "who")])
    return beyond

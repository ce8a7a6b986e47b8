"""Deals of people who were erased: whatever the rules say of them, they are left alone."""

from __future__ import annotations

import polars as pl

from recyclekit.models.decision import ERASED, NAME, VERDICT, Verdict
from recyclekit.models.tables import OWN_FIELDS
from recyclekit.models.tombstone import Erasable, Tombstones

_LEFT_ALONE = (Verdict.NONE.value, Verdict.EXCLUDE.value)


def without_erased(judged: pl.DataFrame, deals: pl.DataFrame, erased: Tombstones) -> pl.DataFrame:
    """Return verdicts in which an erased person's deal is excluded, by the rule ERASED, which no policy can name.

    Args:
        judged: verdict, rule, track and wait_until, one row per deal.
        deals: the canonical deals, in the same order.
        erased: of the pipeline; only deals from which a write may follow are held against it.
    """
    if not erased.digests:
        return judged
    ours = [pl.col(name).is_not_null() for name in OWN_FIELDS if name in deals.columns]
    holds = deals.select(pl.any_horizontal(*ours, pl.repeat(value=False, n=pl.len()))).to_series()
    rows = (~judged["verdict"].is_in(_LEFT_ALONE) | holds).arg_true()
    hit = erased.covers(Erasable.DEAL, deals["deal_id"].gather(rows))
    if "contact_id" in deals.columns:
        hit |= erased.covers(Erasable.CONTACT, deals["contact_id"].gather(rows))
    if not hit.any():
        return judged
    gone = pl.repeat(value=False, n=judged.height, eager=True).scatter(rows.filter(hit), values=True)
    return judged.with_columns(
        verdict=pl.when(gone).then(pl.lit(Verdict.EXCLUDE.value, dtype=VERDICT)).otherwise("verdict"),
        rule=pl.when(gone).then(pl.lit(ERASED)).otherwise(pl.col("rule").cast(pl.String)).cast(NAME),
        track=pl.when(~gone).then("track"),
        wait_until=pl.when(~gone).then("wait_until"),
    )

"""What sales should have filled in and did not: the to-dos that ask for it, once per deal and cycle."""

from __future__ import annotations

from datetime import date

import polars as pl

from recyclekit.models.decision import Status, Verdict
from recyclekit.policy.spec import PolicySpec

ASKED = ("reason", "next_approach_on", "approach_person", "hook", "fiscal_year")
"""What a to-do may ask for."""


def missing(spec: PolicySpec, as_of: date) -> pl.Expr:
    """Return the expression for what is missing and worth asking for, as bits in the order of ASKED; 0 for nothing.

    Asked for are deals that were lost within `ask_within_days` and may be recycled (or could be, once a person has
    looked at them); the fiscal year wherever a date rests on a guess of it (`needs_fiscal_year`).
    """
    within = spec.three_fields.ask_within_days
    age = (pl.lit(as_of) - pl.col("closed_on")).dt.total_days()
    is_recent = (pl.col("status") == Status.LOST.value) & age.is_between(0, within) if within else pl.lit(value=False)
    is_review = pl.col("verdict") == Verdict.REVIEW.value
    may_come_back = is_review | pl.col("verdict").is_in([Verdict.RECYCLE.value, Verdict.WAIT.value])
    asks = (is_recent & may_come_back).fill_null(value=False)
    gaps = {
        "reason": asks & (is_review | pl.col("reason").is_null()),
        "next_approach_on": asks & pl.col("named_on").is_null(),
        "approach_person": asks & pl.col("person").is_null(),
        "hook": asks & pl.col("sales_hook").is_null(),
        "fiscal_year": pl.col("needs_fiscal_year"),
    }
    return pl.sum_horizontal(gaps[name].cast(pl.UInt32) * (1 << n) for n, name in enumerate(ASKED))


def missing_names(bits: pl.Series) -> pl.Series:
    """Return the names behind the bits of `missing`, as lists."""
    lists = [[name for n, name in enumerate(ASKED) if number >> n & 1] for number in range(1 << len(ASKED))]
    return pl.Series("missing", lists, dtype=pl.List(pl.String)).gather(bits.cast(pl.UInt32))

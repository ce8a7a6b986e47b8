"""Deals and actions counted by what was decided: the figures of a plan, whose sums must close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

import polars as pl

from recyclekit.errors import SumsError
from recyclekit.models.decision import MISSING_REASON, UNCLEAR_REASON, Bucket


def tally(values: pl.Series, names: type[StrEnum] | None = None) -> dict[str, int]:
    """Return how often each value stands there, most frequent first; with `names` in their order, zeros included."""
    counts = values.drop_nulls().value_counts(name="n").with_columns(pl.col(values.name).cast(pl.String))
    counts = counts.sort(["n", values.name], descending=[True, False])
    found: dict[str, int] = dict(counts.iter_rows())
    return found if names is None else {str(name): found.get(str(name), 0) for name in names}


def summed(parts: Sequence[Mapping[str, int]], names: type[StrEnum] | None = None) -> dict[str, int]:
    """Return tallies of parts as one of the whole, in the order in which `tally` gives it."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    if names is not None:
        return {str(name): total[str(name)] for name in names}
    return dict(sorted(total.items(), key=lambda one: (-one[1], one[0])))


def tally_reasons(decisions: pl.DataFrame) -> dict[str, int]:
    """Return deals by canonical reason, `missing` and `unclear` where one is needed and not known."""
    unknown = tally(decisions["reason_source"].filter(decisions["reason"].is_null()))
    words = {"none": MISSING_REASON, "unclear": UNCLEAR_REASON}
    counts = tally(decisions["reason"]) | {words[source]: n for source, n in unknown.items() if source in words}
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def tally_buckets(buckets: pl.Series) -> dict[str, int]:
    """Return deals by bucket.

    Raises:
        SumsError: a deal is in none.
    """
    counts = tally(buckets, Bucket)
    if sum(counts.values()) != len(buckets):
        raise SumsError(
            f"{len(buckets)} deals were decided, {sum(counts.values())} of them are in a bucket.",
            why="This is a bug in recyclekit: every deal belongs to exactly one bucket.",
            fix="Please report it with the policy file; nothing was written.",
        )
    return counts

"""Whether values differ from one another, told without comparing the texts of a million ids."""

from __future__ import annotations

import polars as pl


def surely_distinct(values: pl.Series) -> bool:
    """Return True where no two values are equal; False says only that two may be, and that one has to look.

    Ids rise in most exports, and to see that costs a third of hashing them. Different texts may share a hash, but
    hardly ever do.
    """
    if values.is_sorted() and (values.slice(0, max(0, len(values) - 1)) < values.slice(1)).all(ignore_nulls=False):
        return True
    return values.hash().n_unique() == len(values)

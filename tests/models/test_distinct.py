"""Whether values differ is told without comparing texts, and never wrongly said of values that are equal."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.models.distinct import surely_distinct


@given(st.lists(st.none() | st.text("ab", max_size=4), max_size=12), st.booleans())
def test_only_values_that_all_differ_are_surely_distinct(values: list[str | None], rising: bool) -> None:
    given_as = pl.Series(values, dtype=pl.String)
    given_as = given_as.sort() if rising else given_as
    assert surely_distinct(given_as) == (len(set(values)) == len(values))

"""Money is short enough to be said and never mixed up."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.reports import money


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0.4, "¥0"),
        (999, "¥999"),
        (1_000, "¥1k"),
        (5_600, "¥5.6k"),
        (999_960, "¥1M"),
        (1_234_567, "¥1.23M"),
        (427_000_000, "¥427M"),
        (1_240_000_000, "¥1.24B"),
        (7.25e13, "¥72.5T"),
        (2.5e15, "¥2,500T"),
    ],
)
def test_amounts_are_said_with_three_figures(amount: float, said: str) -> None:
    assert money.short({"JPY": amount}) == said


@given(st.floats(min_value=1, max_value=1e15))
def test_what_is_said_is_within_half_a_percent_of_the_truth(amount: float) -> None:
    text = money.short({"": amount}).replace(",", "")
    sizes = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
    said = float(text.rstrip("kMBT")) * sizes.get(text[-1], 1)
    assert said == pytest.approx(amount, rel=0.0051, abs=0.5)
    assert "e" not in text


def test_japanese_counts_in_ten_thousands() -> None:
    said = [money.short({"JPY": n}, "ja") for n in (9_999, 12_000, 5_040_000, 1_070_000_000, 2.5e12)]
    assert said == ["¥9,999", "¥1.2万", "¥504万", "¥10.7億", "¥2.5兆"]


def test_currencies_are_listed_beside_one_another_the_largest_number_first() -> None:
    frame = pl.DataFrame({"amount": [5.0, 1e6, None, 2.0], "currency": ["USD", "JPY", "EUR", None]})
    assert money.sums(frame) == {"JPY": 1e6, "USD": 5.0, "": 2.0}
    assert money.short(money.sums(frame)) == "¥1M + $5 + 2"
    assert money.short({"CHF": 1200.0}) == "CHF 1.2k"


def test_without_amounts_there_is_no_money() -> None:
    assert money.sums(pl.DataFrame({"deal_id": ["D-1"]})) == {}
    assert money.short({}) == money.exact(None) == ""
    assert money.exact(1_234_000.0, "JPY") == "¥1,234,000"

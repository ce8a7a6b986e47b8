"""No cell that we export is run as a formula, and the guard gives back exactly what went in."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.models.export import guard_formulas, unguard


@given(st.lists(st.one_of(st.none(), st.text("=+-@＝＋－＠'\t\r\n1,.e5x予", max_size=6)), min_size=1))
def test_the_guard_disarms_and_gives_back_what_went_in(cells: list[str | None]) -> None:
    frame = pl.DataFrame({"a": cells, "n": range(len(cells))}, schema={"a": pl.String, "n": pl.Int64})
    guarded = guard_formulas(frame)

    assert unguard(guarded).equals(frame)
    assert guarded["n"].equals(frame["n"])
    for cell in guarded["a"].drop_nulls():
        assert not cell.startswith(("=", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
        assert (
            not cell.startswith(("+", "-")) or cell[1:].replace(",", "").replace(".", "").replace("e", "")[:1].isdigit()
        )


def test_numbers_and_dates_stay_as_they_are() -> None:
    frame = pl.DataFrame({"a": ["-5", "+1,000.50", "2026-12-01", "-1e5", "-5+3", "+81-3-1234"]})

    assert guard_formulas(frame)["a"].to_list() == [
        "-5",
        "+1,000.50",
        "2026-12-01",
        "-1e5",
        "'-5+3",
        "'+81-3-1234",
    ]


def test_names_that_are_kept_as_numbers_are_guarded_too() -> None:
    frame = pl.DataFrame({"owner": ["=1+1", None, "is-01"]}, schema={"owner": pl.Categorical()})

    assert guard_formulas(frame)["owner"].to_list() == ["'=1+1", None, "is-01"]

"""Numbers as columns hold them: grouping, decimal commas, currencies, units; and the refusal where two readings fit."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.errors import AmbiguousError, InputError
from recyclekit.models.field_map import FieldSpec
from recyclekit.models.parsing.column import Column, Reading
from recyclekit.models.parsing.readers import Reader
from recyclekit.models.tables import Table


def read(texts: Sequence[str | None], dtype: pl.DataType | None = None, form: str | None = None) -> Reading:
    spec = FieldSpec(column="Amount", format=form)
    column = Column(
        table=Table.DEALS, name="amount", source="Amount", dtype=dtype or pl.Float64(), spec=spec, business="UTC"
    )
    return Reader(column=column).read(pl.Series(texts, dtype=pl.String))


def values(texts: Sequence[str | None], dtype: pl.DataType | None = None, form: str | None = None) -> list[object]:
    answers = {row["raw"]: row["value"] for row in read(texts, dtype, form).answers.iter_rows(named=True)}
    return [answers[text] for text in texts]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1054", 1054), ("1,054", 1054), ("1,054.50", 1054.5), ("¥1,054", 1054), ("￥１，０５４", 1054),
        ("1,054円", 1054),
        ("$ 1,200.00", 1200), ("€5", 5), ("JPY 500", 500), ("1 234 567", 1234567), ("1'234.50", 1234.5),
        ("0.125", 0.125),
        ("+7", 7), ("1e5", 100000), ("12.5万円", 125000), ("300千円", 300000), ("3百万円", 3000000),
        ("2億円", 200000000),
        ("", None), ("  ", None), ("0", 0), ("-0", 0),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(text: str, number: float | None) -> None:
    assert values([text, "22.75"])[0] == number


@pytest.mark.parametrize(
    "text", ["abc", "NaN", "inf", "1,00,000", "5-", "1.2.3,4", "--5", "twelve", "1億2000万円", "1e999"]
)
def test_what_is_no_number_is_set_aside(text: str) -> None:
    assert read([text, "22.75"]).answers.filter(raw=text).select("value", "code").row(0) == (None, "bad_number")


@pytest.mark.parametrize("text", ["-5", "(1,000)", "△1,000", "▲5", "-¥500", "¥-500", "−3"])
def test_a_negative_amount_is_set_aside_as_such(text: str) -> None:
    assert read([text, "22.75"]).answers.filter(raw=text).select("value", "code").row(0) == (None, "negative_amount")


def test_units_are_multiplied_out_and_told() -> None:
    reading = read(["12万円", "300千円"])
    assert "千" in reading.findings[0].what
    assert "万" in reading.findings[0].what


def test_a_decimal_comma_is_read_where_all_numbers_bear_it_out() -> None:
    texts = ["1,5", "1.054,50", "1.054", "7"]
    reading = read(texts)
    assert values(texts) == [1.5, 1054.5, 1054, 7]
    assert reading.formats == ("1.234,5",)
    assert 'format: "1.234,5"' in reading.findings[0].fix


@pytest.mark.parametrize(
    "texts", [["1.054"], ["1.054", "2.500"], ["1.054", "2,500"], ["1,5", "1.5"], ["1,054.5", "1.054,5"]]
)
def test_numbers_with_two_readings_are_refused(texts: list[str]) -> None:
    with pytest.raises(AmbiguousError) as refused:
        read(texts)
    assert 'format: "1,234.5"' in refused.value.fix
    assert 'format: "1.234,5"' in refused.value.fix


def test_a_long_bare_number_shows_that_points_do_not_group() -> None:
    assert values(["1.054", "2500"]) == [1.054, 2500]


def test_a_declared_format_decides() -> None:
    assert values(["1.054"], form="1.234,5") == [1054]
    assert values(["1.054", "1,054"], form="1,234.5") == [1.054, 1054]
    assert values(["1,5"], form="1,234.5") == [None]


def test_whole_numbers_must_be_whole_and_fit() -> None:
    assert values(["1", "2.0", "1.5", "300", "-1"], dtype=pl.Int8()) == [1, 2, None, None, None]


def test_a_column_that_holds_no_numbers_is_the_maps_fault() -> None:
    with pytest.raises(InputError, match="holds no numbers"):
        read([f"Deal {n}" for n in range(30)])


@given(st.lists(st.decimals(0, 10**9, places=2), min_size=1, max_size=30), st.sampled_from(["1,234.5", "1.234,5"]))
def test_any_amount_comes_back_from_either_format(amounts: list[object], form: str) -> None:
    texts = [f"{amount:,}" for amount in amounts]
    if form == "1.234,5":
        texts = [text.translate(str.maketrans(",.", ".,")) for text in texts]
    assert values(texts, form=form) == [float(str(amount)) for amount in amounts]
    assert values(texts) == [float(str(amount)) for amount in amounts]  # two decimals leave one reading


@given(st.text(max_size=20))
def test_no_text_whatever_breaks_the_reading(text: str) -> None:
    try:
        value, code = read([text]).answers.select("value", "code").row(0)
    except AmbiguousError:
        return
    assert value is None or (code is None and value >= 0)

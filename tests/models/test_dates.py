"""Dates as columns hold them: every form that has one reading, and no reading where there are two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.errors import AmbiguousError, InputError
from recyclekit.models.field_map import FieldSpec
from recyclekit.models.parsing.column import Column, Reading
from recyclekit.models.parsing.date_formats import check_format
from recyclekit.models.parsing.readers import Reader
from recyclekit.models.tables import Table

DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31))
UTC_TIME = pl.Datetime("us", "UTC")
DATE_FORMATS = (
    "%Y-%m-%d", "%d-%m-%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y年%m月%d日", "%d %B %Y", "%b %d, %Y", "%Y%m%d", "%d%m%Y",
    "%Y/%j", "%A, %d %B %Y",
)  # fmt: skip
TIME_FORMATS = (
    "%d-%m-%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%Y-%m-%dT%H:%M:%S%z", "%d.%m.%Y %H:%M:%S.%f", "%Y%m%d%H%M%S",
)  # fmt: skip


def reader(dtype: pl.DataType | type[pl.DataType] = pl.Date, business: str = "Asia/Tokyo", **spec: object) -> Reader:
    column = Column(
        table=Table.DEALS,
        name="closed_on",
        source="Close Date",
        dtype=pl.Date() if dtype is pl.Date else dtype,  # type: ignore[arg-type]  # classes and instances alike
        spec=FieldSpec(column="Close Date", **spec),  # type: ignore[arg-type]  # keywords of the field map
        business=business,
    )
    return Reader(column=column)


def read(texts: Sequence[str | None], **how: object) -> Reading:
    return reader(**how).read(pl.Series(texts, dtype=pl.String))  # type: ignore[arg-type]  # see above


def values(texts: Sequence[str | None], **how: object) -> list[object]:
    answers = {row["raw"]: row["value"] for row in read(texts, **how).answers.iter_rows(named=True)}
    return [answers[text] for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22", "2026/11/22", "2026.11.22", "2026-11-22 00:00:00", "2026-11-22T09:30", "2026年11月22日",
        "２０２６年１１月２２日", "2026年 11月 22日", "令和8年11月22日", "R8.11.22", "2026/11/22(日)", "20261122",
        "22 Nov 2026", "Nov 22, 2026", "22-November-2026", "Sunday, November 22nd, 2026", "  2026-11-22 ",
        "2026-11-22 23:59:59.999999", "2026年11月22日 9時5分",
    ],
)  # fmt: skip
def test_a_form_with_one_reading_needs_no_declaration(text: str) -> None:
    assert values([text]) == [date(2026, 11, 22)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("令和元年5月1日", date(2019, 5, 1)),
        ("平成31年4月30日", date(2019, 4, 30)),
        ("昭和64年1月7日", date(1989, 1, 7)),
        ("H30/4/1", date(2018, 4, 1)),
        ("㋿2年1月1日", date(2020, 1, 1)),
    ],
)
def test_years_of_japanese_eras_are_counted_from_their_first_year(text: str, day: date) -> None:
    assert values([text]) == [day]


@pytest.mark.parametrize("text", ["2026-02-30", "2026-13-01", "0202-11-22", "9999-12-31", "2201-01-01", "1899-12-31",
    "yesterday", "45678", "22/11/26", "2026-11", "2026-11-22 25:00", "2026/11-22"])  # fmt: skip
def test_what_is_no_day_is_set_aside(text: str) -> None:
    answers = read([text, "2026-11-22"]).answers
    assert answers.filter(raw=text).select("value", "code").row(0) == (None, "bad_date")
    assert text in answers.filter(raw=text)["why"][0]
    assert answers.filter(raw="2026-11-22")["value"].to_list() == [date(2026, 11, 22)]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T10:20:30Z", datetime(2026, 11, 22, 10, 20, 30, tzinfo=UTC)),
        ("2026-11-22T10:20:30.5Z", datetime(2026, 11, 22, 10, 20, 30, 500000, tzinfo=UTC)),
        ("2026-11-22 10:20:30+09:00", datetime(2026, 11, 22, 1, 20, 30, tzinfo=UTC)),
        ("2026-11-22T10:20:30-0330", datetime(2026, 11, 22, 13, 50, 30, tzinfo=UTC)),
        ("2026-11-22 10:20:30", datetime(2026, 11, 22, 1, 20, 30, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 21, 15, tzinfo=UTC)),
        ("2026/11/22 3:05 PM", datetime(2026, 11, 22, 6, 5, tzinfo=UTC)),
    ],
)
def test_times_become_utc_from_their_own_or_the_business_zone(text: str, moment: datetime) -> None:
    assert values([text], dtype=UTC_TIME) == [moment]


def test_a_moment_falls_on_the_business_date_and_a_plain_date_stays() -> None:
    assert values(["2026-11-22T16:00:00Z", "2026-11-22"]) == [date(2026, 11, 23), date(2026, 11, 22)]
    assert values(["2026-11-22 16:00:00"]) == [date(2026, 11, 22)]
    assert values(["2026-11-22 16:00:00"], timezone="UTC") == [date(2026, 11, 23)]


def test_a_local_time_skipped_in_spring_moves_forward_and_one_that_comes_twice_is_the_first() -> None:
    skipped, twice = "2026-03-08 02:30:00", "2026-11-01 01:30:00"
    got = values([skipped, twice], dtype=UTC_TIME, business="America/New_York")
    assert got == [datetime(2026, 3, 8, 7, 30, tzinfo=UTC), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)]
    assert datetime(2026, 3, 8, 7, 30, tzinfo=UTC).astimezone(ZoneInfo("America/New_York")).hour == 3


def test_epochs_are_read_where_they_are_declared() -> None:
    assert values(["1795305600000"], format="epoch_ms") == [date(2026, 11, 22)]
    assert values(["1795305600", "99999999999999"], format="epoch_s") == [date(2026, 11, 22), None]


@given(st.lists(DAYS, min_size=1, max_size=30), st.sampled_from(DATE_FORMATS))
def test_any_day_comes_back_from_any_declared_format(days: list[date], form: str) -> None:
    assert values([day.strftime(form) for day in days], format=form) == days


@given(
    st.lists(st.datetimes(datetime(1900, 1, 2), datetime(2200, 12, 30)), min_size=1, max_size=20),  # noqa: DTZ001  # wall-clock
    st.sampled_from(TIME_FORMATS),
    st.integers(-14, 14),
)
def test_any_moment_comes_back_from_any_declared_format(times: list[datetime], form: str, east: int) -> None:
    times = [t if "%f" in form else t.replace(microsecond=0) for t in times]
    zone = timedelta(hours=east if "%z" in form else 0)
    texts = [
        t.replace(tzinfo=UTC).strftime(form.replace("%z", "")) + (_offset(east) if "%z" in form else "") for t in times
    ]
    assert values(texts, dtype=UTC_TIME, format=form, timezone="UTC") == [t.replace(tzinfo=UTC) - zone for t in times]


def _offset(hours: int) -> str:
    return f"{'-' if hours < 0 else '+'}{abs(hours):02d}:00"


@given(st.lists(DAYS, min_size=1, max_size=40), st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%d.%m.%Y", "%m.%d.%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p"]))  # fmt: skip
def test_an_inferred_reading_is_never_a_wrong_one(days: list[date], form: str) -> None:
    proven = any(day.day > 12 for day in days)
    texts = [day.strftime(form) for day in days]
    if not proven:
        with pytest.raises(AmbiguousError):
            read(texts)
        return
    assert values(texts) == days
    found = read(texts)
    assert found.formats == ("iso", form)
    assert [f.where for f in found.findings] == ["deals.closed_on (Close Date)"]
    assert form in found.findings[0].fix


@given(st.lists(st.dates(date(1900, 1, 1), date(2200, 12, 31)).filter(lambda d: d.day <= 12), min_size=1, max_size=40),
    st.sampled_from("/-."))  # fmt: skip
def test_a_column_with_two_readings_is_refused(days: list[date], by: str) -> None:
    with pytest.raises(AmbiguousError) as refused:
        read([day.strftime(f"%d{by}%m{by}%Y") for day in days])
    assert f'format: "%d{by}%m{by}%Y"' in refused.value.fix
    assert f'format: "%m{by}%d{by}%Y"' in refused.value.fix


def test_a_refusal_names_the_column_both_readings_and_an_example() -> None:
    with pytest.raises(AmbiguousError) as refused:
        read(["03/04/2026", "05/06/2026", None])
    assert "deals.closed_on (Close Date)" in refused.value.what
    assert "'03/04/2026' is 2026-04-03 read day first (%d/%m/%Y) or 2026-03-04 read month first" in refused.value.why
    assert 'closed_on: {column: "Close Date", format: "%d/%m/%Y"}' in refused.value.fix


def test_the_format_that_a_refusal_offers_reads_the_column() -> None:
    texts = ["03/04/2026 9:05 AM", "05/06/2026 11:15 PM"]
    with pytest.raises(AmbiguousError) as refused:
        read(texts)
    assert 'format: "%m/%d/%Y %I:%M %p"' in refused.value.fix
    assert values(texts, format="%m/%d/%Y %I:%M %p") == [date(2026, 3, 4), date(2026, 5, 6)]


def test_one_separator_proves_nothing_for_another() -> None:
    with pytest.raises(AmbiguousError):
        read(["22/11/2026", "03-04-2026"])


def test_a_few_impossible_days_do_not_hide_what_the_others_prove() -> None:
    texts = [f"{day:02d}/11/2026" for day in range(1, 31)]
    answers = read([*texts, "31/02/2026"]).answers
    assert answers.filter(pl.col("code").is_not_null())["raw"].to_list() == ["31/02/2026"]
    assert answers.filter(raw="03/11/2026")["value"].to_list() == [date(2026, 11, 3)]


def test_values_that_contradict_one_another_are_refused() -> None:
    with pytest.raises(InputError, match="'22/11/2026' only day first and '11/23/2026' only month first"):
        read(["22/11/2026", "11/23/2026"])


def test_doubtful_days_in_a_column_of_clear_ones_are_set_aside_alone() -> None:
    clear = [f"2026-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 28)]
    answers = read([*clear, "03/04/2026"]).answers
    assert answers.filter(pl.col("code").is_not_null()).select("raw", "code").rows() == [
        ("03/04/2026", "ambiguous_date")
    ]


def test_a_column_that_holds_no_dates_is_the_maps_fault() -> None:
    with pytest.raises(InputError, match="holds no dates"):
        read([f"Deal {n}" for n in range(30)])
    with pytest.raises(InputError, match="epoch_ms"):
        read([str(1795305600000 + n) for n in range(30)])


def test_a_declared_format_is_strict_and_iso_may_be_declared_beside_it() -> None:
    assert values(["22-11-2026", "2026-11-22"], format="%d-%m-%Y") == [date(2026, 11, 22), None]
    assert values(["22-11-2026", "2026-11-22"], format=("iso", "%d-%m-%Y")) == [date(2026, 11, 22)] * 2
    assert values(["３-4-２０２６"], format="%d-%m-%Y") == [date(2026, 4, 3)]


@pytest.mark.parametrize("form", ["%Y-%m", "%Q", "", "%d/%m/%Y %I:%M", "dd.mm.yyyy", "%H:%M"])
def test_a_format_that_cannot_tell_a_date_is_refused(form: str) -> None:
    with pytest.raises(InputError, match="cannot tell a date"):
        check_format(form)


@given(st.text(max_size=30), st.sampled_from([pl.Date(), UTC_TIME]))
def test_no_text_whatever_breaks_the_reading(text: str, dtype: pl.DataType) -> None:
    try:
        answers = read([text], dtype=dtype).answers
    except AmbiguousError:
        return
    value, code = answers.select("value", "code").row(0)
    assert (value is None) or (code is None)


def test_months_by_name_are_told_of_unless_a_format_is_declared() -> None:
    (found,) = read(["22 Nov 2026", "2026-11-23", "Nov 24, 2026"]).findings
    assert "Read 2 values by the English name of their month, as '22 Nov 2026' is 2026-11-22" in found.what
    assert not read(["2026-11-22T10:00:00Z", "2026年11月22日", "令和8年11月22日"]).findings
    assert not read(["22-Nov-2026"], format="%d-%b-%Y").findings

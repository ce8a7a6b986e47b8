"""Which day it is in the business zone: the same as converting every moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.models.calendar.local_days import dates_in, local_days

ZONES = (
    "Asia/Tokyo", "UTC", "Asia/Kolkata", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia",
    "America/St_Johns", "Africa/Casablanca",
)  # fmt: skip
MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1))  # noqa: DTZ001  # made UTC below
UTC_MOMENT = pl.Datetime("us", "UTC")


@given(st.lists(st.none() | MOMENTS, max_size=30), st.sampled_from(ZONES))
def test_every_moment_has_the_day_that_conversion_gives(moments: list[datetime | None], zone: str) -> None:
    series = pl.Series("at", moments, dtype=pl.Datetime("us")).dt.replace_time_zone("UTC")
    assert dates_in(series, zone).equals(series.dt.convert_time_zone(zone).dt.date())


@pytest.mark.parametrize("zone", ZONES)
def test_days_on_which_clocks_are_changed_are_right_by_the_minute(zone: str) -> None:
    start = datetime(2011, 9, 1, tzinfo=UTC)
    series = pl.Series("at", [start + timedelta(minutes=17 * n) for n in range(20_000)], dtype=UTC_MOMENT)
    assert dates_in(series, zone).equals(series.dt.convert_time_zone(zone).dt.date())


def test_a_day_that_a_country_left_out_is_no_deals_day() -> None:
    moments = [datetime(2011, 12, 30, 9, 59, tzinfo=UTC), datetime(2011, 12, 30, 10, 0, tzinfo=UTC)]
    days = dates_in(pl.Series(moments, dtype=UTC_MOMENT), "Pacific/Apia").to_list()
    assert days == [date(2011, 12, 29), date(2011, 12, 31)]


def test_in_a_plan_it_keeps_name_type_and_nulls() -> None:
    frame = pl.LazyFrame({"at": [None, datetime(2026, 11, 22, 15, 0, tzinfo=UTC)]}, {"at": UTC_MOMENT})
    plan = frame.select(local_days(pl.col("at"), "Asia/Tokyo"))
    assert plan.collect_schema() == {"at": pl.Date}
    assert plan.collect(engine="streaming")["at"].to_list() == [None, date(2026, 11, 23)]
    nothing = frame.filter(pl.col("at").is_null()).select(local_days(pl.col("at"), "Asia/Tokyo"))
    assert nothing.collect()["at"].to_list() == [None]

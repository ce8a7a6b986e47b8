"""Ways to write a date, each rewritten to `Y-m-d` with its time: year first, Japanese, eras, names of months."""

from __future__ import annotations

import polars as pl

FIRST_YEAR, LAST_YEAR = 1900, 2200
_ERAS = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988, "昭和": 1925, "S": 1925, "大正": 1911, "T": 1911}
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH_NUMBERS = {name[:n]: i for i, name in enumerate(_MONTHS, 1) for n in range(3, len(name) + 1)} | {"sept": 9}

TIME = (
    r"(?:(?:T|t|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?(?:\s*(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?"
)
_ISO = r"^(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})" + TIME + "$"
DAY_MONTH = r"^(?P<first>\d{1,2})(?P<by>[/.\-])(?P<second_>\d{1,2})(?P<by2>[/.\-])(?P<last>\d{4})(?P<rest>\D.*)?$"


def iso_text(text: pl.Series) -> pl.Series:
    """Rewrite every form that has one reading only to `Y-m-d` with its time; null where the form is another."""
    frame = (
        text.alias("text")
        .to_frame()
        .with_columns(
            # a weekday in brackets says nothing that the date does not say
            text=pl.col("text").str.replace(r"\s*\([日月火水木金土](?:曜日?)?\)", " ").str.strip_chars()
        )
    )
    return frame.select(pl.coalesce(_year_first(), _kanji(), _era(), _named_month())).to_series().alias("text")


def day_month(text: pl.Series) -> pl.DataFrame:
    """Split texts like `1/2/2026`: columns by (the separator), dmy, mdy (`Y-m-d` texts); null where not of the form."""
    parts = text.str.extract_groups(DAY_MONTH).struct.unnest()
    ok = pl.col("by") == pl.col("by2")
    rest = pl.col("rest").fill_null("")
    return parts.select(
        by=pl.when(ok).then("by"),
        dmy=pl.when(ok).then(pl.format("{}-{}-{}{}", "last", "second_", "first", rest)),
        mdy=pl.when(ok).then(pl.format("{}-{}-{}{}", "last", "first", "second_", rest)),
    )


def moments(iso: pl.Series) -> pl.DataFrame:
    """Parse `Y-m-d` texts: columns local (Datetime, no zone), offset (minutes east, null where none), timed (bool).

    `local` is null where no such day or time exists, or the year is outside 1900 to 2200.
    """
    parts = iso.str.extract_groups(_ISO).struct.unnest()
    number = {name: pl.col(name).cast(pl.Int64, strict=False).fill_null(0) for name in ("hour", "minute", "second")}
    half = pl.col("half").str.to_lowercase()
    hour = (
        pl.when(half.is_null()).then(number["hour"]).otherwise(number["hour"] % 12 + 12 * (half == "p").cast(pl.Int64))
    )
    day = pl.concat_str("year", "month", "day", separator="-").str.to_date("%Y-%m-%d", strict=False)
    exists = (
        day.dt.year().is_between(FIRST_YEAR, LAST_YEAR)
        & (number["hour"] <= 23)
        & (number["minute"] <= 59)
        & (number["second"] <= 59)
        & (half.is_null() | number["hour"].is_between(1, 12))
    )
    micro = pl.col("fraction").fill_null("").str.pad_end(9, "0").str.head(6).cast(pl.Int64, strict=False).fill_null(0)
    clock = pl.duration(hours=hour, minutes=number["minute"], seconds=number["second"], microseconds=micro)
    return parts.select(
        local=pl.when(exists).then(day.cast(pl.Datetime("us")) + clock),
        offset=_offset(),
        timed=pl.col("hour").is_not_null(),
    )


def _offset() -> pl.Expr:
    zone = pl.col("zone")
    digits = zone.str.slice(1).str.replace(":", "", literal=True)
    minutes = digits.str.head(2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(2).cast(
        pl.Int64, strict=False
    ).fill_null(0)
    named = zone.str.contains("^[A-Za-z]")
    return (
        pl.when(named)
        .then(pl.lit(0, pl.Int64))
        .otherwise(pl.when(zone.str.starts_with("-")).then(-minutes).otherwise(minutes))
    )


def _year_first() -> pl.Expr:
    part = pl.col("text").str.extract_groups(r"^(\d{4})([/.\-])(\d{1,2})([/.\-])(\d{1,2})(\D.*)?$").struct
    same = part.field("2") == part.field("4")
    split = pl.format("{}-{}-{}{}", part.field("1"), part.field("3"), part.field("5"), part.field("6").fill_null(""))
    compact = pl.col("text").str.extract_groups(r"^(\d{4})(\d{2})(\d{2})$").struct
    # eight digits cannot be read day first as well: a year from 1900 to 2200 at their end would make the month 19 to 22
    return pl.coalesce(
        pl.when(same).then(split), pl.format("{}-{}-{}", compact.field("1"), compact.field("2"), compact.field("3"))
    )


def _kanji() -> pl.Expr:
    part = pl.col("text").str.extract_groups(r"^(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日\s*(.*)$").struct
    return _with_clock(part.field("1"), part.field("2"), part.field("3"), part.field("4"))


def _era() -> pl.Expr:
    part = (
        pl.col("text")
        .str.extract_groups(
            r"^(令和|平成|昭和|大正|[RHSTrhst])\s*(元|\d{1,2})\s*[年./\-]\s*(\d{1,2})\s*[月./\-]\s*(\d{1,2})(?:\s*日)?\s*(.*)$"
        )
        .struct
    )
    first = part.field("1").str.to_uppercase().replace_strict(_ERAS, default=None, return_dtype=pl.Int64)
    year = first + part.field("2").replace("元", "1").cast(pl.Int64, strict=False)
    return _with_clock(year.cast(pl.String), part.field("3"), part.field("4"), part.field("5"))


def _with_clock(year: pl.Expr, month: pl.Expr, day: pl.Expr, rest: pl.Expr) -> pl.Expr:
    clock = rest.str.replace(r"^(\d{1,2})時\s*(\d{1,2})分$", "${1}:${2}")
    clock = clock.str.replace(r"^(\d{1,2})時\s*(\d{1,2})分\s*(\d{1,2})秒$", "${1}:${2}:${3}")
    return pl.format("{}-{}-{}{}", year, month, day, pl.when(clock != "").then(" " + clock).otherwise(pl.lit("")))


def _named_month() -> pl.Expr:
    weekday = r"^(?:[A-Za-z]{3,9},?\s+)?"
    ending = r"\.?,?[\s\-]\s*(\d{4})(\D.*)?$"
    behind = (
        pl.col("text").str.extract_groups(weekday + r"(\d{1,2})(?:st|nd|rd|th)?[\s\-]([A-Za-z]{3,9})" + ending).struct
    )
    before = (
        pl.col("text")
        .str.extract_groups(weekday + r"([A-Za-z]{3,9})\.?[\s\-](\d{1,2})(?:st|nd|rd|th)?" + ending)
        .struct
    )

    def written(day: pl.Expr, name: pl.Expr, year: pl.Expr, rest: pl.Expr) -> pl.Expr:
        number = name.str.to_lowercase().replace_strict(_MONTH_NUMBERS, default=None, return_dtype=pl.Int64)
        return pl.format("{}-{}-{}{}", year, number, day, rest.fill_null(""))

    return pl.coalesce(
        written(behind.field("1"), behind.field("2"), behind.field("3"), behind.field("4")),
        written(before.field("2"), before.field("1"), before.field("3"), before.field("4")),
    )

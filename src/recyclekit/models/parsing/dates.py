"""Dates and times of a column: declared formats, forms with one reading, and what the whole column proves. Never a guess."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.errors import AmbiguousError, InputError
from recyclekit.models.parsing.column import HOPELESS, SHARE, Column, Reading, few, shown
from recyclekit.models.parsing.date_forms import DAY_MONTH, FIRST_YEAR, LAST_YEAR, TIME, day_month, iso_text, moments
from recyclekit.models.parsing.date_formats import EPOCHS, ISO, by_format
from recyclekit.models.snapshot import Finding

_NOTHING = {"local": pl.Datetime("us"), "offset": pl.Int64, "timed": pl.Boolean}


@dataclass(slots=True)
class _Work:
    """A column's texts while they are read: `frame` has raw, n, text, local, offset, timed, ambiguous."""

    column: Column
    certain: int
    frame: pl.DataFrame
    findings: list[Finding] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)


def read_dates(column: Column, texts: pl.DataFrame, certain: int = 0) -> Reading:
    """Read a column's distinct texts (raw, n: how often, text: folded) as its type, Date or Datetime in UTC.

    `certain` counts the values of the column that were read already, beyond doubt.

    Raises:
        AmbiguousError: two readings fit the column, so its format must be declared.
        InputError: no reading fits it.
    """
    work = _Work(
        column, certain, texts.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in _NOTHING.items())
    )
    work.frame = work.frame.with_columns(ambiguous=pl.lit(value=False))
    declared = [name for name in column.formats if name != ISO]
    if not column.formats or ISO in column.formats:
        _fill(work, moments(iso_text(_open_texts(work))))
        work.formats.append(ISO)
    for name in declared:
        _fill(work, by_format(_open_texts(work), name))
    if not column.formats:
        _infer(work)
        _refuse_hopeless(work)
    return Reading(
        answers=_answers(work), findings=tuple(work.findings), formats=() if declared else tuple(work.formats)
    )


def _open_texts(work: _Work) -> pl.Series:
    """Return the texts, null where they are read already."""
    return work.frame.select(pl.when(pl.col("local").is_null()).then("text")).to_series()


def _fill(work: _Work, read: pl.DataFrame, only: pl.Expr | None = None) -> None:
    """Take over what was read, where nothing was before."""
    here = read.select(pl.all().name.prefix("new_"))
    take = pl.col("local").is_null() & (only if only is not None else pl.lit(value=True))
    work.frame = (
        work.frame.hstack(here)
        .with_columns(pl.when(take).then(f"new_{name}").otherwise(name).alias(name) for name in _NOTHING)
        .drop(here.columns)
    )


def _infer(work: _Work) -> None:
    """Settle day first or month first, for each separator by itself: only what all its values bear out counts."""
    split = day_month(_open_texts(work))
    for separator in split["by"].drop_nulls().unique().sort():
        here = split["by"] == separator
        orders = {order: moments(split[order]) for order in ("dmy", "mdy")}
        rows = (
            work.frame.select("n", "text")
            .with_columns(orders[o]["local"].is_not_null().alias(o) for o in orders)
            .filter(here)
        )
        _settle(work, separator, rows, orders, pl.lit(here.fill_null(value=False)))


def _settle(work: _Work, by: str, rows: pl.DataFrame, orders: dict[str, pl.DataFrame], here: pl.Expr) -> None:
    total, certain = (
        int(rows["n"].sum()),
        work.certain + int(work.frame.filter(pl.col("local").is_not_null())["n"].sum()),
    )
    alone = {
        o: int(rows.filter(pl.col(o) & ~pl.col(other))["n"].sum()) for o, other in (("dmy", "mdy"), ("mdy", "dmy"))
    }
    fits = {o: int(rows.filter(o)["n"].sum()) for o in orders}
    best = max(alone, key=lambda o: alone[o])
    against = alone["mdy" if best == "dmy" else "dmy"]
    proven = alone[best] > 0 and few(total - fits[best], total) and against <= (1 - SHARE) * (alone[best] + against)
    if proven:
        _fill(work, orders[best], here)
        formats = formats_of(rows.filter(best)["text"], by, best)
        work.formats += formats
        example = rows.filter(pl.col(best) & ~pl.col("mdy" if best == "dmy" else "dmy"))["text"][0]
        order = "day first" if best == "dmy" else "month first"
        work.findings.append(
            work.column.note(
                f"Read as {order} ({formats[0]}): of {total} such values only this reading fits all that exist, as '{example}' shows.",
                f"Declare it to be sure: {work.column.line_for(tuple(formats))}",
            )
        )
    elif certain and total <= (1 - SHARE) * (certain + total):
        work.frame = work.frame.with_columns(ambiguous=pl.col("ambiguous") | here & (pl.lit(orders["dmy"]["local"].is_not_null()) | pl.lit(orders["mdy"]["local"].is_not_null())))  # fmt: skip
    elif fits[best]:
        raise _two_readings(work.column, by, rows, alone)
    # a form in which nothing exists either way leaves only values to set aside


def _two_readings(column: Column, by: str, rows: pl.DataFrame, alone: dict[str, int]) -> InputError:
    both = rows.filter(pl.col("dmy") & pl.col("mdy"))
    options = {o: tuple(formats_of(rows.filter(o)["text"], by, o)) for o in ("dmy", "mdy")}
    lines = " or ".join(column.line_for(f) for f in options.values() if f)
    fix = f"Say which in the field map of {column.table}: {lines}"
    if alone["dmy"] or alone["mdy"]:
        seen = [f"'{rows.filter(pl.col(o) & ~pl.col(p))['text'][0]}' only {w} first" for o, p, w in (("dmy", "mdy", "day"), ("mdy", "dmy", "month")) if alone[o]]  # fmt: skip
        why = f"No reading fits enough of its {int(rows['n'].sum())} values with '{by}': {', '.join(seen)} can be read."
        if both.is_empty():
            return InputError(f"The dates of column {column.where} do not fit one format.", why=why, fix=fix)
    else:
        why = "Both readings fit every value that exists."
    example = both.sort("text")["text"][0]
    day, month = (moments(day_month(pl.Series([example]))[o])["local"][0] for o in ("dmy", "mdy"))
    why += f" '{example}' is {day:%Y-%m-%d} read day first ({options['dmy'][0]}), {month:%Y-%m-%d} read month first ({options['mdy'][0]})."
    return AmbiguousError(f"Column {column.where} has two readings and nothing says which is meant.", why=why, fix=fix)


def formats_of(texts: pl.Series, by: str, order: str) -> list[str]:
    """Return the formats, in strptime letters, that these day-and-month texts are written in, the most frequent first."""
    day = f"%d{by}%m{by}%Y" if order == "dmy" else f"%m{by}%d{by}%Y"
    rest = texts.str.extract_groups(DAY_MONTH).struct.field("rest").fill_null("")
    parts = rest.str.extract_groups(f"^{TIME}$").struct.unnest()
    suffix = parts.select(
        pl.concat_str(
            pl.when(pl.col("hour").is_null()).then(pl.lit("")).when(pl.lit(rest.str.to_lowercase().str.starts_with("t"))).then(pl.lit("T")).otherwise(pl.lit(" ")),
            pl.when(pl.col("hour").is_null()).then(pl.lit("")).when(pl.col("half").is_null()).then(pl.lit("%H:%M")).otherwise(pl.lit("%I:%M")),
            pl.when(pl.col("second").is_null()).then(pl.lit("")).otherwise(pl.lit(":%S")),
            pl.when(pl.col("fraction").is_null()).then(pl.lit("")).otherwise(pl.lit(".%f")),
            pl.when(pl.col("half").is_null()).then(pl.lit("")).otherwise(pl.lit(" %p")),
            pl.when(pl.col("zone").is_null()).then(pl.lit("")).otherwise(pl.lit("%z")),
        ).alias("suffix")
    )  # fmt: skip
    counted = suffix.group_by("suffix").len().sort("len", "suffix", descending=[True, False])
    return [day + s for s in counted["suffix"]]


def _refuse_hopeless(work: _Work) -> None:
    lost = work.frame.filter(pl.col("text").is_not_null() & pl.col("local").is_null())
    total = int(lost["n"].sum())
    # a day that does not exist is bad data in a date column; other text in all of its values is the wrong column
    alien = lost.filter(~pl.col("text").str.contains(r"^\d{1,4}[/.\-年]\d"))
    if work.certain or total < HOPELESS or work.frame["local"].count() or int(alien["n"].sum()) < total:
        return
    examples = ", ".join(f"'{text[:40]}'" for text in alien["text"].head(3))
    digits = alien["text"].str.contains(r"^\d{13}$").all()
    hint = "milliseconds since 1970 are declared as `format: epoch_ms`, seconds as `format: epoch_s`" if digits or alien["text"].str.contains(r"^\d{10}$").all() else "declare its format in strptime letters"  # fmt: skip
    raise InputError(
        f"Column {work.column.where} holds no dates that can be read.",
        why=f"None of its {total} values is one: {examples}.",
        fix=f"Map another column, or {hint}.",
    )


def _answers(work: _Work) -> pl.DataFrame:
    column = work.column
    value = _on_date(work) if column.dtype == pl.Date else _in_utc(work)
    wanted = " or ".join(f for f in column.formats if f not in (ISO, *EPOCHS)) or ", ".join(column.formats)
    plain = f" does not fit {wanted}, or is no day from {FIRST_YEAR} to {LAST_YEAR}" if column.formats else f" is not a date that exists from {FIRST_YEAR} to {LAST_YEAR}, in a form with one reading"  # fmt: skip
    bad = pl.col("text").is_not_null() & pl.col("value").is_null()
    unclear = " may be read day first or month first, unlike the rest of the column"
    return work.frame.with_columns(value=value).select(
        "raw",
        "value",
        code=pl.when(bad & pl.col("ambiguous")).then(pl.lit("ambiguous_date")).when(bad).then(pl.lit("bad_date")),
        why=pl.when(bad).then(shown("text") + pl.when("ambiguous").then(pl.lit(unclear)).otherwise(pl.lit(plain))),
    )


def _in_utc(work: _Work) -> pl.Series:
    """Return moments in UTC; a local time that is skipped in spring moves forward, one that comes twice is the first."""
    zone, frame = work.column.zone, work.frame
    stated = pl.col("local") - pl.duration(minutes=pl.col("offset"))
    local = (
        pl.col("local")
        .dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
    )
    utc = frame.select(
        pl.when(pl.col("offset").is_not_null()).then(stated.dt.replace_time_zone("UTC")).otherwise(local)
    ).to_series()
    gaps = (utc.is_null() & frame["local"].is_not_null()).arg_true().to_list()
    if gaps:
        forward = [frame["local"][i].replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for i in gaps]
        utc = utc.scatter(gaps, pl.Series(forward, dtype=utc.dtype))
    return utc


def _on_date(work: _Work) -> pl.Series:
    """Return dates: a moment's date in the business zone; a time without a zone is taken as local where none is declared."""
    moment = pl.col("offset").is_not_null() | (pl.col("timed") & pl.lit(work.column.spec.timezone is not None))
    business = pl.lit(_in_utc(work)).dt.convert_time_zone(work.column.business).dt.date()
    return work.frame.select(pl.when(moment).then(business).otherwise(pl.col("local").dt.date())).to_series()

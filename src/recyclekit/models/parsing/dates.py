"""Dates and times of a column: declared formats, forms with one reading, what all values prove. Never a guess."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.errors import InputError
from recyclekit.models.parsing.column import HOPELESS, Column, Reading, shown
from recyclekit.models.parsing.date_formats import ISO, by_format
from recyclekit.models.parsing.date_forms import FIRST_YEAR, LAST_YEAR, iso_text, moments
from recyclekit.models.parsing.date_inference import settle
from recyclekit.models.snapshot import Finding

_UNREAD: dict[str, pl.DataType] = {"local": pl.Datetime("us"), "offset": pl.Int64(), "timed": pl.Boolean()}


@dataclass(slots=True)
class _Work:
    """A column's texts while they are read: `frame` has raw, n, text, local, offset, timed, unclear."""

    column: Column
    frame: pl.DataFrame
    findings: list[Finding] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)

    def open_texts(self) -> pl.Series:
        """Return the texts, null where they are read already."""
        return self.frame.select(pl.when(pl.col("local").is_null()).then("text")).to_series()

    def fill(self, read: pl.DataFrame, here: pl.Series | None = None) -> None:
        """Take over what was read (local, offset, timed), where nothing was before."""
        new = read.select(pl.all().name.prefix("new_"))
        take = pl.col("local").is_null() & (pl.lit(value=True) if here is None else pl.lit(here))
        values = [pl.when(take).then(f"new_{name}").otherwise(name).alias(name) for name in _UNREAD]
        self.frame = self.frame.hstack(new).with_columns(values).drop(new.columns)


def read_dates(column: Column, texts: pl.DataFrame, certain: int = 0) -> Reading:
    """Read a column's distinct texts (raw, n: how often, text: folded) as its type, Date or Datetime in UTC.

    `certain` counts the values of the column that were read already, beyond doubt.

    Raises:
        AmbiguousError: two readings fit the column, so its format must be declared.
        InputError: no reading fits it.
    """
    empty = [pl.lit(None, dtype).alias(name) for name, dtype in _UNREAD.items()]
    work = _Work(column, texts.with_columns(*empty, unclear=pl.lit(value=False)))
    if not column.formats or ISO in column.formats:
        work.fill(moments(iso_text(work.open_texts())))
        work.formats.append(ISO)
        work.findings += _named_months(work)
    for name in column.formats:
        if name != ISO:
            work.fill(by_format(work.open_texts(), name))
    if not column.formats:
        _infer(work, certain)
        _refuse_hopeless(work, certain)
    return Reading(answers=_answers(work), findings=tuple(work.findings), formats=tuple(work.formats))


def _named_months(work: _Work) -> list[Finding]:
    """Return a note where months are written by name in a column without a declared format."""
    named = pl.col("local").is_not_null() & pl.col("text").str.contains(r"^[^T]*[A-Za-z]{3}")
    here = [] if work.column.formats else work.frame.filter(named).select("text", "n", "local").head(1).rows()
    if not here:
        return []
    total = int(work.frame.filter(named)["n"].sum())
    text, _, local = here[0]
    what = f"Read {total} values by the English name of their month, as '{text[:40]}' is {local:%Y-%m-%d}."
    return [work.column.note(what)]


def _infer(work: _Work, certain: int) -> None:
    certain += int(work.frame.filter(pl.col("local").is_not_null())["n"].sum())
    texts = work.frame.select("n").with_columns(work.open_texts().alias("text"))
    for settled in settle(work.column, texts, certain):
        if settled.read is not None:
            work.fill(settled.read, settled.here)
        else:
            work.frame = work.frame.with_columns(unclear=pl.col("unclear") | pl.lit(settled.here))
        work.formats += settled.formats
        work.findings += [] if settled.finding is None else [settled.finding]


def _refuse_hopeless(work: _Work, certain: int) -> None:
    """Refuse a column of which not one text even looks like a date; days that do not exist are the rows' fault."""
    filled = work.frame.filter(pl.col("text").is_not_null())
    total = int(filled["n"].sum())
    if (
        certain
        or total < HOPELESS
        or filled["text"].str.contains(r"^\d{1,4}[/.\-年]\d").any()
        or filled["local"].count()
    ):
        return
    hint = "declare its format in strptime letters"
    for digits, name in ((13, "epoch_ms"), (10, "epoch_s")):
        if filled["text"].str.contains(rf"^\d{{{digits}}}$").all():
            hint = f"if these are counted since 1970, write {work.column.line_for(name)}"
    examples = ", ".join(f"'{text[:40]}'" for text in filled["text"].head(3))
    raise InputError(
        f"Column {work.column.where} holds no dates that can be read.",
        why=f"None of its {total} values is one: {examples}.",
        fix=f"Map another column, or {hint}.",
    )


def _answers(work: _Work) -> pl.DataFrame:
    declared = " or ".join(work.column.formats)
    fault = f" does not fit {declared}" if declared else " is not a date that exists, in a form with one reading"
    unclear = pl.lit(" may be read day first or month first, unlike the rest of the column")
    bad = pl.col("text").is_not_null() & pl.col("value").is_null()
    told = pl.when("unclear").then(unclear).otherwise(pl.lit(f"{fault}; years are {FIRST_YEAR} to {LAST_YEAR}"))
    value = _on_date(work) if work.column.dtype == pl.Date else _in_utc(work)
    return work.frame.with_columns(value=value).select(
        "raw",
        "value",
        code=pl.when(bad & pl.col("unclear")).then(pl.lit("ambiguous_date")).when(bad).then(pl.lit("bad_date")),
        why=pl.when(bad).then(shown("text") + told),
    )


def _in_utc(work: _Work) -> pl.Series:
    """Return moments in UTC; a local time skipped in spring moves forward, of one that comes twice the first counts."""
    zone, frame = work.column.zone, work.frame
    stated = (pl.col("local") - pl.duration(minutes=pl.col("offset"))).dt.replace_time_zone("UTC")
    local = pl.col("local").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    moment = pl.when(pl.col("offset").is_not_null()).then(stated).otherwise(local.dt.convert_time_zone("UTC"))
    utc = frame.select(moment).to_series()
    gaps = (utc.is_null() & frame["local"].is_not_null()).arg_true().to_list()
    if gaps:
        forward = [frame["local"][i].replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for i in gaps]
        utc = utc.scatter(gaps, pl.Series(forward, dtype=utc.dtype))
    return utc


def _on_date(work: _Work) -> pl.Series:
    """Return dates: a moment's in the business zone; a time without zone, where none is declared, is taken as local."""
    moment = pl.col("offset").is_not_null() | (pl.col("timed") & pl.lit(work.column.spec.timezone is not None))
    business = pl.lit(_in_utc(work)).dt.convert_time_zone(work.column.business).dt.date()
    return work.frame.select(pl.when(moment).then(business).otherwise(pl.col("local").dt.date())).to_series()

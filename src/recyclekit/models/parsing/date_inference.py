"""Day first or month first: what all the values of a column together prove, and the refusal where they do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from recyclekit.errors import AmbiguousError, InputError
from recyclekit.models.parsing.column import SHARE, Column, few
from recyclekit.models.parsing.date_formats import ISO
from recyclekit.models.parsing.date_forms import DAY_MONTH, TIME, day_month, moments
from recyclekit.models.snapshot import Finding

_OTHER = {"dmy": "mdy", "mdy": "dmy"}
_WORDS = {"dmy": "day first", "mdy": "month first"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is known of the texts with one separator; `here` marks them.

    `read` holds their moments, null in all rows where the question stays open and the values have to be set aside.
    """

    here: pl.Series
    read: pl.DataFrame | None
    formats: list[str]
    finding: Finding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """The texts with one separator: `rows` has n, text, and dmy and mdy: whether it exists under that reading."""

    by: str
    rows: pl.DataFrame

    @property
    def total(self) -> int:
        return int(self.rows["n"].sum())

    def fits(self, order: str) -> int:
        return int(self.rows.filter(order)["n"].sum())

    def only(self, order: str) -> pl.DataFrame:
        """Return the texts that exist under this reading and not under the other."""
        return self.rows.filter(pl.col(order) & ~pl.col(_OTHER[order]))

    def weight(self, order: str) -> int:
        return int(self.only(order)["n"].sum())

    def proven(self) -> str | None:
        """Return the reading that all but a few values bear out, and that hardly any speaks against."""
        best = max(_OTHER, key=self.weight)
        against, proof = self.weight(_OTHER[best]), self.weight(best)
        clear = proof > 0 and against <= (1 - SHARE) * (proof + against)
        return best if clear and few(self.total - self.fits(best), self.total) else None


def settle(column: Column, texts: pl.DataFrame, certain: int) -> Iterator[Settled]:
    """Settle the reading for each separator by itself.

    Args:
        column: for messages.
        texts: columns n and text; text is null where it is no question any more.
        certain: values of the column whose reading was never in question.

    Raises:
        AmbiguousError: two readings fit.
        InputError: neither fits enough.
    """
    split = day_month(texts["text"])
    for by in split["by"].drop_nulls().unique().sort():
        here = (split["by"] == by).fill_null(value=False)
        read = {order: moments(split[order]) for order in _OTHER}
        exists = [read[order]["local"].is_not_null().alias(order) for order in _OTHER]
        evidence = _Evidence(by=by, rows=texts.select("n", "text").hstack(exists).filter(here))
        order = evidence.proven()
        if order is not None:
            formats = formats_of(evidence.rows.filter(order)["text"], by, order)
            finding = _finding(column, evidence, order, _declared(formats, certain))
            yield Settled(here=here, read=read[order], formats=formats, finding=finding)
        elif certain and evidence.total <= (1 - SHARE) * (certain + evidence.total):
            yield Settled(here=here & (exists[0] | exists[1]), read=None, formats=[], finding=None)
        elif evidence.fits("dmy") or evidence.fits("mdy"):
            raise _refused(column, evidence, certain)


def formats_of(texts: pl.Series, by: str, order: str) -> list[str]:
    """Return the formats, in strptime letters, of these day-and-month texts, the most frequent first."""
    day = f"%d{by}%m{by}%Y" if order == "dmy" else f"%m{by}%d{by}%Y"
    rest = texts.str.extract_groups(DAY_MONTH).struct.field("rest").fill_null("")
    parts = (
        rest.str.extract_groups(f"^{TIME}$")
        .struct.unnest()
        .with_columns(t=rest.str.to_lowercase().str.starts_with("t"))
    )

    def where(part: str, letters: str) -> pl.Expr:
        return pl.when(pl.col(part).is_not_null()).then(pl.lit(letters)).otherwise(pl.lit(""))

    hour = pl.when("t").then(pl.lit("T")).otherwise(pl.lit(" ")) + pl.when(pl.col("half").is_null()).then(
        pl.lit("%H:%M")
    ).otherwise(pl.lit("%I:%M"))
    suffix = parts.select(
        suffix=pl.when(pl.col("hour").is_not_null()).then(hour).otherwise(pl.lit(""))
        + where("second", ":%S")
        + where("fraction", ".%f")
        + where("half", " %p")
        + where("zone", "%z")
    )
    counted = suffix.group_by("suffix").len().sort("len", "suffix", descending=[True, False])
    return [day + letters for letters in counted["suffix"]]


def _declared(formats: list[str], certain: int) -> tuple[str, ...]:
    """Return what to declare: `iso` as well, where the column holds such dates besides."""
    return (*((ISO,) if certain else ()), *formats)


def _finding(column: Column, evidence: _Evidence, order: str, formats: tuple[str, ...]) -> Finding:
    example, written = evidence.only(order)["text"][0], next(name for name in formats if name != ISO)
    return column.note(
        f"Read {_WORDS[order]} ({written}): only this fits its {evidence.total} such values, as '{example}' shows.",
        f"Declare it to be sure: {column.line_for(formats)}",
    )


def _differ(texts: pl.Series) -> pl.Series:
    split = day_month(texts)
    return (split["dmy"] != split["mdy"]).fill_null(value=False)


def _refused(column: Column, evidence: _Evidence, certain: int) -> InputError:
    formats = {order: formats_of(evidence.rows.filter(order)["text"], evidence.by, order) for order in _OTHER}
    lines = [column.line_for(_declared(found, certain)) for found in formats.values() if found]
    fix = f"Say which in the field map of {column.table}: {' or '.join(lines)}"
    alone = [f"'{evidence.only(order)['text'][0]}' only {_WORDS[order]}" for order in _OTHER if evidence.weight(order)]
    why = f"It has {evidence.total} values with '{evidence.by}'"
    why += f"; {' and '.join(alone)} can be read." if alone else "; both readings fit all that exist."
    both = evidence.rows.filter(pl.col("dmy") & pl.col("mdy")).sort("text")
    both = pl.concat([both.filter(_differ(both["text"])), both])  # 01/01/2026 shows nobody what the question is
    if both.is_empty():
        return InputError(f"The dates of column {column.where} do not fit one format.", why=why, fix=fix)
    example = both["text"][0]
    split = day_month(pl.Series([example]))
    means = [
        f"{moments(split[order])['local'][0]:%Y-%m-%d} read {_WORDS[order]} ({formats[order][0]})" for order in _OTHER
    ]
    return AmbiguousError(
        f"Column {column.where} has two readings and nothing says which is meant.",
        why=f"{why} '{example}' is {' or '.join(means)}.",
        fix=fix,
        lines=lines,
    )

"""How each type of column is read: at once inside the lazy plan where a sample bears it out, else per distinct text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from recyclekit.models.calendar.local_days import local_days
from recyclekit.models.parsing import choices, numbers
from recyclekit.models.parsing.column import SHARE, Column, Reading
from recyclekit.models.parsing.date_formats import EPOCHS, ISO, in_utc, parsed, parsed_day, timed
from recyclekit.models.parsing.dates import read_dates
from recyclekit.models.parsing.text import folded, tidied, untidy

_SHAPES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S%z", "%Y年%m月%d日", "%Y.%m.%d",
)  # fmt: skip
"""Undeclared forms with one reading that are worth trying on a whole column; the rest is read per distinct text."""

Choose = Callable[[str], choices.Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A column inside the plan. `failed` tells where it was not read; None: where only `value` is null.

    `always`: every text comes through, so nobody need look where one failed.
    """

    value: pl.Expr
    failed: pl.Expr | None = None
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads one column. `choose` answers for columns of few values; `code` and `what` are told where it cannot."""

    column: Column
    choose: Choose | None = None
    code: str = ""
    what: str = ""

    def attempt(self, sample: pl.Series, *, is_tidy: bool = False) -> Attempt | None:
        """Return a reading for the plan that nearly all of the sample bears out; None where there is none.

        Args:
            sample: texts of the column.
            is_tidy: whether its texts are known to need no cleaning, as in `Extracted.tidy`.
        """
        source = _replaced(pl.col(self.column.source), self.column.spec.values)
        if self.choose is None and self.column.dtype == pl.String:
            if is_tidy and not self.column.spec.values:
                return Attempt(value=source, always=True)
            return self._text(source, sample)
        here = sample.alias(self.column.source).to_frame()
        tries = self._tries(source, here)
        read = here.select(attempt.value.count().alias(str(n)) for n, attempt in enumerate(tries)).row(0)
        best = max(range(len(tries)), key=read.__getitem__)
        return tries[best] if read[best] >= SHARE * (sample.len() - sample.null_count()) else None

    def read(self, raw: pl.Series, certain: int = 0) -> Reading:
        """Read what the plan could not, per distinct text; `certain` values of the column were read by the plan."""
        is_text = self.choose is None and self.column.dtype == pl.String
        raw_text = pl.col("raw")
        text = _replaced(tidied(self.column.name, raw_text) if is_text else folded(raw_text), self.column.spec.values)
        texts = raw.alias("raw").value_counts(name="n").sort("n", "raw", descending=[True, False])
        texts = texts.with_columns(text=pl.when(text != "").then(text))
        if self.choose is not None:
            return choices.read_choices(self.column, texts, self.choose, self.code, self.what)
        if is_text:
            empty = pl.lit(None, pl.String)
            return Reading(answers=texts.select("raw", value="text", code=empty, why=empty))
        read = read_dates if self.column.dtype.is_temporal() else numbers.read_numbers
        return read(self.column, texts, certain)

    def doubtful(self, highest: Callable[[], object], left: pl.Series) -> bool:
        """Whether values that the plan read may mean something else, given what it could not read (`left`).

        `highest` gives the highest of those values; asked only where it matters.
        """
        if not self.column.dtype.is_float() or self.column.formats:
            return False
        if numbers.has_comma_only(left.drop_nulls()):
            return True
        # 1.054 may be a thousand and fifty-four; a bare number from 1000 on tells that this column does not group
        most = highest()
        return isinstance(most, float) and most < 1000

    def _tries(self, source: pl.Expr, sample: pl.DataFrame) -> list[Attempt]:
        if self.choose is not None:
            return [Attempt(value=_one_of(source, self.choose, sample, self.column.dtype))]
        if not self.column.dtype.is_temporal():
            return [Attempt(value=value) for value in numbers.attempts(self.column, source)]
        declared = [name for name in self.column.formats if name != ISO]
        shapes = _SHAPES if not declared or ISO in self.column.formats else ()
        tries = [_moment(self.column, source, name) for name in shapes]
        if declared:
            tries.append(pl.coalesce(_moment(self.column, source, name) for name in declared))
        return [Attempt(value=value) for value in tries]

    def _text(self, source: pl.Expr, sample: pl.Series) -> Attempt:
        odd = untidy(self.column.name, source)
        share = sample.alias(self.column.source).to_frame().select(odd.mean()).item()
        if share is None or share <= 1 - SHARE:
            return Attempt(value=source, failed=odd)
        text = _replaced(tidied(self.column.name, pl.col(self.column.source)), self.column.spec.values)
        return Attempt(value=pl.when(text != "").then(text), always=True)


def _replaced(text: pl.Expr, values: Mapping[str, str] | None) -> pl.Expr:
    if not values:
        return text
    old, new = list(values), list(values.values())
    # `replace` as such would hold all records in memory until the last one is read; so would `replace_strict` below.
    return text.map_batches(lambda texts: texts.replace(old, new), return_dtype=pl.String, is_elementwise=True)


def _one_of(source: pl.Expr, choose: Choose, sample: pl.DataFrame, dtype: pl.DataType) -> pl.Expr:
    found = sample.select(raw=source, text=folded(source)).drop_nulls().unique()
    texts: dict[bool | str, list[str]] = {}
    for raw, text in found.iter_rows():
        if (value := choose(text)) is not None:
            texts.setdefault(value, []).append(raw)
    answer = pl.lit(None, dtype)
    for value, these in texts.items():
        answer = pl.when(source.is_in(these)).then(pl.lit(value, dtype)).otherwise(answer)
    return answer


def _moment(column: Column, source: pl.Expr, name: str) -> pl.Expr:
    """Return texts of a format as the column's type; the same meaning as `dates` gives them."""
    if column.dtype == pl.Date and name not in EPOCHS and not timed(name):
        return parsed_day(source, name)
    local = parsed(source, name)
    if column.dtype == pl.Date and not in_utc(name) and column.spec.timezone is None:
        return local.dt.date()
    if in_utc(name):
        utc = local.dt.replace_time_zone("UTC")
    elif timed(name) or column.dtype != pl.Date:
        # a local time that is skipped in spring stays null here and is moved forward where texts are read one by one
        utc = local.dt.replace_time_zone(column.zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone(
            "UTC"
        )
    return utc if column.dtype != pl.Date else local_days(utc, column.business)

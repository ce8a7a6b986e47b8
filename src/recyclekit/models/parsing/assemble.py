"""From what a table's plan gave to typed records and their problems: the slow path, taken only where it must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl

from recyclekit.models.parsing.choosing import STATE, key_of, required
from recyclekit.models.parsing.column import Column, Reading
from recyclekit.models.parsing.date_formats import ISO
from recyclekit.models.parsing.numbers import POINT
from recyclekit.models.parsing.problems import ROW, problem, problems
from recyclekit.models.parsing.readers import Reader
from recyclekit.models.row_rules import rules_of
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import Table

_UNFORMATTED = {True: (ISO,), False: (POINT,)}
_MISSING = {STATE: ("no_stage", "is empty"), "at": ("no_date", "is empty")}


@dataclass(slots=True)
class Typed:
    """Records of a table, typed, in the order of the source, with ROW; and what is wrong with some."""

    records: pl.DataFrame
    problems: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Tried:
    """What a table's plan gave, all of it or one slice: records that came through, and the others' texts, with ROW."""

    passed: pl.DataFrame
    left: pl.DataFrame


@dataclass(slots=True)
class Survey:
    """What the columns of a table were found to be written in, once all their texts were looked at.

    Attributes:
        read: canonical column → answers for those of its texts that the plan could not read, or must not.
        texts: columns that the plan may have misread → all their texts, by ROW.
        whole: columns read here as a whole.
    """

    read: dict[str, Reading] = field(default_factory=dict)
    texts: dict[str, pl.Series] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    readings: dict[str, tuple[str, ...]] = field(default_factory=dict)


def survey(
    readers: Sequence[Reader],
    passed: pl.LazyFrame,
    failed: pl.DataFrame,
    left: pl.DataFrame,
    reread: Callable[[str], pl.Series],
) -> Survey:
    """Read per distinct text what the plan could not, over all records of a table.

    Args:
        readers: of the table's columns; those with a constant are not among them.
        passed: the records that came through, with ROW. A column still holding texts where its type is another is read
            here as a whole.
        failed: what the plan made of the others.
        left: the texts of these.
        reread: gives all texts of one of the system's columns again, for numbers that the plan may have misread.
    """
    types, found = passed.collect_schema(), Survey()
    for reader in readers:
        name, source = reader.column.name, reader.column.source
        if types[name] != reader.column.dtype:
            found.whole.add(name)
            here = passed.select(pl.col(name).alias(source)).collect().to_series()
        elif reader.doubtful(partial(_of, passed, pl.col(name).max()), left[source].filter(failed[name].is_null())):
            found.whole.add(name)
            found.texts[name] = reread(source)
            here = found.texts[name].gather(passed.select(ROW).collect().to_series()).alias(source)
        else:
            here = left[source].clear()
        texts = pl.concat([here, left[source]]) if here.len() else left[source]
        certain = 0 if name in found.whole or texts.is_empty() else _of(passed, pl.col(name).count())
        _remember(found, reader, reader.read(texts, certain) if texts.len() else None)
    return found


def _of(passed: pl.LazyFrame, what: pl.Expr) -> Any:
    """Return one value; one column is looked at, for the records may lie in a file larger than memory."""
    return passed.select(what).collect().item()


def assemble(table: Table, readers: Sequence[Reader], found: Survey, tried: Tried) -> Typed:
    """Put records together, all of a table or a slice of them: what came through beside what was read per text."""
    passed, left = tried.passed, tried.left
    wrong: list[pl.DataFrame] = []
    upper, lower = {}, {}
    for reader in readers:
        name, source = reader.column.name, reader.column.source
        upper[name], reading = passed[name], found.read.get(name)
        if reading is None:
            continue
        if name in found.whole:
            texts = found.texts[name].gather(passed[ROW]) if name in found.texts else passed[name]
            upper[name] = _answer(passed.select(ROW).with_columns(raw=texts), reading, reader, wrong)
        if left.height:
            lower[name] = _answer(left.select(ROW, raw=source), reading, reader, wrong)
    records = passed.select(ROW).with_columns(**upper)
    if left.height:
        records = pl.concat([records, left.select(ROW).with_columns(**lower)]).sort(ROW)
    if table is Table.ACTIVITIES and "kind" in records.columns:
        records = records.with_columns(pl.col("kind").fill_null("other"))
    return Typed(records=records, problems=problems(wrong))


def _remember(found: Survey, reader: Reader, reading: Reading | None) -> None:
    """Keep what the column was found to be written in, where the field map does not say."""
    name = reader.column.name
    if reading is not None:
        found.read[name] = reading
        found.findings += reading.findings
    if usual := unformatted(reader.column):
        found.readings[name] = (reading.formats if reading is not None else ()) or usual


def unformatted(column: Column) -> tuple[str, ...]:
    """Return what an undeclared column is taken to be written in where nothing says otherwise; empty for texts."""
    if column.formats or column.spec.const is not None or not (column.dtype.is_temporal() or column.dtype.is_float()):
        return ()
    return _UNFORMATTED[column.dtype.is_temporal()]


def _answer(texts: pl.DataFrame, reading: Reading, reader: Reader, wrong: list[pl.DataFrame]) -> pl.Series:
    """Return the values of these texts (ROW, raw), adding their problems to `wrong`."""
    answers = texts.join(reading.answers, on="raw", how="left", maintain_order="left")
    bad = answers.filter(pl.col("code").is_not_null())
    if bad.height:
        wrong.append(bad.select(ROW, column=pl.lit(reader.column.source), code="code", why="why"))
    return answers["value"]


def check_records(table: Table, typed: Typed, sources: Mapping[str, str]) -> None:
    """Add the problems that show only in whole records: a required value missing, a rule over columns broken."""
    records, found = typed.records, [typed.problems]
    told = typed.problems.select(ROW, "column")
    for name in required(table):
        if name not in records.columns or not records[name].null_count():
            continue
        source = sources[name]
        code, why = _MISSING.get(
            name, ("no_id" if name == key_of(table) or name.endswith("_id") else "no_value", "is empty")
        )
        empty = records.filter(pl.col(name).is_null())
        found.append(
            problem(empty.join(told.filter(pl.col("column") == source), on=ROW, how="anti"), source, code, why)
        )
    for rule in rules_of(table, records.columns):
        broken = records.filter(rule.broken)
        if broken.height:
            found.append(problem(broken, sources[rule.blame], rule.code, rule.why))
    typed.problems = problems(found)

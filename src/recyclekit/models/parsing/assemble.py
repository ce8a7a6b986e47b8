"""From what a table's plan gave to typed records and their problems: the slow path, taken only where it must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from recyclekit.models.parsing.choosing import STATE, key_of, required
from recyclekit.models.parsing.column import Column, Reading
from recyclekit.models.parsing.date_formats import ISO
from recyclekit.models.parsing.numbers import POINT
from recyclekit.models.parsing.problems import ROW, problem, problems
from recyclekit.models.parsing.readers import Reader
from recyclekit.models.parsing.table_plan import FAILED
from recyclekit.models.row_rules import rules_of
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import Table

_UNFORMATTED = {True: (ISO,), False: (POINT,)}
_MISSING = {STATE: ("no_stage", "is empty"), "at": ("no_date", "is empty")}


@dataclass(slots=True)
class Typed:
    """All records of a table, typed, in the order of the source, with ROW; and what is wrong with some."""

    records: pl.DataFrame
    problems: pl.DataFrame
    findings: list[Finding] = field(default_factory=list)
    readings: dict[str, tuple[str, ...]] = field(default_factory=dict)


def assemble(
    table: Table,
    readers: Sequence[Reader],
    frame: pl.DataFrame,
    left: pl.DataFrame,
    reread: Callable[[str], pl.Series],
) -> Typed:
    """Read per distinct text what the plan could not, and put all records together.

    Args:
        table: whose records they are.
        readers: of the table's columns; those with a constant are not among them.
        frame: the plan's first result. A column still holding texts where its type is another is read here as a whole.
        left: the plan's second result: the texts of the FAILED records.
        reread: gives all texts of one of the system's columns again, for numbers that the plan may have misread.
    """
    frame = frame.with_row_index(ROW)
    failed = frame.filter(FAILED)
    passed = frame if left.is_empty() else frame.filter(~pl.col(FAILED))
    left = left.hstack(failed.select(ROW))
    typed = Typed(records=pl.DataFrame(), problems=problems())
    wrong: list[pl.DataFrame] = []
    upper, lower = {}, {}
    for reader in readers:
        name, source = reader.column.name, reader.column.source
        whole = passed[name].dtype != reader.column.dtype
        if not whole and reader.doubtful(passed[name], left[source].filter(failed[name].is_null())):
            whole, passed = True, passed.with_columns(reread(source).alias(name)[passed[ROW]])
        texts = pl.concat([passed[name].alias(source), left[source]]) if whole else left[source]
        certain = 0 if whole else passed.height - passed[name].null_count()
        reading = reader.read(texts, certain) if texts.len() else None
        _remember(typed, reader, reading)
        upper[name] = (
            _answer(passed.select(ROW, raw=name), reading, reader, wrong) if whole and reading else passed[name]
        )
        if reading is not None:
            lower[name] = _answer(left.select(ROW, raw=source), reading, reader, wrong)
    records = passed.select(ROW).with_columns(**upper)
    if left.height:
        records = pl.concat([records, left.select(ROW).with_columns(**lower)]).sort(ROW)
    if table is Table.ACTIVITIES and "kind" in records.columns:
        records = records.with_columns(pl.col("kind").fill_null("other"))
    typed.records, typed.problems = records, problems(wrong)
    return typed


def _remember(typed: Typed, reader: Reader, reading: Reading | None) -> None:
    """Keep what the column was found to be written in, where the field map does not say."""
    if reading is not None:
        typed.findings += reading.findings
    if usual := unformatted(reader.column):
        typed.readings[reader.column.name] = (reading.formats if reading is not None else ()) or usual


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

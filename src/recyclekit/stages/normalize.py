"""Stage 2 of 5. Turn the system's records into canonical tables; set aside what cannot be read; guess nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from recyclekit.errors import InputError, SumsError
from recyclekit.models.field_map import Mapped
from recyclekit.models.parsing.assemble import Survey, Tried, Typed, assemble, check_records, survey, unformatted
from recyclekit.models.parsing.choosing import STATE, key_of, readers_for, required
from recyclekit.models.parsing.problems import ROW, letters, problems
from recyclekit.models.parsing.readers import Reader
from recyclekit.models.parsing.repeats import repeated
from recyclekit.models.parsing.table_plan import FAILED, plan
from recyclekit.models.row_rules import rules_of
from recyclekit.models.shelf import Shelf, together
from recyclekit.models.snapshot import LINE, Extracted, Finding, Snapshot, SnapshotInSlices, dead_letters
from recyclekit.models.tables import Table
from recyclekit.models.wording import counted

SAMPLE = 1_000
"""So many records of each table decide what the plan tries; what does not come through is read one by one."""


def normalize(
    extracted: Extracted,
    mapped: Mapped,
    *,
    timezone: ZoneInfo,
    needed: Mapping[Table, Collection[str]] | None = None,
    shelf: Shelf | None = None,
) -> Snapshot:
    """Read the extracted records as canonical tables. Same input, same output; no clock, no network.

    A record with anything in it that cannot be read becomes one dead letter of its table, whatever the column. Of
    deals, contacts and accounts with the same id the last in the file stands; word-for-word repeats count once.
    A local time that is skipped in spring is moved forward, of one that comes twice the first is meant.

    Args:
        extracted: stage 1's result.
        mapped: field map, stage map. `crm_state` comes from its own column where that is mapped, else from the stage.
        timezone: the business zone; it decides the date of a moment and the moment of a time without zone.
        needed: canonical columns wanted per table (required ones are always read); None means all that are mapped.
        shelf: where deals are laid down that are too many for memory; the result is then a SnapshotInSlices.

    Raises:
        InputError: a whole column or table cannot be read.
        AmbiguousError: a column has two readings; the message holds the lines to choose from.
        SumsError: good records and dead letters do not add up (a bug).
    """
    tables: dict[Table, _Sorted] = {}
    slices: Sequence[pl.LazyFrame] = ()
    for table, raw in extracted.records.items():
        wanted = None if needed is None else needed.get(table, ())
        if table is not Table.DEALS and wanted is not None and not wanted:
            continue
        blank = extracted.blank.get(table, ())
        readers = readers_for(table, mapped, wanted, {*_names(table, raw), *blank}, timezone.key)
        if not readers:
            continue
        scan = _Scan(table, raw, readers, blank, extracted.tidy.get(table, ()))
        if shelf is not None and table is Table.DEALS:
            tables[table], slices = _sort_out_in_slices(scan, shelf)
        else:
            tables[table] = _sort_out(scan)
    deals = _require_deals(tables)
    aside = [letter for letter in (extracted.set_aside, *(t.dead for t in tables.values())) if letter.height]
    lost = extracted.set_aside.filter(pl.col("table") == str(Table.DEALS)).height
    snapshot = Snapshot(
        **{str(table): found.good for table, found in tables.items()},
        extracted_deals=deals.count + deals.dead.height + lost,
        dead_letters=pl.concat(aside) if aside else dead_letters(),
        findings=tuple(finding for found in tables.values() for finding in found.findings),
        readings={table: found.readings for table, found in tables.items()},
    )
    return SnapshotInSlices(snapshot, slices) if slices else snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """One table: good records with their canonical columns (none where they lie on a shelf), dead letters, and more."""

    good: pl.DataFrame
    count: int
    dead: pl.DataFrame
    findings: Sequence[Finding]
    readings: Mapping[str, tuple[str, ...]]


def _sort_out(scan: _Scan) -> _Sorted:
    table = scan.table
    frame, left = _collect(table, *scan.plan())
    frame = frame.with_row_index(ROW)
    failed = frame.filter(FAILED)
    left = scan.numbered(left, failed)
    tried = Tried(frame if left.is_empty() else frame.filter(~pl.col(FAILED)), left)
    found = scan.survey(tried.passed.lazy(), failed, left)
    records, wrong = scan.typed(found, tried)
    good, bad = _split(records, wrong)
    key = key_of(table)
    if key is None or key not in records.columns:
        again, replaced = _NO_ROWS, problems()
    else:
        replaced, again = repeated(good, bad, key, scan.lines)
        good = good.filter(~pl.col(ROW).is_in(again.implode())) if again.len() else good
        good, _ = _split(good, replaced)
    dead = letters(table, records, problems([wrong, replaced]), key, scan.lines)
    _refuse_open_sums(table, records.height, good.height, dead.height, again.len())
    findings = _findings(table, found, again.len())
    return _Sorted(good=good.drop(ROW), count=good.height, dead=dead, findings=findings, readings=found.readings)


def _sort_out_in_slices(scan: _Scan, shelf: Shelf) -> tuple[_Sorted, Sequence[pl.LazyFrame]]:
    """Do the same with only a slice of the records in memory; also return the good ones, slice by slice.

    What concerns all records is found first: how each column is to be read, then which ids stand twice.
    """
    table, key = scan.table, key_of(scan.table) or ""
    try:
        laid, rest = shelf.put_with(f"{table}-tried", *scan.plan())
    except pl.exceptions.PolarsError as fault:
        raise _unreadable(table, fault) from fault
    came, left = laid.with_row_index(ROW), rest.collect()
    failed = (came.filter(FAILED) if left.height else came.head(0)).collect()
    left = scan.numbered(left, failed)
    found = scan.survey(came.filter(~pl.col(FAILED)) if left.height else came, failed, left)
    height = laid.select(pl.len()).collect().item()
    parts, aside, wrong, ids = [], [], [problems()], []
    for start in shelf.starts(height):
        as_read = laid.slice(start, shelf.size).with_row_index(ROW, offset=start)
        here = left.filter(pl.col(ROW).is_between(start, start + shelf.size, closed="left"))
        if here.is_empty() and not found.whole and (sound := scan.sound(as_read, key)) is not None:
            # Most slices are as the plan read them, and lie there already.
            ids.append(sound)
            parts.append(scan.completed(as_read))
            continue
        passed = as_read.collect()
        records, problem = scan.typed(found, Tried(passed.filter(~pl.col(FAILED)) if here.height else passed, here))
        good, bad = _split(records, problem)
        aside.append(bad)
        wrong.append(problem)
        ids.append(good[key].hash())
        parts.append(shelf.put(f"{table}-{start}", good))
    bad = pl.concat(aside) if aside else together(parts).head(0).collect()
    suspects = _suspects(parts, pl.concat(ids), bad, key)
    replaced, again = repeated(suspects, bad, key, scan.lines)
    dead = letters(table, pl.concat([bad, suspects]), problems([*wrong, replaced]), key, scan.lines)
    dropped = pl.concat([replaced[ROW], again.cast(replaced[ROW].dtype)]).unique()
    count = sum(len(one) for one in ids) - len(dropped)
    _refuse_open_sums(table, height, count, dead.height, again.len())
    if len(dropped):
        parts = [part.filter(~pl.col(ROW).is_in(dropped.implode())) for part in parts]
    findings, none = _findings(table, found, again.len()), suspects.clear().drop(ROW)
    sums = _Sorted(good=none, count=count, dead=dead, findings=findings, readings=found.readings)
    return sums, [part.drop(ROW) for part in parts]


def _suspects(parts: Sequence[pl.LazyFrame], ids: pl.Series, bad: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return the records whose id another one may have: one with the same hash, or one that was set aside."""
    hashes = np.sort(ids.to_numpy())
    double = pl.Series(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]), dtype=pl.UInt64)
    gone = bad[key].drop_nulls().unique()
    if double.is_empty() and gone.is_empty():
        return bad.clear()
    suspect = pl.col(key).hash().is_in(double.implode()) | pl.col(key).is_in(gone.implode())
    return together(parts).filter(suspect).collect()


def _refuse_open_sums(table: Table, height: int, good: int, dead: int, again: int) -> None:
    if good + dead + again != height:
        raise SumsError(
            f"The {table} that were read do not add up.",
            why=f"{height} records: {good} good, {dead} set aside, {again} repeats.",
        )


def _findings(table: Table, found: Survey, again: int) -> Sequence[Finding]:
    return [*found.findings, *([_repeats(table, again)] if again else ())]


Records = TypeVar("Records", pl.DataFrame, pl.LazyFrame)


@dataclass(frozen=True)
class _Scan:
    """One table's records and the readers of its columns."""

    table: Table
    raw: pl.LazyFrame
    readers: Sequence[Reader]
    blank: Collection[str]
    tidy: Collection[str]

    @cached_property
    def read(self) -> Sequence[Reader]:
        """The readers of columns that hold texts: no constants, and nothing that is blank everywhere."""
        return [r for r in self.readers if r.column.spec.const is None and r.column.source not in self.blank]

    def plan(self) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """Return the table's plan: see `table_plan.plan`."""
        sample = _collect(self.table, self.raw.head(SAMPLE).select({r.column.source for r in self.read}))[0]
        attempts = {
            r.column.name: r.attempt(sample[r.column.source], is_tidy=r.column.source in self.tidy) for r in self.read
        }
        return plan(self.raw, self.read, attempts)

    def numbered(self, left: pl.DataFrame, failed: pl.DataFrame) -> pl.DataFrame:
        """Return the texts of the records that failed with their ROW."""
        if failed.height != left.height:
            raise SumsError(f"The {self.table} that failed do not add up.", why=f"{failed.height} and {left.height}.")
        return left.hstack(failed.select(ROW))

    def survey(self, passed: pl.LazyFrame, failed: pl.DataFrame, left: pl.DataFrame) -> Survey:
        """Find out what each column is written in, over all records."""

        def reread(source: str) -> pl.Series:
            return _collect(self.table, self.raw.select(source))[0].to_series()

        found = survey(self.read, passed, failed, left, reread)
        given = [r for r in self.readers if r not in self.read]
        found.readings |= {r.column.name: usual for r in given if (usual := unformatted(r.column))}
        return found

    def typed(self, found: Survey, tried: Tried) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return records with all their columns, and what is wrong with them; all of a table, or a slice."""
        typed = assemble(self.table, self.read, found, tried)
        typed.records = self.completed(typed.records)
        check_records(self.table, typed, {r.column.name: r.column.source for r in self.readers})
        return typed.records, typed.problems

    def sound(self, records: pl.LazyFrame, key: str) -> pl.Series | None:
        """Return the hashes of these records' ids, None where anything is wrong with a record; all came through.

        Only the columns are looked at in which something can be wrong.
        """
        names = [r.column.name for r in self.readers]
        asked = {*required(self.table), *(name for rule in rules_of(self.table, names) for name in rule.columns)}
        seen = self.completed(records).select(ROW, *(name for name in names if name in asked)).collect()
        typed = Typed(records=seen, problems=problems())
        check_records(self.table, typed, {r.column.name: r.column.source for r in self.readers})
        return seen[key].hash() if typed.problems.is_empty() else None

    def completed(self, records: Records) -> Records:
        """Return records with the constants beside what was read, in the declared order, and ROW."""
        given = records.with_columns(_constant(r) for r in self.readers if r not in self.read)
        return given.select(ROW, *(r.column.name for r in self.readers))

    def lines(self) -> pl.Series:
        """Return the line of every record."""
        return self._lines

    @cached_property
    def _lines(self) -> pl.Series:
        return _collect(self.table, self.raw.select(LINE))[0].to_series()


_NO_ROWS = pl.Series(ROW, [], dtype=pl.UInt32)


def _constant(reader: Reader) -> pl.Expr:
    """Return the column's constant, or nulls where the source holds nothing."""
    column = reader.column
    if column.spec.const is None:
        return pl.lit(None, column.dtype).alias(column.name)
    answer = reader.read(pl.Series([column.spec.const], dtype=pl.String)).answers.row(0, named=True)
    if answer["code"] is not None:
        raise InputError(f"The constant of {column.where} cannot be used.", why=f"{answer['why']}.")
    return pl.lit(answer["value"], column.dtype).alias(column.name)


def _split(records: pl.DataFrame, found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    if found.is_empty():
        return records, records.clear()
    bad = pl.col(ROW).is_in(found[ROW].unique().implode())
    return records.filter(~bad), records.filter(bad)


def _repeats(table: Table, count: int) -> Finding:
    repeat = "repeats" if count == 1 else "repeat"
    what = (
        f"{counted(count, 'record')} {repeat} a later one word for word in all columns that are read; each counts once."
    )
    return Finding(level="note", where=str(table), what=what)


def _names(table: Table, raw: pl.LazyFrame) -> Collection[str]:
    try:
        return set(raw.collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as fault:
        raise _unreadable(table, fault) from fault


def _collect(table: Table, *frames: pl.LazyFrame) -> list[pl.DataFrame]:
    try:
        return pl.collect_all(frames, engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as fault:
        raise _unreadable(table, fault) from fault


def _unreadable(table: Table, fault: Exception) -> InputError:
    return InputError(f"The {table} cannot be read.", why=str(fault).splitlines()[0] if str(fault) else repr(fault))


def _require_deals(tables: Mapping[Table, _Sorted]) -> _Sorted:
    deals = tables.get(Table.DEALS)
    missing = [name for name in ("deal_id", STATE) if deals is None or name not in deals.good.columns]
    if deals is None or missing:
        raise InputError(
            f"The deals cannot be used without {' and '.join(missing)}.",
            why="The field map does not fill them, or names columns that the source does not have.",
            fix="Map deals.deal_id, and deals.deal_stage (or deals.crm_state); `recyclekit check` shows what is there.",
        )
    return deals

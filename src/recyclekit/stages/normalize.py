"""Stage 2 of 5. Turn the system's records into canonical tables; set aside what cannot be read; guess nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.errors import InputError, SumsError
from recyclekit.models.field_map import Mapped
from recyclekit.models.parsing.assemble import Typed, assemble, check_records, unformatted
from recyclekit.models.parsing.choosing import STATE, key_of, readers_for
from recyclekit.models.parsing.problems import ROW, letters, problems
from recyclekit.models.parsing.readers import Reader
from recyclekit.models.parsing.repeats import repeated
from recyclekit.models.parsing.table_plan import FAILED, plan
from recyclekit.models.snapshot import LINE, Extracted, Finding, Snapshot, dead_letters
from recyclekit.models.tables import Table

SAMPLE = 1_000
"""So many records of each table decide what the plan tries; what does not come through is read one by one."""


def normalize(
    extracted: Extracted,
    mapped: Mapped,
    *,
    timezone: ZoneInfo,
    needed: Mapping[Table, Collection[str]] | None = None,
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

    Raises:
        InputError: a whole column or table cannot be read.
        AmbiguousError: a column has two readings; the message holds the lines to choose from.
        SumsError: good records and dead letters do not add up (a bug).
    """
    tables: dict[Table, _Sorted] = {}
    for table, raw in extracted.records.items():
        wanted = None if needed is None else needed.get(table, ())
        if table is not Table.DEALS and wanted is not None and not wanted:
            continue
        blank = extracted.blank.get(table, ())
        readers = readers_for(table, mapped, wanted, {*_names(table, raw), *blank}, timezone.key)
        if readers:
            tables[table] = _sort_out(table, raw, readers, blank, extracted.tidy.get(table, ()))
    deals = _require_deals(tables)
    aside = [letter for letter in (extracted.set_aside, *(t.dead for t in tables.values())) if letter.height]
    lost = extracted.set_aside.filter(pl.col("table") == str(Table.DEALS)).height
    return Snapshot(
        **{str(table): found.good for table, found in tables.items()},
        extracted_deals=deals.good.height + deals.dead.height + lost,
        dead_letters=pl.concat(aside) if aside else dead_letters(),
        findings=tuple(finding for found in tables.values() for finding in found.findings),
        readings={table: found.readings for table, found in tables.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """One table: good records with their canonical columns, and a dead letter for each of the others."""

    good: pl.DataFrame
    dead: pl.DataFrame
    findings: Sequence[Finding]
    readings: Mapping[str, tuple[str, ...]]


def _sort_out(
    table: Table, raw: pl.LazyFrame, readers: Sequence[Reader], blank: Collection[str], tidy: Collection[str]
) -> _Sorted:
    typed = _typed(table, raw, readers, blank, tidy)
    check_records(table, typed, {reader.column.name: reader.column.source for reader in readers})
    key, records = key_of(table), typed.records

    @cache
    def lines() -> pl.Series:
        return _collect(table, raw.select(LINE))[0].to_series()

    good, bad = _split(records, typed.problems)
    findings, again = list(typed.findings), 0
    if key is not None and key in records.columns:
        replaced, same = repeated(good, bad, key, lines)
        again = same.len()
        if again:
            findings.append(_repeats(table, again))
        typed.problems = problems([typed.problems, replaced])
        good = good.filter(~pl.col(ROW).is_in(same.implode())) if again else good
        good, _ = _split(good, replaced)
    dead = letters(table, records, typed.problems, key, lines)
    if good.height + dead.height + again != records.height:
        raise SumsError(
            f"The {table} that were read do not add up.",
            why=f"{records.height} records: {good.height} good, {dead.height} set aside, {again} repeats.",
        )
    return _Sorted(good=good.drop(ROW), dead=dead, findings=findings, readings=typed.readings)


def _typed(
    table: Table, raw: pl.LazyFrame, readers: Sequence[Reader], blank: Collection[str], tidy: Collection[str]
) -> Typed:
    """Run the table's plan and read per text what did not come through."""
    read = [reader for reader in readers if reader.column.spec.const is None and reader.column.source not in blank]
    sample = _collect(table, raw.head(SAMPLE).select({reader.column.source for reader in read}))[0]
    attempts = {
        reader.column.name: reader.attempt(sample[reader.column.source], is_tidy=reader.column.source in tidy)
        for reader in read
    }
    frame, left = _collect(table, *plan(raw, read, attempts))
    if not frame[FAILED].sum() == left.height:
        raise SumsError(f"The {table} that failed do not add up.", why=f"{frame[FAILED].sum()} and {left.height}.")

    def reread(source: str) -> pl.Series:
        return _collect(table, raw.select(source))[0].to_series()

    typed = assemble(readers=read, table=table, frame=frame, left=left, reread=reread)
    given = [reader for reader in readers if reader not in read]
    typed.records = typed.records.with_columns(map(_constant, given))
    typed.readings |= {reader.column.name: found for reader in given if (found := unformatted(reader.column))}
    typed.records = typed.records.select(ROW, *(reader.column.name for reader in readers))
    return typed


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
    what = f"{count} records repeat a later one word for word, in all columns that are read; each counts once."
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

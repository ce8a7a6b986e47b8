"""The reading door of CSV files: tables, columns, one lazy scan or pages; deals show what we wrote on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from recyclekit.connectors.csv.opened import OpenedFile, open_file
from recyclekit.connectors.csv.own_tables import FIELDS, OwnTables
from recyclekit.connectors.csv.settings import CsvSettings
from recyclekit.connectors.protocols import Page
from recyclekit.errors import ConnectorError, InputError
from recyclekit.models.distinct import surely_distinct
from recyclekit.models.field_map import FieldSpec, Mapped
from recyclekit.models.parsing.text import UNTIDY
from recyclekit.models.snapshot import LINE, dead_letters
from recyclekit.models.tables import OWN_FIELDS, SCHEMAS, Table

PAGE = 20_000
"""Records in a page."""


class CsvSource:
    """Source, ScansColumns, KnowsTidiness and CountsRecords over files."""

    def __init__(self, settings: CsvSettings, folder: Path) -> None:
        self._settings = settings
        self._files = settings.files(folder)
        self._own = OwnTables(settings.own_folder(folder))

    def tables(self) -> Collection[Table]:
        return tuple(self._files)

    def opened(self, table: Table) -> OpenedFile:
        """Return a table's file, opened once and again whenever somebody changed it."""
        if table not in self._files:
            fix = f"Add `{table}: FILE.csv` to the connection's settings."
            raise ConnectorError(f"No file is named for the table '{table}'.", fix=fix)
        settings = self._settings
        return open_file(self._files[table], settings.encoding, settings.separator, settings.quote)

    def columns(self, table: Table) -> Collection[str]:
        named = [column for column in self.opened(table).heading.columns if column]
        return tuple(dict.fromkeys([*named, *(OWN_FIELDS if table is Table.DEALS else ())]))

    def mapped(self) -> Mapped:
        """Map every column whose heading is one of our names, in any case, and our own fields."""
        return Mapped(fields={table: self._default_fields(table) for table in self._files})

    def scan(self, table: Table, columns: Collection[str]) -> tuple[pl.LazyFrame, pl.DataFrame]:
        file = self.opened(table)
        if table is Table.DEALS and not self._own.table(FIELDS).height:
            # What we never wrote holds nothing.
            columns = [name for name in columns if name not in OWN_FIELDS or name in file.heading.columns]
        return self._records(table, file, columns), self._aside(table, file)

    def tidy(self, table: Table) -> Collection[str]:
        file = self.opened(table)
        # What we wrote is laid over the file, and a person may have edited it.
        written = self._own.table(FIELDS) if table is Table.DEALS else pl.DataFrame()
        odd = [name for name in OWN_FIELDS if written.height and written[name].str.contains(UNTIDY).any()]
        ours = () if table is not Table.DEALS else OWN_FIELDS
        return [name for name in {*file.heading.columns, *ours} if name not in odd] if file.split.tidy else ()

    def count(self, table: Table) -> int:
        return self.opened(table).split.rows

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        """Yield pages; a cursor is the line of the last record (or dead letter) handed over."""
        file = self.opened(table)
        records, aside, last = self._records(table, file, columns), self._aside(table, file), _line_of(after)
        batches = records.filter(pl.col(LINE) > last).collect_batches(chunk_size=PAGE, maintain_order=True)
        waiting: pl.DataFrame | None = None
        for frame in (piece for batch in batches for piece in batch.iter_slices(PAGE)):
            if waiting is not None:
                yield (page := _page(table, waiting, aside, last, waiting[LINE][-1]))
                last = _line_of(page.cursor)
            waiting = frame if frame.height else waiting
        # The last page also takes what was set aside behind its last record.
        rest = waiting if waiting is not None else records.head(0).collect()
        ends = [last, *rest[LINE].tail(1), *aside["line"].tail(1)]
        if rest.height or max(ends) > last:
            yield _page(table, rest, aside, last, max(ends))

    def deal_id_column(self) -> str | None:
        """Return the deals' id column: as set, else the heading that is called deal_id."""
        if self._settings.deal_id is not None:
            return self._settings.deal_id
        spec = self._default_fields(Table.DEALS).get("deal_id")
        return spec.column if spec else None

    def _aside(self, table: Table, file: OpenedFile) -> pl.DataFrame:
        key = self.deal_id_column() if table is Table.DEALS and file.bad else None
        return set_aside(table, file, key)

    def _default_fields(self, table: Table) -> dict[str, FieldSpec]:
        headings = {column.casefold(): column for column in reversed(self.opened(table).heading.columns) if column}
        names = (*SCHEMAS[table].column_names(),)
        fields = {name: FieldSpec(column=headings[name]) for name in names if name in headings}
        if table is Table.DEALS:
            fields |= {name: FieldSpec(column=name) for name in OWN_FIELDS}
        return fields

    def with_own_fields(self, records: pl.LazyFrame, columns: Collection[str]) -> pl.LazyFrame:
        """Return the deals' `columns` and `_line`; our own fields among them show what we wrote.

        `records` holds the file's columns among them, and the id's column where anything was written.
        """
        own = [column for column in columns if column in OWN_FIELDS]
        in_file = self.opened(Table.DEALS).heading.columns
        written = self._own.table(FIELDS)
        if own and written.height:
            records = _overlaid(records, self._required_deal_id(), written, own)
        else:
            records = records.with_columns(pl.lit(None, pl.String).alias(name) for name in own if name not in in_file)
        return records.select(LINE, *dict.fromkeys(columns))

    def _records(self, table: Table, file: OpenedFile, columns: Collection[str]) -> pl.LazyFrame:
        own = [column for column in columns if column in OWN_FIELDS] if table is Table.DEALS else []
        if not own:
            return file.scan(columns)
        theirs = [column for column in columns if column not in own or column in file.heading.columns]
        key = [self._required_deal_id()] if self._own.table(FIELDS).height else []
        return self.with_own_fields(file.scan(dict.fromkeys([*theirs, *key])), columns)

    def _required_deal_id(self) -> str:
        if (column := self.deal_id_column()) is not None:
            return column
        raise InputError(
            "What recyclekit wrote cannot be shown on the deals.",
            why="No column of the deals file is known as the deal's id.",
            fix="Map deal_id in the field map, or set `deal_id` in the connection's settings.",
        )


def _overlaid(records: pl.LazyFrame, key: str, written: pl.DataFrame, own: list[str]) -> pl.LazyFrame:
    """Show our own fields on the deals: where we ever wrote one, ours count, an empty one included."""
    ours = written.filter(pl.col("deal_id").is_not_null())
    if not surely_distinct(ours["deal_id"]):  # a person may have copied a row; a deal is one
        ours = ours.unique("deal_id", keep="first", maintain_order=True)
    rows = pl.int_range(ours.height, dtype=pl.UInt32, eager=True)
    row = pl.col(key).str.strip_chars().replace_strict(ours["deal_id"], rows, default=None, return_dtype=pl.UInt32)
    values = ours.select(pl.struct(pl.col(name).alias(f"\0{name}") for name in own)).to_series().rechunk()
    theirs, found = records.collect_schema(), pl.col("\0row")
    # Gathering part by part: a join would have to put all records in order again. All columns at once, or the calls
    # for each part and column would cost more than the reading.
    gathered = found.map_batches(values.gather, return_dtype=values.dtype, is_elementwise=True)
    beside = records.with_columns(row.alias("\0row")).with_columns(gathered.alias("\0ours")).unnest("\0ours")

    def shown(name: str) -> pl.Expr:
        value = pl.col(f"\0{name}")
        return (pl.when(found.is_not_null()).then(value).otherwise(name) if name in theirs else value).alias(name)

    return beside.with_columns(shown(name) for name in own)


def set_aside(table: Table, file: OpenedFile, key: str | None = None) -> pl.DataFrame:
    """Return a file's bad records as dead letters of stage extract; `key` is the column of their ids, where known."""
    columns = list(file.heading.columns)
    at = columns.index(key) if key in columns else len(columns)
    return dead_letters(
        [
            {"stage": "extract", "table": table.value, "line": bad.line, "column": bad.column, "code": bad.code,
             "reason": bad.reason, "record_id": (bad.cells[at].strip() or None) if at < len(bad.cells) else None}
            for bad in file.bad
        ]
    )  # fmt: skip


def _page(table: Table, records: pl.DataFrame, aside: pl.DataFrame, after: int, upto: int) -> Page:
    between = aside.filter(pl.col("line").is_between(after, upto, closed="right"))
    return Page(table=table, records=records, cursor=f"line:{upto}", set_aside=between)


def _line_of(cursor: str | None) -> int:
    kind, _, line = (cursor or "line:0").partition(":")
    if kind != "line" or not line.isdecimal():
        raise ConnectorError(f"'{cursor}' is not a cursor of a CSV file.", fix="Start again without a cursor.")
    return int(line)

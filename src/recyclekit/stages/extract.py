"""Stage 1 of 5. Read the system's records, page by page or as one scan; write nothing to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from recyclekit.connectors.protocols import CountsRecords, KnowsTidiness, Page, ScansColumns, Source
from recyclekit.errors import ConnectorError, RecyclekitError, RemoteError
from recyclekit.events import Listen, StageProgressed, silence
from recyclekit.models.snapshot import LINE, Extracted, dead_letters
from recyclekit.models.tables import Table

IN_MEMORY = 250_000
"""So many values of a table (records times columns) are held in memory; beyond them they go to files of that size."""
BARREN = 10_000
"""So many pages without a record may come one after another: some systems hand out ranges that hold nothing."""


def extract(
    source: Source,
    *,
    tables: Mapping[Table, Collection[str]],
    scratch: Path | None = None,
    listen: Listen = silence,
    run: str = "",
) -> Extracted:
    """Read the given columns of the given tables.

    Tables and columns that the source does not have are absent from the result. A source that scans columns hands
    over a lazy frame; any other is read page by page.

    Args:
        source: the reading door of a connector.
        tables: the system's columns wanted, per table.
        scratch: an existing or new folder for large tables, the caller's to remove; without one all stays in memory.
        listen: hears StageProgressed after each page.
        run: the run that events are told under.

    Raises:
        ConnectorError: the source breaks its contract on columns.
        RemoteError: the source turns in circles, or what its pages raise (sign-in, quota, …).
    """
    known = set(source.tables())
    records: dict[Table, pl.LazyFrame] = {}
    aside: list[pl.DataFrame] = []
    blank: dict[Table, Collection[str]] = {}
    tidy: dict[Table, Collection[str]] = {}
    counts: dict[Table, int] = {}
    for table, wanted in tables.items():
        if table not in known:
            continue
        if isinstance(source, ScansColumns):
            frame, lost = source.scan(table, wanted)
            records[table] = _chosen(table, frame, wanted)
            blank[table] = set(wanted) & set(source.columns(table)) - set(records[table].collect_schema())
            tidy[table] = source.tidy(table) if isinstance(source, KnowsTidiness) else ()
            counts[table] = source.count(table) if isinstance(source, CountsRecords) else 0
            aside.append(lost)
            continue
        shelf = _Shelf(table=table, wanted=wanted, scratch=scratch)
        for page in _forward(table, source.pages(table, None, wanted)):
            shelf.add(page)
            aside.append(page.set_aside)
            counts[table] = counts.get(table, 0) + page.records.height
            listen(StageProgressed(run=run, stage="extract", done=page.records.height))
        records[table] = shelf.frame()
    lost_records = pl.concat(aside) if any(a.height for a in aside) else dead_letters()
    return Extracted(records=records, set_aside=lost_records, blank=blank, tidy=tidy, counts=counts)


def _forward(table: Table, pages: Iterator[Page]) -> Iterator[Page]:
    """Hand the pages on, as long as they move forward.

    A page without records may repeat the cursor once: some systems end that way. A page of a single record may look
    like the one before it; a longer one may not look like any other.
    """
    cursors: set[str] = set()
    contents: dict[int, int] = {}
    previous: str | None = None
    idle, barren = 0, 0
    for page in pages:
        empty = page.records.is_empty()
        idle = idle + 1 if empty and page.cursor == previous else 0
        barren = barren + 1 if empty else 0
        if barren > BARREN:
            raise _circling(table, f"it gave {barren:,} pages without a record one after another")
        if page.cursor in cursors and (idle != 1 or not empty):
            raise _circling(table, f"it gave the cursor '{page.cursor[:40]}' again")
        seen = 0 if empty else _content(page)
        contents[seen] = contents.get(seen, 0) + 1
        if not empty and contents[seen] > (1 if page.records.height > 1 else 3):
            raise _circling(table, f"it gave the same {page.records.height} records again under another cursor")
        cursors.add(page.cursor)
        previous = page.cursor
        yield page


def _content(page: Page) -> int:
    columns = [name for name in page.records.columns if name != LINE]
    return hash(tuple(page.records.select(columns).hash_rows())) if columns else hash(page.cursor)


def _circling(table: Table, what: str) -> RemoteError:
    return RemoteError(
        f"Reading {table} does not come to an end.",
        why=f"The source turns in circles: {what}.",
        fix="Nothing was written. If it happens again, report it to the connector's author.",
    )


def _chosen(table: Table, frame: pl.LazyFrame, wanted: Collection[str]) -> pl.LazyFrame:
    """Return the wanted columns that are there, with the line, after checking that they are what was promised."""
    schema = frame.collect_schema()
    columns = [name for name in schema if name in set(wanted)]
    wrong = {name: schema[name] for name in columns if schema[name] != pl.String}
    if schema.get(LINE) != pl.UInt64:
        wrong[LINE] = schema.get(LINE, pl.Null())
    if wrong:
        told = ", ".join(f"'{name}' is {dtype}" for name, dtype in wrong.items())
        raise ConnectorError(
            f"The source's {table} are not in the promised form.",
            why=f"All columns must be String and '{LINE}' UInt64, but {told}.",
            fix="This is the connector's fault; report it to its author.",
        )
    return frame.select(LINE, *columns)


@dataclass(slots=True, kw_only=True)
class _Shelf:
    """Takes pages of one table; lays them down in files once they are too many for memory."""

    table: Table
    wanted: Collection[str]
    scratch: Path | None
    held: list[pl.DataFrame] = field(default_factory=list)
    parts: list[Path] = field(default_factory=list)
    values: int = 0
    last_line: int = 0

    def add(self, page: Page) -> None:
        records = _chosen(self.table, page.records.lazy(), self.wanted).collect()
        self.held.append(self._numbered_on(records))
        self.values += records.height * records.width
        if self.scratch is not None and self.values >= IN_MEMORY:
            self._lay_down(self.scratch)

    def frame(self) -> pl.LazyFrame:
        """Return all records, in the order in which they came."""
        if self.parts and self.held and self.scratch is not None:
            self._lay_down(self.scratch)
        if self.parts:
            return pl.concat([pl.scan_ipc(part) for part in self.parts], how="diagonal")
        if not self.held:
            schema = {LINE: pl.UInt64(), **dict.fromkeys(self.wanted, pl.String())}
            return pl.LazyFrame(schema=schema)
        return pl.concat(self.held, how="diagonal").lazy()

    def _numbered_on(self, records: pl.DataFrame) -> pl.DataFrame:
        """Let lines grow over pages, where a source counts them anew on each."""
        first = records[LINE].min()
        if isinstance(first, int) and first <= self.last_line:
            records = records.with_columns(pl.col(LINE) + self.last_line)
        highest = records[LINE].max()
        self.last_line = highest if isinstance(highest, int) else self.last_line
        return records

    def _lay_down(self, scratch: Path) -> None:
        part = scratch / f"{self.table}-{len(self.parts):05d}.arrow"
        try:
            scratch.mkdir(mode=0o700, parents=True, exist_ok=True)  # it lies among everybody's temporary files
            pl.concat(self.held, how="diagonal").write_ipc(part, compression="lz4")
        except (OSError, pl.exceptions.PolarsError) as fault:
            raise RecyclekitError(
                f"The {self.table} that were read cannot be kept in {scratch}.",
                why=str(fault),
                fix="Make room there, or choose another folder; nothing was written to the system.",
            ) from fault
        self.parts.append(part)
        self.held, self.values = [], 0

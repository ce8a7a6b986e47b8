"""The writing door of CSV files: fields, tasks and enrolments go to our own tables; the input is never touched."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from recyclekit.connectors.csv.edits import Edits
from recyclekit.connectors.csv.opened import Identity, OpenedFile
from recyclekit.connectors.csv.own_tables import COLUMNS, OwnTables
from recyclekit.connectors.csv.settings import CsvSettings
from recyclekit.connectors.csv.source import CsvSource
from recyclekit.errors import ConnectorError, RecyclekitError
from recyclekit.faultpoint import faultpoint
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import OWN_FIELDS, Table

_SPACE = 50 << 20  # bytes that should be free beyond twice what our tables take
_KEPT = 512 << 20  # bytes of a file up to which it is kept in memory between batches


class CsvSink:
    """Sink, ReadsBack, FindsByKey, Undoes and Erases over files: a stand-in for a whole CRM."""

    def __init__(self, settings: CsvSettings, folder: Path) -> None:
        self._settings = settings
        self._source = CsvSource(settings, folder)
        self._own = OwnTables(settings.own_folder(folder))
        self._kept: dict[Table, tuple[Identity, frozenset[str], pl.DataFrame]] = {}

    @property
    def batch_size(self) -> int:
        return self._settings.batch_size

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        return math.ceil(sum(kinds.values()) / self.batch_size)

    # -- before the first write

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        checks: list[Callable[[], Finding | None]] = [self._writable, self._space, self._readable]
        if ActionKind.SET_FIELDS in kinds:
            checks.append(self._joinable)
        return [finding for check in checks if (finding := check()) is not None]

    def _writable(self) -> Finding | None:
        folder = self._own.folder
        there = folder if folder.exists() else folder.parent
        if not there.exists():
            return Finding(level="error", where=str(folder), what=f"There is no folder {there}.", fix="Create it.")
        if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
            return None
        return Finding(level="error", where=str(folder), what="The folder cannot be written.", fix="Check permissions.")

    def _space(self) -> Finding | None:
        folder = self._own.folder
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        taken = sum(path.stat().st_size for name in COLUMNS if (path := self._own.path(name)).exists())
        free = shutil.disk_usage(there).free
        if free >= 2 * taken + _SPACE:
            return None
        what = f"Only {free >> 20} MB are free on its disk."
        return Finding(level="error", where=str(folder), what=what, fix="Free some space.")

    def _readable(self) -> Finding | None:
        try:
            self._source.opened(Table.DEALS)
            for name in COLUMNS:
                self._own.table(name)
        except RecyclekitError as error:
            return Finding(level="error", where="csv", what=" ".join((error.what, error.why)), fix=error.fix)
        return None

    def _joinable(self) -> Finding | None:
        try:
            column = self._source.deal_id_column()
        except RecyclekitError:
            return None  # the file cannot be read, which is said already
        if column is not None:
            return None
        what = "No column is known as the deal's id, so what is written would not be seen on the deals."
        return Finding(level="error", where="deals", what=what, fix="Map deal_id, or set `deal_id`.")

    # -- writing

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        """Write a batch: all of it or, where an error is raised, none. Accepts every kind of action."""
        if len(actions) > self.batch_size:
            raise ConnectorError(f"A batch holds at most {self.batch_size} actions, not {len(actions)}.")
        if not actions:
            return []
        faultpoint("csv.write")
        with self._own.alone():
            edits = Edits(self._own)
            receipts = edits.apply(actions)
            self._own.replace(edits.changed())
        faultpoint("csv.write_ended")
        return receipts

    def undo(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self.write(actions)

    def find(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return Edits(self._own).find(actions)

    def erase(self, deals: Collection[str]) -> int:
        """Remove the rows of these deals from our own tables, with the columns kept beside them."""
        if not self._own.folder.is_dir():
            return 0
        asked = pl.Series(list(deals), dtype=pl.String).implode()
        theirs = pl.col("deal_id").is_in(asked).fill_null(value=False)
        with self._own.alone():
            tables = {name: self._own.table(name) for name in COLUMNS}
            kept = {name: table.filter(~theirs) for name, table in tables.items()}
            gone = {name: table.height - kept[name].height for name, table in tables.items()}
            self._own.replace({name: kept[name] for name, rows in gone.items() if rows})
        return sum(gone.values())

    # -- reading back

    def read_back(
        self, deal_ids: Sequence[str], columns: Mapping[Table, Collection[str]]
    ) -> Mapping[Table, pl.DataFrame]:
        """Return the deals asked for; of other tables all records, since only the field map knows what joins them."""
        here = {table: wanted for table, wanted in columns.items() if table in self._source.tables()}
        return {
            table: self._deals(deal_ids, wanted) if table is Table.DEALS else self._all(table, wanted)
            for table, wanted in here.items()
        }

    def _deals(self, deal_ids: Sequence[str], columns: Collection[str]) -> pl.DataFrame:
        key = self._source.deal_id_column()
        if key is None:
            raise ConnectorError("Deals cannot be read back.", why="Their id's column is unknown.", fix="Map deal_id.")
        theirs = [column for column in columns if column not in OWN_FIELDS]
        file = self._source.opened(Table.DEALS)
        own_in_file = [column for column in columns if column in OWN_FIELDS and column in file.heading.columns]
        wanted = pl.Series("\0asked", list(deal_ids), pl.String).unique()
        id_text = pl.col(key).str.strip_chars()
        records = self._records(Table.DEALS, file, frozenset([*theirs, *own_in_file, key]))
        found = records.filter(id_text.is_in(wanted.implode()))
        return self._source.with_own_fields(found, columns).collect()

    def _all(self, table: Table, columns: Collection[str]) -> pl.DataFrame:
        file = self._source.opened(table)
        return self._records(table, file, frozenset(columns)).select("_line", *dict.fromkeys(columns)).collect()

    def _records(self, table: Table, file: OpenedFile, columns: frozenset[str]) -> pl.LazyFrame:
        """Return a file's records, from memory while the file has not changed: a run asks once a batch."""
        if file.identity[1] > _KEPT:
            return file.scan(columns)
        kept = self._kept.get(table)
        if kept is None or kept[0] != file.identity or not columns <= kept[1]:
            both = columns | kept[1] if kept is not None and kept[0] == file.identity else columns
            self._kept[table] = kept = (file.identity, both, file.scan(both).collect())
        return kept[2].lazy()

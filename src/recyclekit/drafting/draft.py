"""A draft of a connection: files, field map, stages and reasons, with what bears them out and what is left to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from recyclekit.drafting.exports import Export, read_export
from recyclekit.drafting.joins import joined
from recyclekit.drafting.matching import Columns, read_columns, tables_of
from recyclekit.drafting.picklist import Value, picklist_of
from recyclekit.drafting.stages import Stages, stages_of, with_state
from recyclekit.errors import ConfigError, InputError
from recyclekit.models.tables import Table
from recyclekit.yaml_file import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftedTable:
    """What one table is read from; `told` says which headings were tried in vain."""

    table: Table
    export: Export
    columns: Columns
    told: tuple[str, ...] = ()

    def used(self) -> str:
        """Return how much of the file is read, in words."""
        headings = len(self.export.headings) + len(self.export.unclear)
        return f"{self.export.told_rows()}; {len(self.columns)} of {headings} columns used"

    @property
    def unused(self) -> list[str]:
        """The headings from which nothing is read, as they follow in the file."""
        used = {one.heading for one in self.columns.values()}
        return [one for one in (*self.export.headings, *self.export.unclear) if one not in used]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """All that was found; `others` are files that are not read, each with why. Deals may be missing."""

    tables: Mapping[Table, DraftedTable]
    stages: Stages = field(default_factory=Stages)
    reasons: Sequence[Value] = ()
    others: Mapping[str, str] = field(default_factory=dict)


def draft(
    folder: Path,
    paths: Sequence[Path],
    zone: ZoneInfo,
    *,
    named: Mapping[Path, Table] | None = None,
    dialect: Mapping[str, str] | None = None,
    needed: bool = False,
) -> Draft:
    """Draft a connection from exports.

    Args:
        folder: where the project file will be.
        paths: the exports.
        zone: the business zone.
        named: which table an export holds, where a person said so.
        dialect: encoding, separator and quote of all files, where a person said so.
        needed: whether one that cannot be read is an error, and not just told.

    Raises:
        InputError: an export that is needed cannot be read.
    """
    exports, others = _read(folder, paths, dialect or {}, needed=needed)
    by_path = {exports[path].path: table for path, table in (named or {}).items() if path in exports}
    found = tables_of(list(exports.values()), by_path)
    if Table.DEALS not in found and (sole := [one for one in exports.values() if len(exports) == 1 and not by_path]):
        found = {Table.DEALS: sole}
    taken = {table: listed[0] for table, listed in found.items()}
    files, told = {}, {}
    for table, export in taken.items():
        columns, told[table] = read_columns(table, export, zone)
        files[table] = (export, with_state(columns, export) if table is Table.DEALS else columns)
    columns_by_table = joined(files)
    tables = {
        table: DraftedTable(table=table, export=export, columns=columns_by_table[table], told=tuple(told[table]))
        for table, export in taken.items()
    }
    for table, listed in found.items():
        others |= {one.path: f"holds {table} too; a table is read from one file" for one in listed[1:]}
    kept = {export.path for export in taken.values()}
    nothing = "nothing in its headings says what it lists"
    others |= {e.path: nothing for e in exports.values() if e.path not in kept and e.path not in others}
    deals = tables.get(Table.DEALS)
    if deals is None:
        return Draft(tables=tables, others=others)
    stages = stages_of(deals.columns, deals.export)
    reasons = picklist_of(deals.columns, deals.export, stages)
    return Draft(tables=tables, stages=stages, reasons=reasons, others=others)


def named_tables(exports: Sequence[str]) -> list[tuple[Path, Table | None]]:
    """Return the files that a person named, as FILE or TABLE=FILE, with the table that they say it holds.

    Raises:
        ConfigError: there is no such table.
    """
    found: list[tuple[Path, Table | None]] = []
    for said in exports:
        name, equals, path = said.partition("=")
        if not equals or Path(said).is_file():
            found.append((Path(said), None))
        elif name in set(Table):
            found.append((Path(path), Table(name)))
        else:
            near = did_you_mean(name, list(Table))
            raise ConfigError(f"There is no table {name!r}{near}.", why=f"There are: {', '.join(Table)}.")
    return found


def _read(
    folder: Path, paths: Sequence[Path], dialect: Mapping[str, str], *, needed: bool
) -> tuple[dict[Path, Export], dict[str, str]]:
    exports, others = {}, {}
    for path in paths:
        try:
            exports[path] = read_export(path, folder, dialect)
        except InputError as error:
            if needed:
                raise
            others[path.name] = error.what
    return exports, others

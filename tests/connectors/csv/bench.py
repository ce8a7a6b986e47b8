"""A bench for the CSV connector: the files, and what people and disks do to them."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from recyclekit.connectors import FULL, Level, Support
from recyclekit.errors import InDoubtError
from recyclekit.models.plan import Action
from recyclekit.models.tables import OWN_FIELDS, SCHEMAS, Table
from recyclekit.testing import Record, Trouble

HEADINGS = {table: [c for c in SCHEMAS[table].column_names() if c not in OWN_FIELDS] for table in Table}
ID = {Table.DEALS: "deal_id", Table.CONTACTS: "contact_id", Table.ACCOUNTS: "account_id"}
NEVER = {
    Trouble.THROTTLED: "A file has no limit of calls.",
    Trouble.QUOTA: "A file has no quota.",
    Trouble.SIGNED_OUT: "Nobody signs in to a file.",
    Trouble.FORBIDDEN: "What may be written is the operating system's to say; preflight does.",
    Trouble.CUT_OFF: "A file does not say how long it should be.",
    Trouble.CIRCLING: "A file has one end.",
    Trouble.LYING: "The operating system's word is all there is.",
}


@dataclass
class CsvBench:
    """Every table a file with our own names as headings; pages are as small as the test made them."""

    folder: Path
    page_size: int
    owner: str = "u-7"
    track: str = "newsletter"
    written: int = 0
    losing: int = 0
    down: int = 0

    def __post_init__(self) -> None:
        for table in Table:
            self._write(table, [])

    # -- records ---------------------------------------------------------------------------------------------------

    def seedable(self) -> Collection[Table]:
        return tuple(Table)

    def seed(self, table: Table, records: Sequence[Record]) -> Sequence[str]:
        rows = self._rows(table)
        ids = [f"{table[0].upper()}-{len(rows) + n:05d}" for n in range(len(records))]
        own = [{ID[table]: id_} if table in ID else {} for id_ in ids]
        new = [{**{k: _cell(v) for k, v in r.items()}, **o} for r, o in zip(records, own, strict=True)]
        self._write(table, [*rows, *new])
        return ids

    def edit(self, deal_id: str, values: Record) -> None:
        ours = {name: _cell(value) for name, value in values.items() if name in OWN_FIELDS}
        theirs = {name: _cell(value) for name, value in values.items() if name not in OWN_FIELDS}
        if theirs:
            self._change(Table.DEALS, deal_id, theirs)
        if ours:
            self._change_own("fields", "deal_id", deal_id, ours)

    def delete(self, deal_id: str) -> None:
        self._write(Table.DEALS, [row for row in self._rows(Table.DEALS) if row["deal_id"] != deal_id])

    def finish(self, deal_id: str, key: str) -> None:
        self._change_own("tasks", "key", key, {"status": "done"})

    def opt_out(self, contact_id: str) -> None:
        self._change(Table.CONTACTS, contact_id, {"opted_out": "true"})

    # -- what stands there -----------------------------------------------------------------------------------------

    def fields(self, deal_id: str) -> Mapping[str, str | None]:
        row = next((row for row in self._own("fields") if row["deal_id"] == deal_id), {})
        return {name: row.get(name) or None for name in OWN_FIELDS}

    def tasks(self, deal_id: str) -> Sequence[str]:
        return [row["key"] for row in self._own("tasks") if row["deal_id"] == deal_id]

    def task(self, deal_id: str, key: str) -> Record:
        row = next(row for row in self._own("tasks") if row["key"] == key)
        return {"due_on": date.fromisoformat(row["due_on"]), "owner": row["owner"]}

    def enrolments(self, deal_id: str) -> int:
        return sum(row["deal_id"] == deal_id for row in self._own("enrolments"))

    def calls(self) -> int:
        return self.written

    # -- trouble ---------------------------------------------------------------------------------------------------

    def troubles(self) -> Mapping[Trouble, Support]:
        never = {trouble: Support(Level.NEVER, reason) for trouble, reason in NEVER.items()}
        return {**dict.fromkeys(Trouble, FULL), **never}

    def hurt(self, trouble: Trouble, *, times: int | None = 1, wait: float | None = None) -> None:
        if trouble is Trouble.UNREADABLE:
            with (self.folder / "deals.csv").open("a", encoding="utf-8") as file:
                file.write('D-broken,"one","cell","too","few"\n')
        elif trouble is Trouble.DOWN:
            self.down = times or 10**9
        elif trouble is Trouble.LOST_ANSWER:
            self.losing = times or 10**9

    def heal(self) -> None:
        self.down = self.losing = 0

    def refused(self, action: Action) -> Action:
        return replace(action, payload={**action.payload, "recycle_nonsense": "x"})

    def lack(self) -> str:
        path = self.folder / "deals.csv"
        path.write_text(path.read_text(encoding="utf-8").replace("deal_id", "number", 1), encoding="utf-8")
        return "deal_id"

    def at_faultpoint(self, name: str) -> None:
        """Count batches, and lose an answer after the batch was written."""
        self.written += name == "csv.write"
        if name == "csv.write_ended" and self.losing > 0:
            self.losing -= 1
            raise InDoubtError("The process was cut off before it could answer.")

    def fsync(self, _number: int) -> None:
        """Stand in for os.fsync: a disk that fails now and then."""
        if self.down > 0:
            self.down -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    # -- files -----------------------------------------------------------------------------------------------------

    def _rows(self, table: Table) -> list[dict[str, str]]:
        return _read(self.folder / f"{table}.csv")

    def _write(self, table: Table, rows: Sequence[Mapping[str, str]]) -> None:
        _save(self.folder / f"{table}.csv", HEADINGS[table], rows)

    def _change(self, table: Table, id_: str, values: Mapping[str, str]) -> None:
        rows = self._rows(table)
        self._write(table, [{**row, **values} if row[ID[table]] == id_ else row for row in rows])

    def _own(self, name: str) -> list[dict[str, str]]:
        path = self.folder / "deals.recyclekit" / f"{name}.csv"
        return _read(path) if path.exists() else []

    def _change_own(self, name: str, column: str, id_: str, values: Mapping[str, str]) -> None:
        rows = self._own(name)
        path = self.folder / "deals.recyclekit" / f"{name}.csv"
        _save(path, list(rows[0]), [{**row, **values} if row[column] == id_ else row for row in rows])


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _save(path: Path, headings: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, headings, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _cell(value: object) -> str:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)

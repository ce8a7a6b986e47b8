"""The demo's invented company as rows of the canonical tables, for any sandbox to load."""

from __future__ import annotations

import csv
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from recyclekit.models.tables import SCHEMAS, Table
from recyclekit.samples import company
from recyclekit.samples.generator import SEED, generate
from recyclekit.samples.template import DEMO_FIELDS

ZONE = ZoneInfo("Asia/Tokyo")
"""Where the invented company is at home: its export has local times."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Rows by canonical column names, with Python's own dates, moments, numbers and booleans; absent where empty."""

    deals: list[Row]
    contacts: list[Row]
    accounts: list[Row]
    activities: list[Row]
    signals: list[Row]


def demo_company(*, deals: int = 2400, seed: int = SEED, as_of: date) -> Company:
    """Return the company that `recyclekit demo` invents, without the rows that its export has wrong."""
    with tempfile.TemporaryDirectory(prefix="recyclekit-sandbox-") as folder:
        sample = generate(Path(folder), deals=deals, seed=seed, as_of=as_of, bad_rows=0)
        tables = {table: list(_rows(Path(folder) / name, table)) for table, name in sample.files.items()}
    for row in tables[Table.DEALS]:
        row["crm_state"] = _state(str(row["deal_stage"]))
    return Company(
        deals=tables[Table.DEALS],
        contacts=tables[Table.CONTACTS],
        accounts=tables[Table.ACCOUNTS],
        activities=tables[Table.ACTIVITIES],
        signals=tables[Table.SIGNALS],
    )


def _rows(path: Path, table: Table) -> Iterator[Row]:
    specs = {name: spec if isinstance(spec, Mapping) else {"column": spec} for name, spec in DEMO_FIELDS[table].items()}
    readers = {name: _reader(table, name, spec) for name, spec in specs.items()}
    with path.open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            cells = {name: record[str(spec["column"])] for name, spec in specs.items()}
            yield {name: readers[name](cell) for name, cell in cells.items() if cell}


def _reader(table: Table, name: str, spec: Mapping[str, Any]) -> Callable[[str], Any]:
    """Return what turns a cell into the value of a column."""
    dtype, written = SCHEMAS[table].columns()[name].dtype, str(spec.get("format") or "")
    if "values" in spec:
        return lambda cell: spec["values"][cell]
    kind = str(dtype)
    if kind.startswith("Datetime"):
        return lambda cell: datetime.strptime(cell, written).replace(tzinfo=ZONE).astimezone(UTC)
    if kind == "Date":
        return lambda cell: datetime.strptime(cell, written).replace(tzinfo=ZONE).date()
    if kind.startswith("Float"):
        return lambda cell: float(unicodedata.normalize("NFKC", cell).strip("¥").replace(",", ""))
    if kind.startswith("Int"):
        return int
    return (lambda cell: cell == "true") if kind == "Boolean" else str


def _state(stage: str) -> str:
    return "won" if stage in company.WON_STAGES else "lost" if stage in company.LOST_STAGES else "open"

"""Write the invented company's CRM export as CSV files: the same bytes for the same seed and date, on any machine."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

from recyclekit.models.tables import Table
from recyclekit.samples import company
from recyclekit.samples.deals import deal_row
from recyclekit.samples.dirt import bad_deal_rows
from recyclekit.samples.lives import live
from recyclekit.samples.market import build_accounts, deal_out
from recyclekit.samples.traces import activity_rows, history_rows, signal_rows

SEED = 20261122
_COLUMNS: Mapping[Table, tuple[str, ...]] = {
    Table.DEALS: company.DEAL_COLUMNS,
    Table.ACTIVITIES: company.ACTIVITY_COLUMNS,
    Table.CONTACTS: company.CONTACT_COLUMNS,
    Table.ACCOUNTS: company.ACCOUNT_COLUMNS,
    Table.SIGNALS: company.SIGNAL_COLUMNS,
    Table.HISTORY: company.HISTORY_COLUMNS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleProject:
    """What was written. `rows` counts data rows per table, the bad ones included."""

    folder: Path
    as_of: date
    seed: int
    deals: int
    bad_rows: int
    rows: Mapping[Table, int]

    @property
    def files(self) -> dict[Table, str]:
        """The file name of each table, relative to the folder."""
        return {table: f"{table}.csv" for table in self.rows}


def generate(folder: Path, *, deals: int = 2400, seed: int = SEED, as_of: date, bad_rows: int = 6) -> SampleProject:
    """Write deals.csv and its five companions into a folder, made where needed; files of those names are replaced.

    Args:
        folder: where the files go.
        deals: how many good deals.
        seed: same seed, same bytes.
        as_of: the day of the export; every date is relative to it.
        bad_rows: how many faulty rows to put between the good ones of deals.csv.
    """
    rng = Random(seed)  # noqa: S311  # invented data, no secret
    tables = _tables(rng, deals, as_of)
    tables[Table.DEALS] = _spread(tables[Table.DEALS], bad_deal_rows(tables[Table.DEALS], bad_rows))
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in tables.items():
        _write(folder / f"{table}.csv", _COLUMNS[table], rows)
    return SampleProject(
        folder=folder,
        as_of=as_of,
        seed=seed,
        deals=deals,
        bad_rows=bad_rows,
        rows={table: len(rows) for table, rows in tables.items()},
    )


def _tables(rng: Random, deals: int, as_of: date) -> dict[Table, list[tuple[str, ...]]]:
    accounts, account_rows, contact_rows = build_accounts(rng, max(1, deals * 9 // 10), as_of)
    lives = [
        live(rng, f"D-{number:05d}", account, contact, as_of)
        for number, (account, contact) in enumerate(deal_out(rng, accounts, deals), 1)
    ]
    return {
        Table.DEALS: [deal_row(rng, life, as_of) for life in lives],
        Table.ACTIVITIES: [row for life in lives for row in activity_rows(rng, life, as_of)],
        Table.CONTACTS: contact_rows,
        Table.ACCOUNTS: account_rows,
        Table.SIGNALS: [row for life in lives for row in signal_rows(rng, life, as_of)],
        Table.HISTORY: [row for life in lives for row in history_rows(rng, life)],
    }


def _spread(good: Sequence[tuple[str, ...]], bad: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Put the bad rows between the good ones, evenly: a repeated id always after the row that it repeats."""
    rows = list(good)
    for n, row in enumerate(bad, 1):
        rows.insert(len(rows) - (n - 1) * (len(good) // (4 * len(bad) or 1)), row)
    return rows


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)

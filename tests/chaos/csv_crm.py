"""The CSV connector as the CRM of a chaos world: what stands in its own tables is what everyone can see."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from recyclekit.connectors.csv.own_tables import FIELDS, TASKS, OwnTables
from recyclekit.connectors.csv.settings import CsvSettings
from recyclekit.connectors.csv.sink import CsvSink
from recyclekit.models.tables import Table
from tests.chaos.crm import fingerprint
from tests.chaos.work import World

DEALS = 40


class CsvCrm(CsvSink):
    """The sink, and what a chaos test asks of a CRM besides."""

    def __init__(self, folder: Path) -> None:
        deals = folder / "deals.csv"
        if not deals.exists():
            deals.write_text("deal_id,stage\n" + "".join(f"D{n},\n" for n in range(DEALS)), encoding="utf-8")
        settings = CsvSettings(deals=Path("deals.csv"), deal_id="deal_id", batch_size=3)
        super().__init__(settings, folder)
        self.tables = OwnTables(settings.own_folder(folder))

    def effects(self) -> Counter[str]:
        """Return how often each key stands in the tables."""
        keys = [key for row in self.tables.table(FIELDS)["keys"] for key in json.loads(row)]
        return Counter(keys + self.tables.table(TASKS)["key"].to_list())

    def fields(self, deal: str) -> dict[str, object]:
        """Return our own fields of a deal."""
        rows = self.tables.table(FIELDS).filter(deal_id=deal).drop("deal_id", "keys").to_dicts()
        return rows[0] if rows else {}

    def reread(self, deals: Sequence[str]) -> pl.DataFrame:
        columns = {Table.DEALS: ["deal_id", "stage", "recycle_track", "recycle_next_on"]}
        found = self.read_back(deals, columns)[Table.DEALS]
        return found.select(
            "deal_id", pl.lit(fingerprint(None)).alias("fingerprint"), "recycle_track", "recycle_next_on"
        )


class CsvWorld(World):
    """A world whose CRM is a folder of CSV files."""

    def __post_init__(self) -> None:
        self.crm = CsvCrm(self.folder)  # type: ignore[assignment]  # all that a world asks of its CRM
        self.open()

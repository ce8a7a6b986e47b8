"""A shelf: tables that are too much for memory, in files that nobody else on the machine can read."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recyclekit.models.shelf import Shelf


def test_tables_come_back_as_they_were_from_a_folder_that_is_ours_alone(tmp_path: Path) -> None:
    table = pl.DataFrame({"deal_id": ["D1", "D2"], "lost_note": ["said in confidence", None]})
    folder = tmp_path / "scratch"

    laid = Shelf(size=1, folder=folder).put("deals", table)

    assert laid.collect().equals(table)
    assert folder.stat().st_mode & 0o077 == 0

"""What is kept of plans beside the ledger: a person's name goes out of it, wherever sales had written it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recyclekit.housekeeping import state_files
from recyclekit.models.decision import SCHEDULED
from recyclekit.models.snapshot import DEAD_LETTERS
from recyclekit.models.tombstone import Tombstones

NAME = "山田 花子"


def kept(state: Path, run: str, table: str, frame: pl.DataFrame, schema: Mapping[str, Any]) -> Path:
    plans = state / state_files.PLANS
    plans.mkdir(exist_ok=True)
    (plans / f"{run}.json").write_text("{}", encoding="utf-8")
    file = plans / f"{run}.{table}.parquet"
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    frame.with_columns(absent).select(list(schema)).write_parquet(file)
    return file


def test_a_name_goes_out_of_hooks_that_sales_wrote_on_other_peoples_deals(tmp_path: Path) -> None:
    hooks = [f"ask {NAME} about the tender", "the new module", None]
    rows = {"deal_id": ["D1", "D2", "D3"], "hook": hooks}
    file = kept(tmp_path, "r1", "decisions", pl.DataFrame(rows), SCHEDULED)

    changed = state_files.erase(tmp_path, Tombstones(), [NAME])

    assert changed["plans"] == 1
    assert pl.read_parquet(file)["hook"].to_list() == ["ask <erased> about the tender", "the new module", None]
    assert state_files.erase(tmp_path, Tombstones(), [NAME])["plans"] == 0


def test_a_plan_goes_whole_whose_dead_letters_show_the_name(tmp_path: Path) -> None:
    letters = {"table": ["deals"], "record_id": ["D2"], "reason": [f"'{NAME}' is not a date"]}
    kept(tmp_path, "r1", "dead_letters", pl.DataFrame(letters), DEAD_LETTERS)
    letters["reason"] = ["'tomorrow' is not a date"]
    kept(tmp_path, "r2", "dead_letters", pl.DataFrame(letters), DEAD_LETTERS)

    state_files.erase(tmp_path, Tombstones(), [NAME])

    left = sorted(path.name for path in (tmp_path / state_files.PLANS).iterdir())
    assert left == ["r2.dead_letters.parquet", "r2.json"]


def test_drafts_that_a_run_takes_away_meanwhile_hinder_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = tmp_path / "report.html"
    report.write_text(f"<p>{NAME}</p>", encoding="utf-8")
    seen = [tmp_path / ".report.html.1f.html", report]  # the first is gone when it is looked into
    monkeypatch.setattr(state_files, "_files", lambda folder: seen if folder == tmp_path else [])

    assert state_files.tidy(tmp_path, datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert state_files.erase(tmp_path, Tombstones(), [NAME])["reports"] == 1

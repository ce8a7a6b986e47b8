"""The big file of the benchmarks has the shape that the figures rest on."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from recyclekit.samples import bulk
from recyclekit.samples.bulk import BULK_COLUMNS, BULK_REASONS, generate_bulk

ROWS = 60_000


@pytest.fixture(scope="module")
def deals(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    path = generate_bulk(tmp_path_factory.mktemp("bulk") / "deals.csv", ROWS, seed=3)
    return pl.read_csv(path, infer_schema_length=0)


def test_it_has_26_columns_and_unique_ids(deals: pl.DataFrame) -> None:
    assert deals.columns == list(BULK_COLUMNS)
    assert len(BULK_COLUMNS) == 26
    assert deals["deal_id"].n_unique() == deals.height == ROWS


def test_45_percent_are_lost_and_55_percent_of_these_say_why_by_picklist(deals: pl.DataFrame) -> None:
    lost = deals.filter(pl.col("deal_stage") == "Closed Lost")
    picked = lost["lost_reason"].is_in(list(BULK_REASONS))
    assert lost.height / ROWS == pytest.approx(0.45, abs=0.01)
    assert picked.mean() == pytest.approx(0.55, abs=0.01)
    assert len(BULK_REASONS) == 25
    assert lost.filter(~picked)["lost_reason"].n_unique() > 0.9 * (~picked).sum()


def test_dates_are_iso_and_no_deal_is_closed_before_it_began(deals: pl.DataFrame) -> None:
    began, closed = deals["created_on"].str.to_date(strict=True), deals["closed_on"].str.to_date(strict=True)
    assert (began <= closed).all()
    last = deals["last_activity_at"].str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=True)
    assert 0 < last.null_count() < ROWS * 0.05


def test_accounts_are_a_sixth_and_owners_forty(deals: pl.DataFrame) -> None:
    assert deals["account_id"].n_unique() == pytest.approx(ROWS / 6, rel=0.02)
    assert deals["owner"].n_unique() == 40


def test_the_bytes_do_not_depend_on_how_the_rows_are_chunked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = generate_bulk(tmp_path / "whole.csv", 500, seed=9).read_bytes()
    monkeypatch.setattr(bulk, "CHUNK", 101)
    assert generate_bulk(tmp_path / "parts.csv", 500, seed=9).read_bytes() == whole
    assert generate_bulk(tmp_path / "other.csv", 500, seed=10).read_bytes() != whole


def test_later_millions_bring_texts_of_their_own() -> None:
    words, draw = bulk._Words(1), bulk._Draw(1)
    rows = pl.DataFrame({"i": [5, 1_000_005, 2_000_005]}, schema={"i": pl.UInt64})
    texts = rows.select(bulk._text(words, draw, "ja")).to_series().to_list()
    assert [text.endswith(end) for text, end in zip(texts, ("", " (2)", " (3)"), strict=True)] == [True] * 3

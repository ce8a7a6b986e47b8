"""Deals taken slice by slice: the same tables, decisions and plan as all at once, whatever the size of a slice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from recyclekit.errors import InputError
from recyclekit.models.shelf import Shelf
from recyclekit.models.snapshot import Snapshot
from tests.stages.records_by_hand import FIELDS, GOOD, read
from tests.stages.test_normalize_sums import DECLARED, MAPS, RECORD

SIZES = st.sampled_from([1, 2, 3, 7, 100])


def outcome(rows: list[dict[str, str | None]], fields: Mapping[str, Any], shelf: Shelf | None) -> Snapshot | str:
    try:
        return read(rows, fields=fields, shelf=shelf)
    except InputError as refused:
        return str(refused)


@settings(max_examples=80)
@given(st.lists(RECORD, max_size=40), MAPS, SIZES)
def test_records_are_read_the_same_slice_by_slice(rows: list[dict[str, str | None]], how: str, size: int) -> None:
    given_rows, fields = [dict(GOOD), *rows], DECLARED if how == "declared" else FIELDS
    whole, sliced = (outcome(given_rows, fields, shelf) for shelf in (None, Shelf(size=size)))
    if isinstance(whole, str) or isinstance(sliced, str):
        assert whole == sliced
        return
    assert_frame_equal(whole.deals, sliced.deals)
    assert_frame_equal(whole.dead_letters, sliced.dead_letters)
    assert (whole.extracted_deals, whole.findings, whole.readings) == (
        sliced.extracted_deals, sliced.findings, sliced.readings,
    )  # fmt: skip


def test_slices_that_lie_in_files_are_read_as_those_in_memory(tmp_path: Path) -> None:
    rows: list[dict[str, str | None]] = [
        {**GOOD, "Id": f"D{n % 30}", "Closed": "soon" if n == 7 else "2026-03-04"} for n in range(50)
    ]
    whole, sliced = read(rows), read(rows, shelf=Shelf(size=9, folder=tmp_path / "shelf"))
    assert_frame_equal(whole.deals, sliced.deals)
    assert_frame_equal(whole.dead_letters, sliced.dead_letters)
    assert isinstance(whole.deals, pl.DataFrame)

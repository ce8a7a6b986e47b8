"""Whatever single values hold, every record is accounted for, and the fast way means what the careful one means."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recyclekit.errors import AmbiguousError, InputError
from recyclekit.models.field_map import StageMap
from recyclekit.models.parsing.readers import Attempt, Reader
from recyclekit.models.snapshot import Snapshot
from recyclekit.stages import normalize as stage
from tests.stages.records_by_hand import FIELDS, GOOD, STAGES, read

DATES = [
    *("2026-01-02", "2026/03/04", "2026年5月6日", "２０２６-01-02", " 2026-01-02", "2026-02-30", "soon", "", None),
    *("9999-01-01", "2026-01-02T23:30:00Z", "2026-01-02 10:00", "31/01/2026", "22.01.2026 10:00", "Jan 5, 2026"),
    "令和8年1月2日",
]
NUMBERS = ["1000", "2500.75", "1,054", "¥300", " 12 ", "-5", "NaN", "inf", "lots", "", None, "12万円", "(5)"]
TEXTS = ["plain", " padded ", "two\nlines", "\x00", "", None, "Ｗｏｎ", "Won", "Lost", "\u3000"]
RECORD = st.fixed_dictionaries(
    {
        "Id": st.sampled_from(["D1", "D2", "D3", " D1", "D4", "D5", "", None, "D6", "D7"]),
        "Stage": st.sampled_from([*TEXTS, "Talking"]),
        "Amount": st.sampled_from(NUMBERS),
        "Created": st.sampled_from(DATES),
        "Closed": st.sampled_from(DATES),
        "Last": st.sampled_from(DATES),
        "Reason": st.sampled_from(TEXTS) | st.text(max_size=5),
        "Account": st.sampled_from(TEXTS),
    }
)
MAPS = st.sampled_from(["inferred", "declared"])
DECLARED = FIELDS | {
    "closed_on": {"column": "Closed", "format": ["iso", "%d/%m/%Y"]},
    "created_on": {"column": "Created", "format": "%Y-%m-%d"},
    "amount": {"column": "Amount", "format": "1,234.5"},
}


def outcome(rows: list[dict[str, str | None]], fields: dict[str, Any]) -> Snapshot | str:
    try:
        return read(rows, fields=fields)
    except InputError as refused:
        return str(refused)


def distinct_records(rows: list[dict[str, str | None]], snapshot: Snapshot) -> int:
    repeats = sum(int(finding.what.split()[0]) for finding in snapshot.findings if "repeat" in finding.what)
    return len(rows) - repeats


@settings(max_examples=80)
@given(st.lists(RECORD, max_size=40), MAPS)
def test_sums_close_whatever_the_records_hold(rows: list[dict[str, str | None]], how: str) -> None:
    snapshot = outcome(rows or [dict(GOOD)], DECLARED if how == "declared" else FIELDS)
    if isinstance(snapshot, str):
        return
    assert snapshot.deals.height + snapshot.dead_letters.height == snapshot.extracted_deals
    assert snapshot.extracted_deals == distinct_records(rows or [dict(GOOD)], snapshot)
    assert snapshot.deals["deal_id"].is_unique().all()
    assert snapshot.deals["deal_id"].null_count() + snapshot.deals["crm_state"].null_count() == 0
    lines = snapshot.dead_letters["line"].to_list()
    assert len(lines) == len(set(lines))
    assert all(snapshot.dead_letters["reason"].str.len_chars() > 0)


@settings(max_examples=40)
@given(st.lists(RECORD, min_size=1, max_size=30), MAPS, st.sampled_from([1, 5, 1000]))
def test_a_plan_that_tries_less_means_the_same(rows: list[dict[str, str | None]], how: str, sample: int) -> None:
    fields = DECLARED if how == "declared" else FIELDS
    whole = outcome(rows, fields)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "SAMPLE", sample)
        patch.setattr(Reader, "attempt", _no_attempt_but_for_text)
        careful = outcome(rows, fields)
    assert type(whole) is type(careful)
    if isinstance(whole, Snapshot) and isinstance(careful, Snapshot):
        assert whole.deals.equals(careful.deals)
        assert whole.dead_letters.equals(careful.dead_letters)
        assert whole.readings == careful.readings


_attempt = Reader.attempt


def _no_attempt_but_for_text(self: Reader, sample: Any, *, is_tidy: bool = False) -> Attempt | None:
    return _attempt(self, sample, is_tidy=is_tidy) if self.choose is None and self.column.dtype == pl.String else None


@settings(max_examples=40)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=60))
def test_good_records_keep_their_order_and_bad_ones_their_lines(marks: list[int]) -> None:
    rows = [
        {**GOOD, "Id": f"D{n}", "Closed": "nonsense" if mark == 0 else "2026-03-04"} for n, mark in enumerate(marks)
    ]
    rows = [{**row, "Reason": " padded"} if mark == 1 else row for row, mark in zip(rows, marks, strict=True)]
    snapshot = outcome([*rows, {**GOOD, "Id": "end"}], FIELDS)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.deals["deal_id"].to_list() == [f"D{n}" for n, mark in enumerate(marks) if mark] + ["end"]
    assert snapshot.dead_letters["line"].to_list() == [n + 2 for n, mark in enumerate(marks) if not mark]


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["Won", "Ｗｏｎ", " Lost", "Talking", "", None, "won"]), min_size=1, max_size=30))
def test_each_stage_has_one_meaning_wherever_it_stands(stages: list[str | None]) -> None:
    rows = [{**GOOD, "Id": f"D{n}", "Stage": name} for n, name in enumerate(stages)]
    snapshot = read(rows, stages=StageMap(won=STAGES.won, lost=STAGES.lost, open=("Talking",)))
    meaning = {"Won": "won", "Ｗｏｎ": "won", " Lost": "lost", "Talking": "open"}
    expected = Counter(meaning[name] for name in stages if name in meaning)
    assert Counter(snapshot.deals["crm_state"].to_list()) == expected
    codes = Counter(snapshot.dead_letters["code"].to_list())
    assert codes == Counter("unknown_stage" if name else "no_stage" for name in stages if name not in meaning)


def test_a_doubtful_column_stops_the_run_rather_than_losing_records() -> None:
    with pytest.raises(AmbiguousError):
        read([{**GOOD, "Closed": "03/04/2026"}])

"""The drift check: who changed since the plan, and who only looks as if, because we wrote there ourselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from recyclekit.models.drift import as_text, drifted
from recyclekit.models.plan import Action, ActionKind

FIELDS = Action(
    key="main:D1:1:fields:r1",
    kind=ActionKind.SET_FIELDS,
    deal_id="D1",
    cycle=1,
    step="first",
    payload={"recycle_next_on": "2026-01-05", "recycle_cycle": 1, "recycle_hook": None},
    before={"recycle_next_on": None, "recycle_cycle": None, "recycle_hook": "", "recycle_owner": "is-1"},
    fingerprint="f",
)
TASK = replace(FIELDS, key="main:D1:1:first", kind=ActionKind.CREATE_TASK, payload={}, before=None)


def now(
    fingerprint: str = "f", next_on: date | None = None, cycle: int | None = None, owner: str = "is-1"
) -> pl.DataFrame:
    deal = {
        "deal_id": "D1", "fingerprint": fingerprint, "recycle_next_on": next_on, "recycle_cycle": cycle,
        "recycle_hook": None, "recycle_owner": owner,
    }  # fmt: skip
    types = {"recycle_next_on": pl.Date, "recycle_cycle": pl.Int16, "recycle_hook": pl.String}
    return pl.DataFrame([deal], schema_overrides=types)


def why(*actions: Action, deals: pl.DataFrame) -> list[tuple[str, str]]:
    found = drifted(actions, deals)
    return [(r.key.rpartition(":")[2], r.reason.removeprefix("changed since the plan: ")) for r in found]


def test_an_unchanged_deal_is_written() -> None:
    assert why(FIELDS, TASK, deals=now()) == []


def test_a_changed_fingerprint_skips_all_actions_of_the_deal() -> None:
    found = why(FIELDS, TASK, deals=now("g"))
    assert found == [("r1", "what its decision rests on"), ("first", "what its decision rests on")]


def test_a_deal_that_is_gone_is_skipped() -> None:
    assert why(FIELDS, deals=now().clear()) == [("r1", "the deal is gone")]


def test_our_own_write_is_no_change() -> None:
    assert why(FIELDS, TASK, deals=now(next_on=date(2026, 1, 5), cycle=1)) == []


def test_half_of_our_own_write_is_no_change() -> None:
    assert why(FIELDS, deals=now(next_on=date(2026, 1, 5))) == []


def test_another_value_in_a_field_of_ours_is_a_change_and_is_named() -> None:
    assert why(FIELDS, TASK, deals=now(next_on=date(2026, 9, 9), cycle=7)) == [
        ("r1", "recycle_next_on, recycle_cycle"),
        ("first", "recycle_next_on, recycle_cycle"),
    ]


def test_a_field_that_we_do_not_write_must_still_be_what_it_was() -> None:
    assert why(FIELDS, deals=now(owner="is-2")) == [("r1", "recycle_owner")]


def test_an_action_without_a_fingerprint_asks_only_that_the_deal_exists() -> None:
    assert why(replace(TASK, fingerprint=None), deals=now("g")) == []


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), ("", ""), (date(2026, 1, 5), "2026-01-05"), (1, "1"), ("a", "a")]
)
def test_a_value_compares_as_json_would_write_it(value: object, text: str) -> None:
    assert as_text(value) == text

"""What `check` says of a field map before a record is read."""

from __future__ import annotations

import pytest

from recyclekit.models.field_map import Mapped, StageMap
from recyclekit.models.headings import fold, likely
from recyclekit.models.mapping import check_mapping
from recyclekit.models.tables import Table

OFFERED = {Table.DEALS: ["Deal ID", "Stage", "Close Date", "金額"], Table.ACTIVITIES: ["Deal ID", "Activity Date"]}
STAGES = StageMap(won=("Won",))


def check(deals: dict[str, object], stages: StageMap = STAGES, **more: dict[str, object]) -> list[tuple[str, str, str]]:
    mapped = Mapped.model_validate({"fields": {"deals": deals, **more}, "stages": stages.model_dump()})
    return [(f.level, f.where, f"{f.what} {f.fix}") for f in check_mapping(mapped, OFFERED)]


def test_a_map_that_fits_has_no_findings() -> None:
    deals = {"deal_id": "Deal ID", "deal_stage": "Stage", "closed_on": {"column": "Close Date", "format": "%d-%m-%Y"}}
    assert check(deals, activities={"deal_id": "Deal ID", "at": "Activity Date"}) == []


@pytest.mark.parametrize(
    ("name", "spec", "told"),
    [
        ("closd_on", "Close Date", "Did you mean 'closed_on'"),
        ("closed_on", "Closed Date", "Did you mean 'Close Date'"),
        ("amount", "金 額", "Did you mean '金額'"),
        ("closed_on", {"column": "Close Date", "format": "dd/mm"}, "cannot tell a date"),
        ("amount", {"column": "金額", "format": "%d"}, "no format of numbers"),
        ("closed_on", {"column": "Close Date", "timezone": "Tokyo"}, "no time zone 'Tokyo'"),
        ("currency", {}, "Neither a column nor a constant"),
    ],
)
def test_a_wrong_entry_is_named_with_what_to_do(name: str, spec: object, told: str) -> None:
    ((level, where, text),) = check({"deal_id": "Deal ID", "deal_stage": "Stage", name: spec})
    assert level == "error"
    assert where == f"deals.{name}"
    assert told in text


def test_what_is_required_and_missing_is_named() -> None:
    assert [text for _, _, text in check({})] == [
        "deals.deal_id is not mapped. It is required.",
        "deals.deal_stage or deals.crm_state is not mapped. It is required.",
    ]
    assert check({"deal_id": "Deal ID", "crm_state": "Stage"}) == []


def test_a_table_that_the_source_does_not_have_is_named() -> None:
    found = check({"deal_id": "Deal ID", "deal_stage": "Stage"}, contacts={"contact_id": "Contact"})
    assert found == [("error", "contacts", "The source has no contacts. It has: deals, activities.")]


def test_without_won_or_lost_stages_every_deal_is_open_and_that_is_told() -> None:
    ((level, where, _),) = check({"deal_id": "Deal ID", "deal_stage": "Stage"}, stages=StageMap())
    assert (level, where) == ("warning", "stages")


JAPANESE = ["商談ＩＤ", "案件名", "フェーズ", "金額", "備考２", "recycle_track"]


def told(deals: dict[str, str], offered: list[str]) -> dict[str, str]:
    mapped = Mapped.model_validate({"fields": {"deals": deals}, "stages": STAGES.model_dump()})
    return {f.where: f"{f.what} {f.fix}" for f in check_mapping(mapped, {Table.DEALS: offered})}


def test_a_heading_in_other_letters_or_another_language_is_suggested() -> None:
    found = told({"deal_id": "商談ID", "deal_stage": "Stage", "name": "Deal Name", "amount": "Amount"}, JAPANESE)
    assert {where: text.rpartition("Did you mean ")[2] for where, text in found.items()} == {
        "deals.deal_id": "'商談ＩＤ'?", "deals.deal_stage": "'フェーズ'?",
        "deals.name": "'案件名'?", "deals.amount": "'金額'?",
    }  # fmt: skip


def test_what_is_like_no_heading_is_told_at_once_with_the_headings_that_are_left() -> None:
    found = told({"deal_id": "商談ＩＤ", "deal_stage": "フェーズ", "product": "xyz", "hook": "abc"}, JAPANESE)
    assert set(found) == {"deals"}
    assert "no column 'xyz' (product), 'abc' (hook)" in found["deals"]
    assert "not used yet: 備考２, 案件名, 金額." in found["deals"], "neither what is used nor our own fields"


def test_letters_blanks_and_width_make_no_difference_to_a_heading() -> None:
    assert fold(" Ｄｅａｌ_ID ") == fold("deal id") == "dealid"
    assert likely(Table.DEALS, "deal_id", "…", ["…？"]) == []

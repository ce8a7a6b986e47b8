"""Real exports, where they lie beside this checkout: nothing lost, nothing garbled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from recyclekit.models.field_map import Mapped
from recyclekit.models.snapshot import LINE, Extracted, Snapshot
from recyclekit.models.tables import Table
from recyclekit.stages.normalize import normalize
from tests.stages.records_by_hand import letters

TABLES = Path(__file__).parents[2].parent / "shared" / "data" / "tables"
pytestmark = pytest.mark.skipif(not TABLES.is_dir(), reason="the sample tables are not beside this checkout")


def read(fields: Mapping[str, Any], files: Mapping[str, str], zone: str = "Asia/Tokyo", **stages: Any) -> Snapshot:
    records = {}
    for table, file in files.items():
        frame = pl.scan_csv(TABLES / file, infer_schema=False, row_index_name=LINE, row_index_offset=2)
        records[Table(table)] = frame.with_columns(pl.col(LINE).cast(pl.UInt64))
    mapped = Mapped.model_validate({"fields": fields, "stages": stages})
    return normalize(Extracted(records=records), mapped, timezone=ZoneInfo(zone))


def states(snapshot: Snapshot) -> dict[str, int]:
    return dict(snapshot.deals["crm_state"].value_counts().rows())


@pytest.mark.parametrize("form", [None, "%d-%m-%Y"])
def test_the_hardware_sellers_days_are_found_to_come_first(form: str | None) -> None:
    fields = {"deal_id": "opportunity_id", "deal_stage": "deal_stage", "amount": "close_value",
        "closed_on": {"column": "close_date", "format": form},
        "last_activity_at": {"column": "engage_date", "format": form}}  # fmt: skip
    snapshot = read({"deals": fields}, {"deals": "maven_crm/sales_pipeline_dmy.csv"}, won=["Won"], lost=["Lost"])
    assert states(snapshot) == {"won": 2137, "lost": 1209, "open": 1029}
    assert (snapshot.extracted_deals, snapshot.dead_letters.height) == (4375, 0)
    assert (snapshot.deals["closed_on"].min(), snapshot.deals["closed_on"].max()) == (
        date(2017, 3, 1),
        date(2017, 12, 31),
    )
    assert len(snapshot.findings) == (2 if form is None else 0)


def test_the_hubspot_export_is_read_whole() -> None:
    deals = {"deal_id": "Deal ID", "deal_stage": "Deal Stage", "contact_id": "Associated Contact Email",
        "amount": "Amount",
        "created_on": "Create Date", "closed_on": "Close Date", "lost_reason": "Closed Lost Reason"}  # fmt: skip
    activities = {"contact_id": "Associated Contact Email", "at": "Activity Date", "kind": "Activity Type"}
    snapshot = read(
        {"deals": deals, "activities": activities},
        {"deals": "hubspot_export/hubspot_deals.csv", "activities": "hubspot_export/hubspot_activities.csv"},
        won=["Closed Won"],
        lost=["Closed Lost"],
    )
    assert states(snapshot) == {"won": 71, "lost": 69, "open": 360}
    assert snapshot.deals.filter((pl.col("crm_state") == "lost") & pl.col("lost_reason").is_null()).height == 13
    assert (snapshot.activities.height, snapshot.dead_letters.height) == (2000, 0)
    assert "other" not in snapshot.activities["kind"]


def test_the_japanese_export_is_read_without_mojibake() -> None:
    fields = {"deal_id": "商談ID", "deal_stage": "フェーズ", "amount": "金額", "closed_on": "完了日",
        "last_activity_at": "最終活動日", "lost_reason": "失注理由"}  # fmt: skip
    snapshot = read({"deals": fields}, {"deals": "jp_export/deals_utf8_bom.csv"}, won=["受注"], lost=["失注"])
    assert states(snapshot) == {"won": 10, "lost": 80, "open": 20}
    assert snapshot.deals["lost_reason"].count() == 80
    assert snapshot.deals["amount"].max() == 5169
    assert snapshot.dead_letters.height == 0


def test_the_dirty_table_loses_what_is_wrong_and_nothing_else() -> None:
    fields = {"deal_id": "deal_id", "deal_stage": "stage_id", "amount": "expected_amount", "created_on": "created_at",
        "closed_on": "closed_at", "last_activity_at": "updated_at"}  # fmt: skip
    known = ["NEW", "QUALIFICATION", "CALCULATION", "PROPOSAL", "CONTRACT", "PRODUCTION", "SHIPPED"]
    snapshot = read(
        {"deals": fields}, {"deals": "dirty_small/bitrix_deals.csv"}, won=["WON"], lost=["LOST"], open=known
    )
    assert letters(snapshot) == [
        ("D1007", 8, "expected_amount", "negative_amount"),
        ("D1008", 9, None, "duplicate_id"),
        ("D1011", 13, "stage_id", "unknown_stage"),
    ]
    assert snapshot.extracted_deals == 12
    assert snapshot.deals.filter(deal_id="D1008")["amount"].to_list() == [69000]
    assert snapshot.deals.filter(deal_id="D1010")["created_on"].to_list() == [date(2026, 6, 14)]


@pytest.mark.parametrize(
    ("file", "fields", "rows"),
    [
        ("fivetran_salesforce/sf_opportunity_data.csv", {"deal_id": "id", "deal_stage": "stage_name",
            "amount": "amount",
            "closed_on": "close_date", "created_on": "created_date", "last_activity_at": "last_activity_date"}, 10),
        ("fivetran_hubspot/deal_data.csv", {"deal_id": "deal_id", "crm_state": {"const": "open"},
            "amount": "property_amount", "created_on": "property_createdate", "closed_on": "property_closedate"}, None),
    ],
)  # fmt: skip
def test_loaded_tables_are_read_whole(file: str, fields: dict[str, Any], rows: int | None) -> None:
    snapshot = read({"deals": fields}, {"deals": file})
    assert snapshot.extracted_deals == snapshot.deals.height + snapshot.dead_letters.height
    assert rows is None or snapshot.deals.height == rows
    assert not set(snapshot.dead_letters["code"]) - {"duplicate_id", "closed_before_created"}

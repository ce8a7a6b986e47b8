from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from recyclekit.models.snapshot import Snapshot
from recyclekit.models.tables import ACTIVITY_KINDS
from recyclekit.policy.loader import Policy, load_policy
from tests.stages.deals_by_hand import decide

TABLES = Path(__file__).parents[2].parent / "shared" / "data" / "tables"
STATE = pl.Enum(["won", "lost", "open"])

pytestmark = pytest.mark.skipif(not TABLES.is_dir(), reason="the sample tables are not beside this checkout")


def state(column: str, won: str, lost: str) -> pl.Expr:
    return pl.col(column).replace_strict({won: "won", lost: "lost"}, default="open").cast(STATE).alias("crm_state")


def tokyo(column: str, form: str) -> pl.Expr:
    return (
        pl.col(column)
        .str.to_date(form)
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("Asia/Tokyo")
        .dt.convert_time_zone("UTC")
    )


def maven() -> Snapshot:
    rows = pl.read_csv(TABLES / "maven_crm" / "sales_pipeline_dmy.csv", infer_schema=False)
    deals = rows.select(
        state("deal_stage", "Won", "Lost"),
        tokyo("engage_date", "%d-%m-%Y").alias("last_activity_at"),
        deal_id="opportunity_id",
        account_id="account",
        created_on=pl.col("engage_date").str.to_date("%d-%m-%Y"),
        closed_on=pl.col("close_date").str.to_date("%d-%m-%Y"),
    )
    return Snapshot(deals=deals, extracted_deals=deals.height)


def hubspot() -> Snapshot:
    folder = TABLES / "hubspot_export"
    rows = pl.read_csv(folder / "hubspot_deals.csv", infer_schema=False)
    touches = pl.read_csv(folder / "hubspot_activities.csv", infer_schema=False)
    deals = rows.select(
        state("Deal Stage", "Closed Won", "Closed Lost"),
        deal_id="Deal ID",
        contact_id="Associated Contact Email",
        amount=pl.col("Amount").cast(pl.Float64),
        closed_on=pl.col("Close Date").str.to_date("%Y-%m-%d"),
        lost_reason="Closed Lost Reason",
    )
    kind = pl.col("Activity Type").str.to_lowercase()
    activities = touches.select(
        tokyo("Activity Date", "%Y-%m-%d").alias("at"),
        contact_id="Associated Contact Email",
        kind=pl.when(kind.is_in(list(ACTIVITY_KINDS)))
        .then(kind)
        .otherwise(pl.lit("other"))
        .cast(pl.Enum(ACTIVITY_KINDS)),
    )
    return Snapshot(deals=deals, extracted_deals=deals.height, activities=activities)


def counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame[column].value_counts().rows())


def with_threshold(tmp_path: Path, threshold: str) -> Policy:
    path = tmp_path / "p.yaml"
    path.write_text(
        "name: p\nversion: '1'\nlabels: {ja: 方針, en: p}\nextends: standard\n"
        f"status: {{stalled_after: {threshold}}}\n",
        encoding="utf-8",
    )
    return load_policy(str(path))


@pytest.mark.parametrize(
    ("threshold", "stalled"),
    [("{days: 60}", 743), ("{days: 61}", 742), ("{average_lead_time: {per: company}}", 757)],
    ids=["day 60 counts", "over 60", "mean lead time"],
)
def test_the_hardware_sellers_statuses_are_those_counted_by_hand(tmp_path: Path, threshold: str, stalled: int) -> None:
    result = decide(maven(), with_threshold(tmp_path, threshold), as_of=date(2018, 1, 1)).decisions
    expected = {"won": 2137, "lost": 1209, "stalled": stalled, "open": 776 - stalled, "undated": 253}
    assert counts(result, "status") == expected


def test_the_hubspot_export_is_stalled_by_its_contacts_activities() -> None:
    result = decide(hubspot(), as_of=date(2025, 5, 5)).decisions
    found = counts(result, "status")
    assert (found["stalled"], found["open"], found["undated"]) == (293, 31, 36)
    assert counts(result, "rule")["reason_missing"] == 13
    assert counts(result, "verdict")["review"] >= 13


def test_the_japanese_export_has_a_reason_or_a_review_for_every_lost_deal() -> None:
    rows = pl.read_csv(TABLES / "jp_export" / "deals_utf8_bom.csv", infer_schema=False)
    deals = rows.select(state("フェーズ", "受注", "失注"), deal_id="商談ID", lost_reason="失注理由")
    lost = decide(Snapshot(deals=deals, extracted_deals=deals.height)).decisions.filter(pl.col("status") == "lost")
    assert lost.height == 80
    assert set(lost["reason_source"]) <= {"picklist", "text", "unclear"}
    assert lost.filter(pl.col("reason").is_null())["verdict"].unique().to_list() in ([], ["review"])

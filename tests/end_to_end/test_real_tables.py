"""The figures that were counted by hand on real exports, reached through the command line."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.end_to_end.conftest import Command

MAVEN = """
version: 1
timezone: Asia/Tokyo
ledger: sqlite:///ledger.db
connections:
  crm:
    connector: csv
    settings: {{deals: {deals}, own_tables: own}}
    fields:
      deals:
        deal_id: opportunity_id
        deal_stage: deal_stage
        account_id: account
        amount: close_value
        closed_on: {{column: close_date, format: "%d-%m-%Y"}}
        created_on: {{column: engage_date, format: "%d-%m-%Y"}}
        last_activity_at: {{column: engage_date, format: "%d-%m-%Y"}}
    stages: {{won: [Won], lost: [Lost]}}
pipelines:
  main: {{source: crm, policy: {policy}}}
"""


@pytest.mark.parametrize(
    ("stalled_after", "stalled", "still_open"),
    [("{days: 60}", 743, 33), ("{days: 61}", 742, 34), ("{average_lead_time: {per: company}}", 757, 19)],
    ids=["the 60th day counts", "over 60 days", "the average lead time of won deals"],
)
def test_the_hardware_sellers_deals_fall_into_the_counted_states(  # noqa: PLR0917  # fixtures
    recyclekit: Command, shared: Path, tmp_path: Path, stalled_after: str, stalled: int, still_open: int
) -> None:
    (tmp_path / "policy.yaml").write_text(
        f"extends: standard\nname: own\nversion: '1'\nstatus: {{stalled_after: {stalled_after}}}\n", encoding="utf-8"
    )
    deals = shared / "maven_crm" / "sales_pipeline_dmy.csv"
    (tmp_path / "recyclekit.yaml").write_text(MAVEN.format(deals=deals, policy="policy.yaml"), encoding="utf-8")

    answer = recyclekit("plan", "--as-of", "2018-01-01", "--json")

    assert answer.code == 0, answer.err
    plan = answer.json
    assert plan["deals"] == 4375
    expected = {"won": 2137, "lost": 1209, "stalled": stalled, "open": still_open, "undated": 253}
    assert plan["by_status"] == expected
    assert plan["sums_close"]


HUBSPOT = """
version: 1
timezone: America/New_York
ledger: sqlite:///ledger.db
connections:
  crm:
    connector: csv
    settings:
      deals: {folder}/hubspot_deals.csv
      activities: {folder}/hubspot_activities.csv
      own_tables: own
    fields:
      deals:
        deal_id: Deal ID
        name: Deal Name
        deal_stage: Deal Stage
        deal_pipeline: Pipeline
        amount: Amount
        created_on: Create Date
        owner: Deal Owner
        contact_id: Associated Contact Email
        account_id: Associated Company Domain
        lost_reason: Closed Lost Reason
      activities:
        activity_id: Activity ID
        kind: Activity Type
        at: Activity Date
        contact_id: Associated Contact Email
    stages: {{won: [Closed Won], lost: [Closed Lost]}}
pipelines:
  main: {{source: crm}}
"""


def test_the_crm_export_with_activities_falls_into_the_counted_states(
    recyclekit: Command, shared: Path, tmp_path: Path
) -> None:
    project = HUBSPOT.format(folder=shared / "hubspot_export")
    (tmp_path / "recyclekit.yaml").write_text(project, encoding="utf-8")

    answer = recyclekit("plan", "--as-of", "2025-05-05", "--json")

    assert answer.code == 0, answer.err
    plan = answer.json
    assert {s: plan["by_status"][s] for s in ("stalled", "open", "undated")} == {
        "stalled": 293,
        "open": 31,
        "undated": 36,
    }
    assert plan["by_status"]["lost"] == 69
    assert plan["by_reason"]["missing"] == 13


JAPANESE = """
version: 1
timezone: Asia/Tokyo
ledger: sqlite:///ledger.db
connections:
  crm:
    connector: csv
    settings: {{deals: {deals}, own_tables: own}}
    fields:
      deals:
        deal_id: 商談ID
        account_id: 取引先名
        deal_stage: フェーズ
        last_activity_at: 最終活動日
        closed_on: 完了日
        amount: 金額
        lost_reason: 失注理由
    stages: {{won: [受注], lost: [失注]}}
pipelines:
  main: {{source: crm}}
"""


def test_a_japanese_export_is_read_without_mojibake(recyclekit: Command, shared: Path, tmp_path: Path) -> None:
    deals = shared / "jp_export" / "deals_utf8_bom.csv"
    (tmp_path / "recyclekit.yaml").write_text(JAPANESE.format(deals=deals), encoding="utf-8")

    answer = recyclekit("plan", "--as-of", "2018-01-01", "--json", "--decisions", "decisions.csv")

    assert answer.code == 0, answer.err
    decisions = pl.read_csv(tmp_path / "decisions.csv", infer_schema=False)
    lost = decisions.filter(pl.col("status") == "lost")
    assert lost.height == 80
    assert "missing" not in answer.json["by_reason"]

"""The invented company's own vocabulary: headings, stages, picklist values, people. Its export uses no others."""

from __future__ import annotations

DEAL_COLUMNS = (
    "Deal ID", "Deal Name", "Account ID", "Account Name", "Contact ID", "Pipeline", "Stage", "Probability", "Amount",
    "Currency", "Owner", "Product", "Source", "Industry", "Created", "Closed", "Last Modified", "Last Activity",
    "失注理由", "失注メモ", "次回アプローチ日", "アプローチ担当", "フック", "Competitor", "Contract End", "Need Type",
)  # fmt: skip
ACTIVITY_COLUMNS = (
    "Activity ID", "Deal ID", "Contact ID", "Type", "At", "Subject", "Automatic", "Bulk ID", "Done", "Owner",
)  # fmt: skip
CONTACT_COLUMNS = ("Contact ID", "Account ID", "Name", "Mail", "Title", "Opted Out", "Bounced")
ACCOUNT_COLUMNS = ("Account ID", "Name", "Country", "Time Zone", "Fiscal Year", "Contract End")
SIGNAL_COLUMNS = ("Contact ID", "Deal ID", "Kind", "At")
HISTORY_COLUMNS = ("Deal ID", "Field", "Value", "At")

WON_STAGES = ("受注", "Closed Won")
LOST_STAGES = ("失注", "Closed Lost")
OPEN_STAGES = ("初回面談", "Needs Confirmed", "提案中", "Proposal", "見積提出", "Negotiation", "稟議中")
PIPELINES = ("新規 / New Business", "拡張 / Expansion")

PICKLIST: dict[str, tuple[str, ...]] = {
    "priority_pending": ("優先度低下", "On Hold"),
    "timing": ("時期尚早", "Bad Timing"),
    "competitor": ("競合負け", "Lost to Competitor"),
    "unresponsive": ("連絡不通", "No Response"),
    "price": ("価格", "Price"),
    "no_budget": ("予算なし", "No Budget"),
    "needs_mismatch": ("機能不足", "Missing Features"),
    "info_gathering": ("情報収集", "Research Only"),
    "bant_unconfirmed": ("BANT未確認", "Not Qualified Yet"),
    "internal_approval": ("稟議否決", "Approval Refused"),
    "status_quo": ("現状維持", "No Decision / Status Quo"),
    "project_cancelled": ("案件消滅", "Project Cancelled"),
    "relationship_proposal": ("提案不足", "Weak Proposal"),
    "disqualified": ("対象外", "Duplicate / Test"),
}
"""Canonical reason → the picklist values by which the export says it, (ja, en)."""
AMBIGUOUS_PICKLIST = {"予算・価格": ("no_budget", "price"), "Budget / Price": ("no_budget", "price")}
"""Picklist values that may mean either of two canonical reasons."""
UNMAPPED_PICKLIST = ("区分X", "Legacy code 47")
"""Left out of the demo's mapping on purpose, so that the report has something to show."""

FIELD_REPS = tuple(f"fs-{n:02d}" for n in range(1, 13))
INSIDE_SALES = ("is-01", "is-02", "is-03", "is-04")
SOURCES = ("Web", "展示会", "Referral", "Seminar", "テレアポ", "Partner")
INDUSTRIES = ("製造", "Logistics", "小売", "Finance", "IT", "医療", "Construction")

FISCAL_YEARS: dict[str, tuple[tuple[str, int], ...]] = {
    "JP": (("4", 68), ("1", 8), ("10", 6), ("quarter:4", 6), ("", 12)),
    "US": (("10", 30), ("1", 35), ("quarter:1", 15), ("52/53:last-sat:1", 10), ("", 10)),
    "DE": (("1", 75), ("7", 10), ("", 15)),
}
"""Country → fiscal calendars as the accounts table writes them, with weights; empty: nobody asked yet."""
ZONES = {"JP": "Asia/Tokyo", "US": "America/Chicago", "DE": "Europe/Berlin"}
CURRENCIES = {"JP": "JPY", "US": "USD", "DE": "EUR"}

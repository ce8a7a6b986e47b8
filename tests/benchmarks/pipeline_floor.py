"""The floor: a bare Polars scan of the same CSV and the same conditions in one lazy plan; imports nothing of ours."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

AS_OF: Final = date(2026, 11, 22)

KEYWORDS: Final = {
    "price": ["価格", "高い", "値引", "費用対効果", "price", "expensive", "discount", "cost"],
    "no_budget": ["予算", "凍結", "budget", "freeze", "funding"],
    "timing": ["時期", "来期", "契約満了", "timing", "later", "next quarter", "contract ends"],
    "competitor": ["他社", "競合", "相見積", "competitor", "vendor", "rival"],
    "unresponsive": ["音信", "返信", "連絡が", "silent", "no response", "voicemail"],
    "priority_pending": ["優先", "保留", "見送", "priority", "on hold", "postponed"],
    "needs_mismatch": ["機能", "ニーズ", "連携", "feature", "integration", "not fit"],
    "info_gathering": ["情報収集", "相場", "勉強", "research", "gathering", "curious"],
    "bant_unconfirmed": ["決裁者", "キーマン", "authority", "decision maker", "bant"],
    "internal_approval": ["稟議", "承認", "役員", "approval", "board", "sign-off"],
    "status_quo": ["現状", "内製", "エクセル", "status quo", "in-house", "excel"],
    "relationship_proposal": ["信頼", "提案内容", "対応が遅", "trust", "proposal"],
    "project_cancelled": ["中止", "白紙", "案件消滅", "cancelled", "shelved"],
    "disqualified": ["重複", "対象外", "倒産", "duplicate", "bankrupt"],
}

RULES: Final = (
    "opted_out", "reason = 'disqualified'", "reason = 'price'",
    "account_open_deals > 0 OR (status = 'lost' AND account_stalled_deals > 0)",
    "cycles_done >= maximum_cycles AND NOT cycle_running",
    "status = 'lost' AND reason IS NULL AND lost_reason IS NULL AND lost_note IS NULL",
    "status = 'lost' AND reason IS NULL", "reason = 'other'", "as_of < again_on AND NOT cycle_running",
    "as_of < cool_off_until AND NOT cycle_running", "status = 'stalled'",
    *(f"reason = '{code}'" for code in KEYWORDS if code not in ("price", "disqualified")),
)  # fmt: skip
"""The standard policy's conditions, in its order."""

_REASON: Final = pl.Enum([*KEYWORDS, "other"])
_STATUS: Final = pl.Enum(["won", "lost", "stalled", "open", "undated"])


def decide(deals: Path) -> int:
    """Scan, judge and return the number of deals that some rule decided."""
    reasons = json.loads((deals.parent / "recyclekit.yaml").read_text(encoding="utf-8"))["connections"]["crm"][
        "reasons"
    ]
    picklist = {value: code for value, code in reasons.items() if isinstance(code, str)}
    plan = _facts(pl.scan_csv(deals, infer_schema=False, schema_overrides={"amount": pl.Float64}), picklist)
    rule = pl.lit(0, pl.UInt8)
    for number, sql in reversed(list(enumerate(RULES, start=1))):
        rule = pl.when(pl.sql_expr(sql)).then(pl.lit(number, pl.UInt8)).otherwise(rule)
    judged = pl.col("status").is_in(["lost", "stalled"])
    frame = plan.select(
        "deal_id", "status", "reason", "inactive_days", "cool_off_until", rule=pl.when(judged).then(rule)
    ).collect(engine="streaming")
    return frame["rule"].count()


def _facts(deals: pl.LazyFrame, picklist: dict[str, str]) -> pl.LazyFrame:
    moment = pl.col("last_activity_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    stage = pl.col("deal_stage")
    typed = deals.select(
        "deal_id", "account_id", "amount", "lost_reason", "lost_note",
        pl.col("closed_on").str.to_date("%Y-%m-%d"),
        contact=moment.dt.convert_time_zone("Asia/Tokyo").dt.date(),
        state=pl.when(stage == "Closed Won").then(0).when(stage == "Closed Lost").then(1).otherwise(2).cast(pl.Int8),
        as_of=pl.lit(AS_OF),
        opted_out=pl.lit(None, pl.Boolean), cycle_running=pl.lit(value=False), again_on=pl.lit(None, pl.Date),
        cycles_done=pl.lit(0, pl.Int32), maximum_cycles=pl.lit(3, pl.Int32),
    )  # fmt: skip
    lost, days = pl.col("state") == 1, (pl.col("as_of") - pl.col("contact")).dt.total_days()
    known = pl.coalesce("lost_reason", "lost_note").replace_strict(
        list(picklist), list(picklist.values()), default=None, return_dtype=_REASON
    )
    text = pl.when(lost & pl.col("known").is_null()).then(pl.coalesce("lost_reason", "lost_note"))
    plain, read = text.str.normalize("NFKC").str.to_lowercase(), pl.lit(None, _REASON)
    for code, words in reversed(KEYWORDS.items()):
        read = pl.when(pl.col("plain").str.contains_any(words)).then(pl.lit(code, _REASON)).otherwise(read)
    status = (
        pl.when(pl.col("state") == 0).then(pl.lit("won", _STATUS)).when(lost).then(pl.lit("lost", _STATUS))
        .when(days.is_null()).then(pl.lit("undated", _STATUS)).when(days >= 60).then(pl.lit("stalled", _STATUS))
        .otherwise(pl.lit("open", _STATUS))
    )  # fmt: skip
    judged = typed.with_columns(inactive_days=days, status=status, known=pl.when(lost).then(known))
    reasoned = judged.with_columns(plain=plain).with_columns(reason=pl.coalesce("known", read))
    going_on = pl.col("status").is_in(["open", "undated"]).cast(pl.Int64)
    stalled = (pl.col("status") == "stalled").cast(pl.Int64)
    both = (going_on + stalled * (1 << 32)).sum().over("account_id")
    cancelled = pl.when(lost & (pl.col("reason") == "project_cancelled"))
    return reasoned.with_columns(
        account_open_deals=both % (1 << 32) - going_on,
        account_stalled_deals=both // (1 << 32) - stalled,
        cool_off_until=cancelled.then(pl.col("closed_on") + pl.duration(days=180)),
    )

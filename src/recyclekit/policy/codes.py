"""The fifteen canonical reasons why a deal was lost: code → label, in the order in which reports show them."""

from __future__ import annotations

from typing import Final

REASONS: Final[dict[str, tuple[str, str]]] = {
    "priority_pending": ("優先度低下・保留", "priority dropped or pending"),
    "timing": ("時期が合わない", "wrong time"),
    "competitor": ("他社に決定", "chose a competitor"),
    "unresponsive": ("音信不通", "unresponsive"),
    "price": ("価格", "price"),
    "no_budget": ("予算なし", "no budget this year"),
    "needs_mismatch": ("ニーズ不一致・機能不足", "needs or feature mismatch"),
    "info_gathering": ("情報収集のみ", "information gathering only"),
    "bant_unconfirmed": ("BANT未確認", "BANT not confirmed"),
    "internal_approval": ("社内稟議・決裁否決", "internal approval refused"),
    "status_quo": ("現状維持・内製", "status quo or in-house"),
    "project_cancelled": ("案件消滅", "project cancelled"),
    "relationship_proposal": ("信頼・提案不足", "relationship or proposal"),
    "disqualified": ("対象外", "disqualified"),
    "other": ("その他・不明", "other or unknown"),
}
"""Code → (Japanese, English) label. The codes are what the ledger, the CRM and the reports hold: they never change."""

"""The columns of one deal that a condition may speak of: name → type and meaning. Declared here, once, for everyone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from recyclekit.models.decision import STATUS
from recyclekit.models.tables import OWN_FIELDS, DealSchema, Table, types_of
from recyclekit.policy.reasons import TAXONOMY
from recyclekit.policy.spec import PolicySpec

REASON: Final = pl.Enum(list(TAXONOMY))
REASON_SOURCE: Final = pl.Enum(["picklist", "text", "unclear", "none"])


@dataclass(frozen=True, slots=True)
class Fact:
    """One column. `en` and `ja` say what it means; `values` are all it can hold, where that is a closed list."""

    dtype: pl.DataType
    en: str
    ja: str
    values: tuple[str, ...] = ()


_DEAL_JA: Final = {
    "deal_id": "商談ID",
    "external_id": "他システムでの商談ID",
    "name": "商談名",
    "account_id": "会社",
    "contact_id": "主な担当者",
    "deal_pipeline": "CRMのパイプライン",
    "deal_stage": "CRMのフェーズ",
    "crm_state": "CRM上の状態（受注・失注・進行中）",
    "amount": "金額",
    "currency": "通貨（ISO 4217）",
    "owner": "営業担当者",
    "product": "提案した商品",
    "created_on": "商談の開始日",
    "closed_on": "受注日・失注日（進行中は予定日）",
    "last_activity_at": "CRMが持つ最終活動日時",
    "lost_reason": "CRM上の失注理由",
    "lost_note": "失注に関する自由記述",
    "need_type": "ニーズの型（1 個人の興味、2 個人の課題、3 部門の課題）",
    "next_approach_on": "営業が記入した次回アプローチ日",
    "approach_person": "営業が記入したアプローチ担当者",
    "hook": "営業が記入したフック",
    "competitor": "競合",
    "contract_ends_on": "現契約の終了日",
    "recycle_track": "前回書き込んだトラック",
    "recycle_reason": "前回書き込んだ理由",
    "recycle_next_on": "前回書き込んだ次回日付",
    "recycle_owner": "前回書き込んだ担当",
    "recycle_channel": "前回書き込んだ手段",
    "recycle_hook": "前回書き込んだフック",
    "recycle_rule": "前回書き込んだルール",
    "recycle_cycle": "前回書き込んだサイクル",
}


def _deal_facts() -> dict[str, Fact]:
    types = types_of(Table.DEALS)
    return {
        name: Fact(
            types[name],
            str((column.metadata or {})["doc"]),
            _DEAL_JA.get(name, name),
            tuple(getattr(types[name], "categories", ())),
        )
        for name, column in DealSchema.columns().items()
    }


_INT, _DATE, _BOOL = pl.Int32(), pl.Date(), pl.Boolean()

_DERIVED: Final = {
    "as_of": Fact(_DATE, "the day for which the decision is made", "判定日"),
    "status": Fact(STATUS, "won, lost, stalled, open or undated", "ステータス", tuple(STATUS.categories)),
    "reason": Fact(REASON, "canonical reason of a lost deal", "失注理由（正規コード）", tuple(TAXONOMY)),
    "reason_source": Fact(
        REASON_SOURCE,
        "how the reason of a lost deal was found: picklist, text, unclear or none",
        "失注理由の判定方法",
        tuple(REASON_SOURCE.categories),
    ),
    "last_contact_on": Fact(_DATE, "business date of the last human contact", "最後に人が接触した日"),
    "activity_source": Fact(pl.String(), "which event set that date: call, email, …, crm", "その日付の根拠"),
    "inactive_days": Fact(_INT, "days from the last human contact to the as-of day", "最終接触からの日数"),
    "stalled_after_days": Fact(pl.Float64(), "inactive days after which this deal is stalled", "停滞とみなす日数"),
    "age_days": Fact(_INT, "days since the deal was created", "商談開始からの日数"),
    "closed_days": Fact(_INT, "days since the deal was closed", "クローズからの日数"),
    "lead_days": Fact(_INT, "days from creation to closing", "開始からクローズまでの日数"),
    "opted_out": Fact(_BOOL, "the contact asked not to be contacted", "連絡拒否"),
    "bounced": Fact(_BOOL, "mail to the contact cannot be delivered", "メール不達"),
    "account_open_deals": Fact(
        _INT, "other deals of the company that are open or undated", "同じ会社の他の進行中商談数"
    ),
    "account_stalled_deals": Fact(_INT, "other deals of the company that have stalled", "同じ会社の他の停滞商談数"),
    "cycles_done": Fact(_INT, "cycles of recycling that were carried through", "完了したサイクル数"),
    "maximum_cycles": Fact(_INT, "the policy's maximum of cycles", "サイクルの上限"),
    "cycle_running": Fact(_BOOL, "a cycle of recycling is running", "サイクル実行中"),
    "days_since_track_done": Fact(_INT, "days since the last track was done", "前回トラック完了からの日数"),
    "again_on": Fact(_DATE, "day from which the next cycle may begin", "次のサイクルを始められる日"),
    "cool_off_until": Fact(_DATE, "day on which the cool-off ends", "冷却期間の終わる日"),
    "hook_is_vague": Fact(_BOOL, "sales' hook says nothing", "フックが曖昧"),
}

FACTS: Final[dict[str, Fact]] = {**_deal_facts(), **_DERIVED}
"""Every documented column, deal columns first."""

FACTS_SCHEMA: Final = pl.Schema({name: fact.dtype for name, fact in FACTS.items()})

ALWAYS: Final = frozenset(
    {"deal_id", "external_id", "crm_state", "deal_stage", "account_id", "contact_id", "amount", "currency", "owner"}
    | {"closed_on", "need_type"}
    | {"last_activity_at", "lost_reason", "lost_note", "next_approach_on", "approach_person", "hook"}
    | {"contract_ends_on", *OWN_FIELDS}
)
"""Deal columns that classifying, scheduling or the drift check read whatever the policy says."""


def columns_needed(spec: PolicySpec, used: frozenset[str]) -> dict[Table, frozenset[str]]:
    """Return the canonical columns that a run reads, per table.

    Args:
        spec: the policy.
        used: the facts that its conditions name.
    """
    deals = ALWAYS | (used & set(DealSchema.column_names()))
    lead_time = spec.status.stalled_after.average_lead_time
    if lead_time is not None or used & {"age_days", "lead_days"}:
        deals |= {"created_on"}
    if lead_time is not None and lead_time.per == "deal_pipeline":
        deals |= {"deal_pipeline"}
    return {
        Table.DEALS: deals,
        Table.ACTIVITIES: frozenset({"deal_id", "contact_id", "kind", "at", "automatic", "bulk", "key", "done"}),
        Table.CONTACTS: frozenset({"contact_id", "opted_out", "bounced"}),
        Table.ACCOUNTS: frozenset({"account_id", "country", "timezone", "fiscal_year", "contract_ends_on"}),
    }

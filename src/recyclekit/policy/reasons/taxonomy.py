"""The fifteen canonical reasons: names and definitions in both languages, and whether such a deal is recycled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Recycle = Literal["yes", "no", "later", "ask"]


@dataclass(frozen=True, slots=True)
class ReasonInfo:
    """One reason. `recycle`: yes, no (never again), later (only if the plan comes back), ask (a person says)."""

    code: str
    name_en: str
    name_ja: str
    recycle: Recycle
    definition_en: str
    definition_ja: str


_ROWS: Final = (
    ReasonInfo(
        "priority_pending", "Parked or lower priority", "優先度低下・保留", "yes",
        "The need remains, but other work came first or nobody decided; no new date was given.",
        "必要性は残っているが、他の仕事が先になった、または決めきれていない。再開の時期は示されていない。",
    ),
    ReasonInfo(
        "timing", "Wrong time", "時期が合わない", "yes",
        "Now is too early or too late: a later date, an event or the end of a contract is named or meant.",
        "今ではない。将来の日付、出来事、または契約の満了が示されている。",
    ),
    ReasonInfo(
        "competitor", "Chose a competitor", "他社に決定", "yes",
        "The buyer took, or is about to take, another supplier.",
        "買い手が別の供給者を選んだ、または選ぼうとしている。",
    ),
    ReasonInfo(
        "unresponsive", "Went silent", "音信不通", "yes",
        "The contact no longer answers, or cannot be reached at all.",
        "担当者から返答がない、または連絡が取れない。",
    ),
    ReasonInfo(
        "price", "Price", "価格", "no",
        "What we ask is more than they will pay, or not worth it to them, whether or not a budget exists.",
        "提示した金額が高い、または見合わない。予算枠の有無は問わない。",
    ),
    ReasonInfo(
        "no_budget", "No budget", "予算なし", "yes",
        "No money is set aside in this period: none planned, frozen, cut or spent. The next planning decides.",
        "今期の予算枠がない、凍結、削減、または消化済み。次の予算編成が契機となる。",
    ),
    ReasonInfo(
        "needs_mismatch", "Need or feature mismatch", "ニーズ不一致・機能不足", "yes",
        "We lack something they require, or they require nothing of what we offer.",
        "求める機能や条件を満たせない、またはそもそも必要とされていない。",
    ),
    ReasonInfo(
        "info_gathering", "Only gathering information", "情報収集のみ", "yes",
        "They read, compared or studied, and never meant to buy.",
        "調べる、比べる、学ぶことだけが目的で、購入の意思はなかった。",
    ),
    ReasonInfo(
        "bant_unconfirmed", "Not qualified yet (BANT)", "BANT未確認", "yes",
        "We never learned the budget, the need or the date, or never met the person who decides.",
        "予算、決裁者、必要性、時期のいずれかを確かめられず、または決裁者に会えなかった。",
    ),
    ReasonInfo(
        "internal_approval", "Internal approval refused", "社内稟議・決裁否決", "yes",
        "Those who wanted it could not get the signature of their own organisation.",
        "担当者は望んだが、社内の承認や決裁を得られなかった。",
    ),
    ReasonInfo(
        "status_quo", "Status quo or in-house", "現状維持・内製", "yes",
        "They stay with what they have: the present tool or supplier, manual work, or something they build themselves.",
        "今の製品や業者、手作業を続ける、または自社で作る。",
    ),
    ReasonInfo(
        "project_cancelled", "Project cancelled", "案件消滅", "later",
        "The undertaking behind the deal, or the unit that wanted it, no longer exists.",
        "商談のもととなった計画、またはそれを求めた組織がなくなった。",
    ),
    ReasonInfo(
        "relationship_proposal", "Relationship or proposal", "信頼・提案不足", "yes",
        "It was us: trust, speed, references, service or the proposal fell short.",
        "当社側の問題。信頼、速さ、実績、対応、または提案が足りなかった。",
    ),
    ReasonInfo(
        "disqualified", "Not a possible customer", "対象外", "no",
        "There was no deal to win: a duplicate, a test, out of scope or region, insolvent, or not a buyer.",
        "商談として成り立たない。重複、テスト、対象外、倒産、または買い手ではない。",
    ),
    ReasonInfo(
        "other", "Other or unknown", "その他・不明", "ask",
        "The text says nothing usable, or names legal or contract terms.",
        "使える情報がない、または法務や契約条件が理由。",
    ),
)  # fmt: skip

TAXONOMY: Final[Mapping[str, ReasonInfo]] = MappingProxyType({row.code: row for row in _ROWS})

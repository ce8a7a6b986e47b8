"""Sentences by the kind of error that a reader of notes makes: whose story, which clause, what is denied, how it is
spelt. None of them stands in the corpus."""

from __future__ import annotations

import polars as pl
import pytest

from recyclekit.policy.reasons import corpus, read_reasons
from recyclekit.policy.reasons.clauses import CONCEDED
from recyclekit.policy.reasons.read import pieces

STORIES = [
    (
        (
            "Two workshops with the finance team and a pilot that everybody praised. Budget had been set aside. "
            "Legal read the contract. Then their new owner cancelled the whole project."
        ),
        "project_cancelled",
    ),
    (
        (
            "The buyer found us through a partner. Price was no obstacle and the features were what they wanted. "
            "However, since the second demo nobody answers our calls or mails. Closed lost."
        ),
        "unresponsive",
    ),
    (
        (
            "Nice talks with the plant manager in May and June. No competitor in sight, timing was right. "
            "In the end the yearly fee was much too expensive for them."
        ),
        "price",
    ),
    (
        (
            "展示会で知り合い、三度訪問した。価格にも機能にも不満はないとのことだった。競合もいなかった。"
            "しかし役員会で稟議が否決された。担当者も残念がっていた。"
        ),
        "internal_approval",
    ),
    (
        (
            "問い合わせから始まった商談。決裁者にも会えて、予算も確保済みと聞いていた。"
            "ところが先週になって、他社の製品に決めたと連絡があった。"
        ),
        "competitor",
    ),
    (
        "デモは好評で、納期も問題なかった。導入の準備も進めていた。ただ、見積を出したところ高すぎて払えないと言われた。",
        "price",
    ),
]

DENIED = [
    ("値段は納得いただけたが、今年度の予算がない", "no_budget"),
    ("お金の問題ではなく、必要な連携機能がない", "needs_mismatch"),
    ("高いとは言われていない。他社に決めただけとのこと", "competitor"),
    ("The fee was not a concern, they simply signed with a competitor", "competitor"),
    ("Not about the fee: the board rejected it", "internal_approval"),
    ("Nobody objected to the price, but the project was cancelled", "project_cancelled"),
    ("Only the price did not suit them, the features were fine", "price"),
    ("機能には満足いただいたが、金額が高すぎるとのこと", "price"),
]

SPELT = [
    ("ﾈﾀﾞﾝが高い", "price"),
    ("ﾌﾟﾛｼﾞｪｸﾄ中止", "project_cancelled"),
    ("ＢＡＮＴ未確認のまま", "bant_unconfirmed"),
    ("the competitior got the order", "competitor"),
    ("no bugdet this year", "no_budget"),
    ("no responce after the demo", "unresponsive"),
    ("budgetが取れずpending", "no_budget"),
    ("board で approval 得られず", "internal_approval"),
]


@pytest.mark.parametrize(("text", "reason"), [*STORIES, *DENIED, *SPELT])
def test_the_clause_that_is_the_reason_decides(text: str, reason: str) -> None:
    assert read_reasons(pl.Series([text]))["reason"].to_list() == [reason]


def test_none_of_these_was_learned() -> None:
    known = set(corpus.phrases()["phrase"].str.to_lowercase())
    assert [text for text, _ in [*STORIES, *DENIED, *SPELT] if text.lower() in known] == []


def test_what_was_told_before_the_turn_of_a_story_counts_less() -> None:
    told, _ = pieces(pl.Series(["It was cheap. They liked it. However, it failed. Closed.", "It was cheap. Bad."]))
    assert told.stress.tolist() == [pytest.approx(CONCEDED)] * 2 + [1.0] * 4


def test_a_first_sentence_turns_nothing() -> None:
    told, _ = pieces(pl.Series(["However, it failed. We closed it.", "ただ、高い。見送り"]))
    assert told.stress.tolist() == [1.0] * 4


@pytest.mark.parametrize(
    "text",
    [
        "Number of users was high",
        "Highly relevant contact",
        "見積を三回出した",
        "The quote was sent on Monday",
        "請求書の形式",
    ],
)
def test_a_word_near_to_money_is_no_loss_on_price(text: str) -> None:
    assert read_reasons(pl.Series([text]))["reason"].to_list() != ["price"]


@pytest.mark.parametrize("text", ["見送り", "Lost interest", "Decided not to proceed", "zorblat quimbo", "予算超過"])
def test_what_may_mean_several_things_or_nothing_is_left_to_a_person(text: str) -> None:
    assert read_reasons(pl.Series([text]))["reason"].to_list() == [None]

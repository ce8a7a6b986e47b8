"""What `read_reasons` promises: one answer per distinct text, a person where it cannot know, never a guess at price."""

from __future__ import annotations

import polars as pl
import pytest

from recyclekit.policy.reasons import TAXONOMY, read_reasons
from recyclekit.policy.reasons.known import LENGTH, Known

CLEAR = [
    ("月額料金が高すぎて稟議に上げられないと言われた", "price"),
    ("The annual fee is far too high for them", "price"),
    ("今年度の予算が確保できなかった", "no_budget"),
    ("No funding available before the next fiscal year", "no_budget"),
    ("来年4月以降に改めて検討したい", "timing"),
    ("Their current agreement runs until next summer", "timing"),
    ("最終的に他社の製品に決まった", "competitor"),
    ("They signed with another supplier last week", "competitor"),
    ("見積送付後、メールも電話も返事がない", "unresponsive"),
    ("Stopped answering our calls after the demo", "unresponsive"),
    ("必須の連携機能がなく要件を満たせなかった", "needs_mismatch"),
    ("Our product lacks a feature they require", "needs_mismatch"),
    ("情報収集のためだけの問い合わせだった", "info_gathering"),
    ("Only gathering information, no plan to buy", "info_gathering"),
    ("決裁者が誰か最後まで確認できなかった", "bant_unconfirmed"),
    ("We never met the decision maker", "bant_unconfirmed"),
    ("社内の優先順位が下がり保留になった", "priority_pending"),
    ("Put on hold because of other priorities", "priority_pending"),
    ("役員会で稟議が否決された", "internal_approval"),
    ("The board did not approve the purchase", "internal_approval"),
    ("現行システムをそのまま使い続けることになった", "status_quo"),
    ("They will build it in-house", "status_quo"),
    ("プロジェクト自体が中止になった", "project_cancelled"),
    ("The whole project was cancelled by the client", "project_cancelled"),
    ("当社の対応が遅く信頼を失った", "relationship_proposal"),
    ("We were too slow to send the proposal", "relationship_proposal"),
    ("重複登録のためクローズ", "disqualified"),
    ("Duplicate of another opportunity", "disqualified"),
    ("理由は教えてもらえなかった", "other"),
    ("No reason was given", "other"),
]

TURNED = [
    ("価格は問題なかったが、必要な機能が足りなかった", "needs_mismatch"),
    ("予算は確保済みだったが、他社に決まった", "competitor"),
    ("機能は評価されたものの、料金が高すぎた", "price"),
    ("提案は好評だったのに、その後連絡が取れない", "unresponsive"),
    ("Price was fine, but a required integration is missing", "needs_mismatch"),
    ("The budget was approved, however they chose another vendor", "competitor"),
    ("They went silent although the price had been agreed", "unresponsive"),
    ("They loved the demo, but it is too expensive", "price"),
]


@pytest.mark.parametrize(("text", "reason"), CLEAR)
def test_a_clear_text_gets_its_reason(text: str, reason: str) -> None:
    assert _reasons(text) == [reason]


WRAPPED = [
    ("Closed Lost - No Budget", "no_budget"),
    ("Lost: too expensive", "price"),
    ("3. Price", "price"),
    ("③ 予算なし", "no_budget"),
    ("02_競合負け", "competitor"),
    ("【失注】価格が高い", "price"),
    ("失注理由：機能不足", "needs_mismatch"),
    ("失注(他社決定)", "competitor"),
    ("LostToCompetitor", "competitor"),
    ("no_champion_identified", "bant_unconfirmed"),
    ("PRICE_TOO_HIGH", "price"),
    ("Client Gap - No budget", "no_budget"),
    ("Solution Gap - Missing API", "needs_mismatch"),
    ("Customer - chose to build internally", "status_quo"),
    ("今期の予算が確保できず、誠に申し訳ございませんが見送らせていただきます", "no_budget"),
]

NAMED = [
    ("Lost to Zentrix Corp", "competitor"),
    ("Went with Quandora", "competitor"),
    ("ネクサリンに決定", "competitor"),
    ("ロゴタスを採用したとのこと", "competitor"),
    ("ハナミル以外で業者を決めた", "competitor"),
    ("Contract with Quandora runs until 2028", "timing"),
    ("No integration with Zentrix", "needs_mismatch"),
]


@pytest.mark.parametrize(("text", "reason"), WRAPPED)
def test_what_a_crm_or_a_courtesy_wraps_around_a_reason_does_not_hide_it(text: str, reason: str) -> None:
    assert _reasons(text) == [reason]


@pytest.mark.parametrize(("text", "reason"), NAMED)
def test_a_name_that_nobody_has_seen_does_not_hide_the_reason(text: str, reason: str) -> None:
    assert _reasons(text) == [reason]


@pytest.mark.parametrize(
    "text",
    [
        "価格ではなく機能で負けた",
        "価格が理由ではない",
        "Not a price issue, they went with a rival",
        "Not about the price",
    ],
)
def test_a_price_that_is_denied_is_no_loss_on_price(text: str) -> None:
    assert _reasons(text) != ["price"]


@pytest.mark.parametrize(("text", "reason"), TURNED)
def test_what_a_contrast_sets_aside_does_not_decide(text: str, reason: str) -> None:
    assert _reasons(text) == [reason]


@pytest.mark.parametrize(
    "text", ["価格は問題なかった", "予算は確保済み", "Price was not the issue", "The demo went well"]
)
def test_a_text_that_only_says_what_was_right_is_for_a_person(text: str) -> None:
    assert _reasons(text) == [None]


@pytest.mark.parametrize("text", ["Price / Budget", "予算が合わない", "今回は見送り", "Went with a cheaper vendor"])
def test_a_text_with_two_readings_is_for_a_person_and_names_both(text: str) -> None:
    answer = read_reasons(pl.Series([text])).row(0, named=True)
    assert answer["reason"] is None
    assert len(answer["candidates"]) > 1


@pytest.mark.parametrize(
    ("one", "other"), [("ｺｽﾄ", "コスト"), ("NO  BUDGET", "no_budget"), ("ＲＯＩが出ない", "roiが出ない")]
)
def test_width_case_and_spacing_do_not_matter(one: str, other: str) -> None:
    assert _reasons(one) == _reasons(other) != [None]


def test_every_distinct_text_is_answered_once_in_order_of_appearance() -> None:
    answers = read_reasons(pl.Series(["価格", None, "Price", "価格", "", "Price"]))
    assert answers["text"].to_list() == ["価格", "Price", ""]


def test_the_columns_are_those_promised_even_for_nothing() -> None:
    promised = {
        "text": pl.String(),
        "reason": pl.String(),
        "confidence": pl.Float32(),
        "candidates": pl.List(pl.String()),
        "evidence": pl.String(),
    }
    for texts in (pl.Series([], dtype=pl.String), pl.Series([None], dtype=pl.String), pl.Series(["価格", "what now"])):
        assert dict(read_reasons(texts).schema) == promised


def test_reasons_and_candidates_are_codes_and_the_reason_is_the_first_candidate() -> None:
    answers = read_reasons(pl.Series([text for text, _ in CLEAR + TURNED]))
    assert set(answers["candidates"].explode()) <= set(TAXONOMY)
    assert (answers["candidates"].list.first() == answers["reason"]).all()
    assert answers["confidence"].is_between(0, 1).all()


def test_an_answer_does_not_depend_on_what_stands_beside_it() -> None:
    texts = [text for text, _ in CLEAR + TURNED]
    together = read_reasons(pl.Series(texts)).select("text", "reason", "candidates", "evidence")
    alone = pl.concat([read_reasons(pl.Series([text])) for text in texts])
    assert together.equals(alone.select(together.columns))


def test_texts_that_come_in_parts_are_answered_as_if_they_came_at_once() -> None:
    texts = [text for text, _ in CLEAR + TURNED]
    texts += [text + " 3" for text in texts] + ["長い話。" * 100]
    parts, known = [texts[:30], texts[20:60], texts[:1], texts[50:]], Known()
    for part in parts:
        assert read_reasons(pl.Series(part), why=False, known=known).equals(read_reasons(pl.Series(part), why=False))
    assert known.answers is not None
    assert not known.answers["text"].is_duplicated().any()
    assert known.answers["text"].str.len_bytes().max() <= LENGTH


def test_a_huge_cell_is_read_only_at_its_head() -> None:
    head = "プロジェクトが中止になった。"
    answers = read_reasons(pl.Series([head + "あ" * 10_000_000, head + "あ" * 3_000]))
    assert answers["candidates"][0].to_list() == answers["candidates"][1].to_list()


@pytest.mark.parametrize("text", ["", "   ", "-", "。。。", "\n\t", "🙂🙂", "\x00", "\x1e\x1f\x1d", "'", "�"])
def test_nothing_readable_is_no_error_and_never_a_price(text: str) -> None:
    assert _reasons(text)[0] in (None, "other")


def test_the_evidence_names_words_of_the_text() -> None:
    answer = read_reasons(pl.Series(["製品は気に入ったが、初期費用が高すぎると言われて終わった"])).row(0, named=True)
    assert any(word in answer["text"] for word in answer["evidence"].split(" + "))


def _reasons(text: str) -> list[str | None]:
    return read_reasons(pl.Series([text]))["reason"].to_list()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Decision: rival chosen in the final round", "competitor"),
        (
            "We met in May, had a demo in June and a workshop in July. In the end they chose another vendor.",
            "competitor",
        ),
        ("4月に訪問、5月にデモ、6月に見積を提出。最終的に予算が取れず見送り。", "no_budget"),
        ("In September we presented to the board. In October the board rejected the investment.", "internal_approval"),
        ("買収", None),
        ("先方が買収された", None),
        ("買収に伴い案件そのものが中止", "project_cancelled"),
        ("Not interested", None),
        ("They called back in March and want to start in October", "timing"),
    ],
)
def test_months_of_the_past_and_bare_events_are_no_reason(text: str, reason: str | None) -> None:
    assert read_reasons(pl.Series([text]))["reason"].item() == reason

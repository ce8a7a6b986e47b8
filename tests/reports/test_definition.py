from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from markdown_it import MarkdownIt

from recyclekit.models.memory import Memory
from recyclekit.policy.gather import facts
from recyclekit.policy.loader import load_policy
from recyclekit.policy.reasons import TAXONOMY
from recyclekit.policy.spec import Language
from recyclekit.reports.definition import definition
from recyclekit.reports.definition_words import WORDS
from tests.stages.deals_by_hand import AS_OF, TOKYO, at, snapshot


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_document_holds_every_rule_reason_and_track_in_the_readers_language(language: Language) -> None:
    policy = load_policy("standard")
    text = definition(policy, language=language)
    assert policy.stamp.hash in text
    for rule in policy.spec.rules:
        assert rule.labels.word(language) in text
        assert f"`{rule.when}`" in text
    for code in TAXONOMY:
        assert f"`{code}`" in text
    for track in policy.spec.tracks.values():
        assert track.labels.word(language) in text
        assert all(step.hook.word(language) in text for step in track.steps)


def test_the_japanese_document_is_japanese() -> None:
    prose = re.sub(r"`[^`]*`", "", definition(load_policy("standard"), language="ja"))
    english = [line for line in prose.splitlines() if re.search(r"[A-Za-z]{4,}", line.replace("BANT", ""))]
    assert not [line for line in english if "how" not in line]


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["ja"].keys() == WORDS["en"].keys()
    for key, text in WORDS["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", WORDS["ja"][key])), key


def own(*deals: dict[str, Any]) -> pl.DataFrame:
    seen = facts(snapshot(*deals), load_policy("standard"), Memory(), as_of=AS_OF, timezone=TOKYO, reasons={})
    return seen.frame


def test_examples_and_counter_examples_from_own_data_are_counts_and_ids() -> None:
    price, timing = {"lost_reason": "Price"}, {"lost_reason": "Timing", "account_id": "a1"}
    open_deal = {"crm_state": "open", "account_id": "a1", "last_activity_at": at("2026-03-30")}
    text = definition(load_policy("standard"), facts=own(price, price, timing, {"lost_reason": "Timing"}, open_deal))
    assert "2 deals, such as `d1`, `d2`" in text
    assert "no deal at present" in text
    timing_rule = text[text.index("(`recycle_timing`)") :].split("\n\n")[0]
    assert "1 deal, such as `d4`" in timing_rule
    assert "fits 1 deal more, such as `d3`, which an earlier rule decided (other_open_deal)" in timing_rule
    assert "does not fit 2 deals of those lost or stalled, such as `d1`, `d2`" in timing_rule
    (row,) = [line for line in text.splitlines() if "| `timing` |" in line]
    assert row.endswith("| 2 | `d4` | `d3` (other_open_deal) |")


def test_examples_hold_no_text_of_the_deals() -> None:
    text = definition(load_policy("standard"), facts=own({"lost_reason": "Tanaka-san said the price is too high"}))
    assert "`d1`" in text
    assert "Tanaka" not in text


def test_a_policy_of_ones_own_is_described_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "name: own\nversion: '3'\nlabels: {ja: 自社方針, en: Our policy}\nextends: standard\n"
        "status: {stalled_after: {average_lead_time: {minimum_sample: 7, otherwise_days: 45}}}\n"
        "guards: {maximum_share: 0.25, maximum_deals: 90}\nowner_role: marketing\nreason_tracks: {price: pending}\n",
        encoding="utf-8",
    )
    text = definition(load_policy(str(path)))
    assert "# Our policy" in text
    assert "at least 7 deals, otherwise 45 days" in text
    assert "more than 90 deals" in text
    assert "more than 25% of all deals" in text
    assert "belong to marketing" in text
    # A track is named for price, but its rule still excludes it.
    assert re.search(r"\| Price \| `price` \| .* \| not recycled \|", text)


def test_what_is_told_of_a_rule_belongs_to_its_line_of_the_list_also_from_the_tenth_on() -> None:
    html = MarkdownIt("commonmark").render(definition(load_policy("standard"), language="en"))
    rules = html.partition("The rules, in order")[2].partition("<h2>")[0]
    assert rules.count("<ol") == 1, "one list, in which no line has fallen out of its item"

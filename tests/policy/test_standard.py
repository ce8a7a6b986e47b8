from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from pydantic import TypeAdapter

from recyclekit.policy.check import outcome_of
from recyclekit.policy.loader import load_policy
from recyclekit.policy.reasons import TAXONOMY, read_reasons
from recyclekit.policy.schema import EDITOR_LINE, json_schema


@pytest.fixture(scope="module")
def spec():  # type: ignore[no-untyped-def]  # a module's fixture
    return load_policy("standard").spec


def test_every_reason_is_treated_as_the_taxonomy_says() -> None:
    policy = load_policy("standard")
    expected = {"yes": "recycle", "later": "recycle", "no": "exclude", "ask": "review"}
    treated = {code: outcome_of(policy, code)[1] for code in TAXONOMY}
    assert treated == {code: expected[info.recycle] for code, info in TAXONOMY.items()}


def test_what_excludes_comes_before_what_reviews_waits_and_recycles(spec) -> None:  # type: ignore[no-untyped-def]
    order = ["exclude", "review", "wait", "recycle"]
    verdicts = [rule.verdict for rule in spec.rules]
    assert verdicts == sorted(verdicts, key=order.index)


def test_every_recycled_reason_has_its_track_and_the_tracks_use_every_timing(spec) -> None:  # type: ignore[no-untyped-def]
    recycled = {code for code, info in TAXONOMY.items() if info.recycle in ("yes", "later")}
    assert set(spec.reason_tracks) == recycled
    kinds = {track.timing.kind for track in spec.tracks.values()}
    assert kinds == {"same_day", "after", "named_date", "before_budget", "before_contract_end"}


def test_every_phone_call_is_confirmed_by_mail_and_every_warm_track_has_a_meeting(spec) -> None:  # type: ignore[no-untyped-def]
    steps = [step for track in spec.tracks.values() for step in track.steps]
    assert all(step.confirm_by_mail for step in steps if step.channel == "phone")
    assert {step.channel for step in steps} == {"phone", "mail", "meeting", "newsletter"}


def test_price_and_no_budget_are_never_one_value_of_the_picklist(spec) -> None:  # type: ignore[no-untyped-def]
    both = [codes for codes in spec.reasons.values.values() if {"price", "no_budget"} <= {*codes}]
    assert all(isinstance(codes, tuple) for codes in both)


def test_the_picklist_says_what_the_classifier_would_say_of_the_same_words(spec) -> None:  # type: ignore[no-untyped-def]
    read = dict(read_reasons(pl.Series(list(spec.reasons.values))).select("text", "reason").rows())
    assert read == dict(spec.reasons.values)


def test_no_task_text_holds_a_place_for_a_name(spec) -> None:  # type: ignore[no-untyped-def]
    words = json.dumps(spec.model_dump(mode="json")["tracks"], ensure_ascii=False)
    assert "{name}" not in words
    assert "@" not in words


def test_the_schema_describes_every_key_for_editors() -> None:
    schema = json_schema()
    assert schema["required"] == ["name", "version"]
    assert EDITOR_LINE.startswith("# yaml-language-server: $schema=")
    parts = [schema, *schema["$defs"].values()]
    silent = [f"{part.get('title')}.{key}" for part in parts for key, value in part.get("properties", {}).items()
              if "description" not in value]  # fmt: skip
    assert not silent
    assert TypeAdapter(dict).dump_json(schema)


def test_a_rule_on_small_deals_does_not_make_every_reason_one_that_is_not_recycled(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(
        "name: ours\nversion: '1'\nlabels: {ja: 自社, en: Ours}\nextends: standard\nrules:\n"
        "  - {name: small, when: amount < 100000, verdict: exclude, labels: {ja: 小口, en: Small}}\n",
        encoding="utf-8",
    )
    assert outcome_of(load_policy("ours.yaml", folder=tmp_path), "no_budget")[1:] == ("recycle", "next_budget")

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from recyclekit.models.snapshot import Finding
from recyclekit.policy.check import check_policy
from recyclekit.policy.facts import FACTS, FACTS_SCHEMA
from recyclekit.policy.loader import Policy, load_policy
from tests.policy.conftest import SMALL

Loads = Callable[[str], Policy]

CHILD = "name: c\nversion: '1'\nlabels: {ja: 子, en: c}\nextends: standard\n"


def rule(name: str, when: str, verdict: str) -> str:
    return f'  - {{name: {name}, when: "{when}", verdict: {verdict}, labels: {{ja: 規, en: r}}}}\n'


def about(findings: list[Finding], where: str) -> list[str]:
    return [f"{f.level}: {f.what}" for f in findings if f.where == where]


def test_the_standard_policy_has_nothing_but_notes() -> None:
    assert {finding.level for finding in check_policy(load_policy("standard"))} == {"note"}


def test_a_rule_that_an_earlier_one_always_beats_can_never_fire(policy: Loads) -> None:
    text = CHILD + "rules:\n" + rule("big", "amount > 100", "exclude") + rule("bigger", "amount > 500", "review")
    found = about(check_policy(policy(text)), "rule bigger")
    assert found[0] == "warning: can never fire: wherever it matches, first come big."
    other_way = CHILD + "rules:\n" + rule("bigger", "amount > 500", "review") + rule("big", "amount > 100", "exclude")
    assert not [f for f in about(check_policy(policy(other_way)), "rule big") if "never" in f]


def test_a_rule_that_contradicts_itself_matches_nothing(policy: Loads) -> None:
    text = CHILD + "rules:\n" + rule("odd", "inactive_days > 90 AND inactive_days < 60", "exclude")
    assert "matches no deal" in about(check_policy(policy(text)), "rule odd")[0]


@pytest.mark.parametrize(
    "when",
    ["amount > 12345", "closed_on > DATE '2019-07-08'", "product = 'GTX Pro'", "inactive_days = 777", "need_type = 2",
     "competitor LIKE '%Rival%'", "deal_stage IN ('x', 'y z')"],
)  # fmt: skip
def test_limits_and_words_that_a_condition_names_are_tried(policy: Loads, when: str) -> None:
    text = CHILD + "rules:\n" + rule("own", when, "exclude")
    assert not about(check_policy(policy(text)), "rule own")[1:]
    assert not [f for f in about(check_policy(policy(text)), "rule own") if "warning" in f]


def test_an_overlap_of_two_verdicts_is_noted_with_an_example(policy: Loads) -> None:
    text = CHILD + "rules:\n" + rule("big", "amount > 100", "review") + rule("huge_or_old", "amount > 90", "exclude")
    found = about(check_policy(policy(text)), "rule big")[0]
    assert found.startswith(
        "note: comes before 'huge_or_old' (exclude), which also matches, for instance when amount = "
    )


def test_a_reason_that_is_recycled_without_a_track_is_an_error(policy: Loads) -> None:
    text = SMALL.replace("status = 'stalled'", "status = 'lost'").replace(", track: call", "")
    text += "reason_tracks: {timing: call}\n"
    found = check_policy(policy(text))
    assert found[0].level == "error"
    what = "error: rule 'stalled' recycles it, but it has no track: such deals go to review."
    assert about(found, "reason no_budget") == [what]
    assert not about(found, "reason timing")


def test_a_reason_that_no_rule_speaks_of_is_named(policy: Loads) -> None:
    assert "matches no rule" in about(check_policy(policy(SMALL)), "reason timing")[0]


def test_recycling_deals_lost_on_price_is_doubted(policy: Loads) -> None:
    text = CHILD + "rules:\n" + rule("p", "reason = 'price'", "recycle") + "reason_tracks: {price: next_budget}\n"
    assert "rarely won later" in about(check_policy(policy(text)), "reason price")[0]


def test_a_track_that_nothing_leads_to_is_named(policy: Loads) -> None:
    text = CHILD + "reason_tracks: {no_budget: pending}\n"
    assert about(check_policy(policy(text)), "track next_budget") == ["warning: no rule and no reason leads to it."]


@pytest.mark.parametrize(
    ("extra", "where", "says"),
    [
        ("guards: {maximum_share: 0}\n", "guards", "a limit of 0 stops every run"),
        ("guards: {maximum_share: 1}\n", "guards.maximum_share", "guards against nothing"),
        ("clock: {counts: [], crm_field: false}\n", "clock", "every open deal is undated"),
        ("cool_off: {by_reason: {price: 30}}\n", "cool_off.by_reason.price", "never used"),
        ("three_fields: {vague_hooks: []}\n", "three_fields.vague_hooks", "no hook counts as vague"),
    ],
)
def test_a_figure_that_makes_no_sense_is_named(policy: Loads, extra: str, where: str, says: str) -> None:
    assert says in about(check_policy(policy(CHILD + extra)), where)[0]


def test_facts_of_real_deals_are_tried_beside_the_made_up_ones(policy: Loads) -> None:
    text = CHILD + "rules:\n" + rule("rare", "length(name) = 37", "exclude")
    assert "matches no deal" in about(check_policy(policy(text)), "rule rare")[0]
    real = pl.DataFrame({"status": ["lost"], "name": ["n" * 37]})
    assert not [f for f in about(check_policy(policy(text), real), "rule rare") if "matches no deal" in f]


def test_the_same_policy_gets_the_same_findings() -> None:
    assert check_policy(load_policy("standard")) == check_policy(load_policy("standard"))


# -- on one's own deals -----------------------------------------------------------------------------------------------


def own_facts(policy: Policy, **columns: list[Any]) -> pl.DataFrame:
    """Facts of lost deals d1, d2, …; whatever is not named is not known."""
    height = len(next(iter(columns.values())))
    given = {"deal_id": [f"d{n + 1}" for n in range(height)], "status": ["lost"] * height, **columns}
    return pl.DataFrame({name: given.get(name, [None] * height) for name in FACTS}, schema=FACTS_SCHEMA)


def test_overlaps_and_rules_that_never_fire_are_told_on_ones_own_deals(policy: Loads) -> None:
    text = CHILD + "rules:\n" + rule("big", "amount > 100", "exclude") + rule("ours", "owner = 'me'", "review")
    loaded = policy(text)
    found = check_policy(loaded, own_facts(loaded, amount=[500.0, 600.0, 1.0], owner=["me", "me", "you"]))
    assert about(found, "rule ours") == ["warning: matches 2 of your deals and decides none: first come big."]
    assert about(found, "rule big") == ["note: comes before 'ours' (review) on 2 of your deals, such as `d1`, `d2`."]
    assert about(found, "rule opted_out") == ["note: matches none of your 3 lost and stalled deals."]
    assert about(found, "rules") == [
        "warning: 1 of your lost and stalled deals match no rule, such as `d3`."
    ]  # fmt: skip


def test_only_lost_and_stalled_deals_count_and_no_data_at_all_is_no_fault(policy: Loads) -> None:
    loaded = policy(CHILD)
    won = own_facts(loaded, amount=[5.0, 5.0]).with_columns(status=pl.lit("won", dtype=FACTS_SCHEMA["status"]))
    assert not [f for f in check_policy(loaded, won) if f.level != "note"]


def test_a_rule_whose_deals_all_wait_at_present_is_no_fault(policy: Loads) -> None:
    loaded = policy(CHILD)
    day = date(2026, 4, 1)
    facts = own_facts(loaded, reason=["timing"], as_of=[day], cool_off_until=[date(2026, 9, 1)], cycle_running=[False])
    assert about(check_policy(loaded, facts), "rule recycle_timing") == [
        "note: matches 1 of your deals, all of which wait at present (cool_off)."
    ]

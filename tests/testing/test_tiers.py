"""A tier is computed from what passed: one gap holds it back, and silence proves nothing."""

from __future__ import annotations

import pytest

from recyclekit.testing.proving import Tier
from recyclekit.testing.tiers import EXPECTED, FAILED, NEVER, PASSED, UNPROVEN, Result, score

TIERS = (Tier.BRONZE, Tier.SILVER, Tier.GOLD, Tier.PLATINUM)


def result(tier: Tier, outcome: str, test: str = "test_it") -> Result:
    return Result(connector="x", test=test, tier=tier, outcome=outcome)


def all_passed(upto: Tier = Tier.PLATINUM) -> list[Result]:
    return [result(tier, PASSED) for tier in TIERS if tier <= upto]


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_takes_all_tiers_below_it(tier: Tier) -> None:
    assert score(all_passed(tier)).tier is tier


@pytest.mark.parametrize("outcome", [FAILED, EXPECTED, UNPROVEN])
@pytest.mark.parametrize("tier", TIERS)
def test_whatever_is_not_proven_holds_its_tier_back(tier: Tier, outcome: str) -> None:
    found = score([*all_passed(), result(tier, outcome, "test_gap")])
    assert found.tier == tier - 1
    assert [held.test for held in found.held_back_by] == ["test_gap"]
    assert found.next_tier is tier


def test_what_a_system_can_never_do_holds_nothing_back() -> None:
    assert score([*all_passed(), result(Tier.GOLD, NEVER)]).tier is Tier.PLATINUM


def test_nothing_tested_is_no_tier() -> None:
    assert score([]).tier is Tier.NONE
    assert score([result(Tier.BRONZE, NEVER)]).tier is Tier.NONE


def test_at_the_top_nothing_is_left_to_earn() -> None:
    found = score(all_passed())
    assert (found.next_tier, found.held_back_by) == (None, ())


def test_failures_are_told_before_gaps() -> None:
    some = [result(Tier.SILVER, UNPROVEN, "test_a"), result(Tier.SILVER, FAILED, "test_b")]
    assert [held.test for held in score([*all_passed(), *some]).held_back_by] == ["test_b", "test_a"]

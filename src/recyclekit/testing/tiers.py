"""The tier of a connector, computed from what its tests did; nobody can claim one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recyclekit.testing.proving import Tier

PASSED, FAILED, EXPECTED, NEVER, UNPROVEN = "passed", "failed", "expected", "never", "unproven"
"""What became of a test: expected = failed, as a capability that is not yet there must; never = nothing to prove here,
for a reason of the system itself; unproven = left out, because the bench or the author gave no way to prove it."""
_PROVEN = {PASSED, NEVER}
RESULTS = "RECYCLEKIT_KIT_RESULTS"
"""Environment variable: the file into which recyclekit.testing.recorder writes results, one JSON line each."""
COLLECTED = "collected"
"""Key of the line that says how many tests there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One test of the kit on one connector."""

    connector: str
    test: str
    tier: Tier
    outcome: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a connector earned, and what keeps it from the next tier."""

    tier: Tier
    passed: int
    failed: int
    left_out: int
    held_back_by: tuple[Result, ...]

    @property
    def next_tier(self) -> Tier | None:
        """The tier after this one; None at the top."""
        return None if self.tier is Tier.PLATINUM else Tier(self.tier + 1)


def score(results: Sequence[Result]) -> Score:
    """Return the highest tier of which, as of all below it, every test passed or has nothing to prove here.

    A tier of which nothing passed is not earned: silence proves nothing.
    """
    earned = Tier.NONE
    for tier in (Tier.BRONZE, Tier.SILVER, Tier.GOLD, Tier.PLATINUM):
        ours = [r for r in results if r.tier is tier]
        if not any(r.outcome == PASSED for r in ours) or any(r.outcome not in _PROVEN for r in ours):
            break
        earned = tier
    following = Tier(min(earned + 1, Tier.PLATINUM))
    held = [r for r in results if r.tier is following and r.outcome not in _PROVEN]
    return Score(
        tier=earned,
        passed=sum(r.outcome == PASSED for r in results),
        failed=sum(r.outcome == FAILED for r in results),
        left_out=sum(r.outcome not in {PASSED, FAILED} for r in results),
        held_back_by=tuple(sorted(held, key=lambda r: (r.tier, r.outcome != FAILED, r.test))),
    )


def result_of(note: dict[str, Any], test: str, outcome: str, why: str) -> Result:
    """Return the result of one test from the note that the suite left on it and from what pytest says."""
    left_out = note["how"] in {NEVER, UNPROVEN}
    return Result(
        connector=str(note["connector"]),
        test=test,
        tier=Tier(note["tier"]),
        outcome=str(note["how"]) if left_out and outcome == UNPROVEN else outcome,
        why=str(note["why"]) if left_out else why,
    )

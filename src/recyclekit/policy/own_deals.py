"""A policy tried on a company's own deals: what each rule decided, what it had to leave to an earlier one, what not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from recyclekit.models.snapshot import Finding
from recyclekit.policy.facts import FACTS_SCHEMA
from recyclekit.policy.judge import JUDGED, judge
from recyclekit.policy.loader import Policy

SHOWN: Final = 3
"""Deals, and other rules, that are named; the rest is counted. Only ids are shown, never a person or a text."""


@dataclass(frozen=True, slots=True)
class OwnDeals:
    """Facts of real deals that rules speak of (lost and stalled), beside what the policy makes of them.

    Attributes:
        facts: columns FACTS, one row per deal; null where nothing was asked or is known.
        judged: as `policy.judge.judge` gives it, row by row.
        matches: one Boolean column per rule, named by its number; false where it abstains.
    """

    facts: pl.DataFrame
    judged: pl.DataFrame
    matches: pl.DataFrame

    @classmethod
    def of(cls, policy: Policy, facts: pl.DataFrame) -> OwnDeals:
        """Try a policy on facts (those of FACTS that its conditions read) of deals of any status."""
        judged = facts.filter(pl.col("status").is_in([status.value for status in JUDGED]))
        asked = judged.select(
            (pl.col(name) if name in facts.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in FACTS_SCHEMA.items()
        )
        conditions = enumerate(policy.conditions)
        return cls(
            facts=asked,
            judged=judge(asked, policy),
            matches=asked.select(c.expr.fill_null(value=False).alias(str(at)) for at, c in conditions),
        )

    def ids(self, where: pl.Series) -> list[str]:
        """Return the ids of a few of these deals."""
        return list(self.facts["deal_id"].filter(where).head(SHOWN))

    def fired(self, rule: str) -> pl.Series:
        """Return which deals this rule decided."""
        return (self.judged["rule"] == rule).fill_null(value=False)

    def lost_to(self, at: int, rule: str) -> pl.Series:
        """Return which deals the rule (number `at`) matches and an earlier one decided."""
        return self.matches[str(at)] & ~self.fired(rule)

    def told(self, where: pl.Series) -> str:
        """Return a few of these deals for reading: `d1`, `d2`."""
        return ", ".join(f"`{deal}`" for deal in self.ids(where))


def check_on(policy: Policy, deals: OwnDeals) -> Iterator[Finding]:
    """Yield what shows on real deals: rules that match none, that never fire, that overlap; deals without a rule."""
    for at, rule in enumerate(policy.spec.rules):
        mine, fired = deals.matches[str(at)], deals.fired(rule.name)
        where = f"rule {rule.name}"
        if not mine.any():
            what = f"matches none of your {deals.facts.height:,} lost and stalled deals."
            yield Finding(level="note", where=where, what=what)
        elif not fired.any():
            yield _beaten(policy, where, mine, deals.judged.filter(mine)["rule"])
        yield from _overlaps(policy, deals, at)
    left = deals.judged["rule"].is_null()
    if left.any():
        what = f"{left.sum():,} of your lost and stalled deals match no rule, such as {deals.told(left)}."
        yield Finding(level="warning", where="rules", what=what, fix="Add a rule for them, even if it is `review`.")


def _beaten(policy: Policy, where: str, mine: pl.Series, winners: pl.Series) -> Finding:
    """Return the finding on a rule that earlier ones beat on all of its deals; `wait` does so for a while only."""
    earlier = winners.drop_nulls().unique(maintain_order=True)
    told = ", ".join(earlier.head(SHOWN))
    waits = {rule.name for rule in policy.spec.rules if rule.verdict == "wait"}
    if set(earlier) <= waits:
        what = f"matches {mine.sum():,} of your deals, all of which wait at present ({told})."
        return Finding(level="note", where=where, what=what)
    what = f"matches {mine.sum():,} of your deals and decides none: first come {told}."
    return Finding(level="warning", where=where, what=what, fix="Move it up, or take it out.")


def _overlaps(policy: Policy, deals: OwnDeals, first: int) -> Iterator[Finding]:
    """Name the later rules of another verdict that would have decided deals which this one decided."""
    rules, fired = policy.spec.rules, deals.fired(policy.spec.rules[first].name)
    both = [
        (int(shared.sum()), rules[second], shared)
        for second in range(first + 1, len(rules))
        if rules[second].verdict != rules[first].verdict and (shared := deals.matches[str(second)] & fired).any()
    ]
    if both:
        both.sort(key=lambda one: -one[0])
        told = ", ".join(f"'{rule.name}' ({rule.verdict}) on {count:,}" for count, rule, _ in both[:SHOWN])
        more = f" and {len(both) - SHOWN} more" if len(both) > SHOWN else ""
        what = f"comes before {told}{more} of your deals, such as {deals.told(both[0][2])}."
        yield Finding(level="note", where=f"rule {rules[first].name}", what=what)

"""What is doubtful in a policy that loads: rules that can never fire, overlaps, reasons that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

import polars as pl

from recyclekit.models.snapshot import Finding
from recyclekit.models.wording import counted
from recyclekit.policy.cases import cases
from recyclekit.policy.facts import FACTS, FACTS_SCHEMA
from recyclekit.policy.loader import Policy
from recyclekit.policy.own_deals import OwnDeals, check_on
from recyclekit.policy.reasons import TAXONOMY

NOT_RECYCLED: Final = {"price": "no_budget"}
"""A reason that must not be treated like its neighbour: the win rate of deals lost on price is markedly low."""


def check_policy(policy: Policy, frame: pl.DataFrame | None = None) -> list[Finding]:
    """Return what a person should look at, errors first.

    Args:
        policy: a policy that loads.
        frame: facts of real deals, where there are some: they are tried beside the made-up ones, and overlaps are told
            as they occur among them.
    """
    tried = cases(policy.conditions)
    on_data: list[Finding] = []
    if frame is not None:
        own = OwnDeals.of(policy, frame)
        on_data = list(check_on(policy, own))
        tried = pl.concat([tried, own.facts])
    matches = tried.select(c.expr.fill_null(value=False).alias(str(at)) for at, c in enumerate(policy.conditions))
    made_up = [finding for finding in _rules(policy, tried, matches) if frame is None or finding.level != "note"]
    silent = {finding.where for finding in made_up}
    found = [*made_up, *(f for f in on_data if f.level != "warning" or f.where not in silent)]
    found += [*_reasons(policy), *_tracks(policy), *_figures(policy)]
    return sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.level))


# -- rules ------------------------------------------------------------------------------------------------------------


def _rules(policy: Policy, tried: pl.DataFrame, matches: pl.DataFrame) -> Iterator[Finding]:
    """Name rules that never match, rules that others always beat, and pairs with different verdicts that both match."""
    before = pl.repeat(value=False, n=tried.height, eager=True)
    rules = policy.spec.rules
    for at, rule in enumerate(rules):
        mine = matches[str(at)]
        wins = mine & ~before
        if not mine.any():
            yield Finding(
                level="warning",
                where=f"rule {rule.name}",
                what=f"`{rule.when}` matches no deal that could be made up or was read.",
                fix="Is a value misspelt, or do two parts contradict each other?",
            )
        elif not wins.any():
            beaten = [r.name for n, r in enumerate(rules[:at]) if (matches[str(n)] & mine).any()]
            yield Finding(
                level="warning",
                where=f"rule {rule.name}",
                what=f"can never fire: wherever it matches, first come {', '.join(beaten)}.",
                fix="Move it up, or take it out.",
            )
        before = before | mine
    for at in range(len(rules)):
        yield from _overlaps(policy, tried, matches, at)


_EVERYWHERE: Final = frozenset({"status", "as_of", "cycle_running"})
"""Facts that rules of every kind read; sharing one of these says nothing about two rules."""


def _overlaps(policy: Policy, tried: pl.DataFrame, matches: pl.DataFrame, first: int) -> Iterator[Finding]:
    """Name later rules of another verdict that match some of the same deals.

    Two that read the same fact get a note each, since one of them may be meant to be narrower; the others, such as
    "opted out" before every reason, share one.
    """
    rules, mine, apart = policy.spec.rules, set(policy.conditions[first].reads) - _EVERYWHERE, []
    for second in range(first + 1, len(rules)):
        both = matches[str(first)] & matches[str(second)]
        if rules[second].verdict == rules[first].verdict or not both.any():
            continue
        if mine & set(policy.conditions[second].reads):
            yield _overlap(policy, tried.filter(both), first, [second])
        else:
            apart.append(second)
    if apart:
        both = matches[str(first)] & matches[str(apart[0])]
        yield _overlap(policy, tried.filter(both), first, apart)


def _overlap(policy: Policy, both: pl.DataFrame, first: int, others: list[int]) -> Finding:
    rules, conditions = policy.spec.rules, policy.conditions
    reads = [name for name in FACTS if name in {*conditions[first].reads, *conditions[others[0]].reads}]
    example = both.select(reads).row(0, named=True)
    values = ", ".join(f"{name} = {'null' if value is None else value}" for name, value in example.items())
    more = f" and {counted(len(others) - 1, 'more rule')}" if len(others) > 1 else ""
    return Finding(
        level="note",
        where=f"rule {rules[first].name}",
        what=f"comes before '{rules[others[0]].name}' ({rules[others[0]].verdict}){more}, which also match"
        f"{'' if more else 'es'}, for instance when {values}.",
    )


# -- reasons and tracks -----------------------------------------------------------------------------------------------


def _reasons(policy: Policy) -> Iterator[Finding]:
    outcome = {reason: outcome_of(policy, reason) for reason in TAXONOMY}
    for reason, (rule, verdict, track) in outcome.items():
        if verdict is None:
            what = "a deal lost for it, and for which nothing else is known, matches no rule."
            yield Finding(
                level="warning", where=f"reason {reason}", what=what, fix="Add a rule, even if it is `review`."
            )
        elif verdict == "recycle" and track is None:
            what = f"rule '{rule}' recycles it, but it has no track: such deals go to review."
            yield Finding(level="error", where=f"reason {reason}", what=what, fix="Name one under `reason_tracks`.")
    for reason, other in NOT_RECYCLED.items():
        if outcome[reason][1] == "recycle":
            what = f"it is recycled; deals lost for it are rarely won later. It is not the same as {other}."
            yield Finding(level="warning", where=f"reason {reason}", what=what, fix="Exclude it.")


def outcome_of(policy: Policy, reason: str) -> tuple[str | None, str | None, str | None]:
    """Return rule, verdict and track of a plain deal that was lost for this reason a year ago."""
    plain = _plain_case().with_columns(pl.lit(reason, dtype=FACTS_SCHEMA["reason"]).alias("reason"))
    for rule, condition in policy.rules:
        if plain.select(condition.expr.alias("_"))["_"].item():
            return rule.name, rule.verdict, rule.track or policy.spec.reason_tracks.get(reason)
    return None, None, None


def _plain_case() -> pl.DataFrame:
    known = {"status": "lost", "crm_state": "lost", "reason_source": "picklist", "opted_out": False, "bounced": False}
    known |= {"account_open_deals": 0, "account_stalled_deals": 0, "cycles_done": 0, "maximum_cycles": 3}
    known |= {"cycle_running": False, "inactive_days": 365, "closed_days": 365, "deal_id": "1"}
    return pl.DataFrame({name: [known.get(name)] for name in FACTS}, schema=FACTS_SCHEMA)


def _tracks(policy: Policy) -> Iterator[Finding]:
    spec = policy.spec
    used = {rule.track for rule in spec.rules} | set(spec.reason_tracks.values())
    for name, track in spec.tracks.items():
        if name not in used:
            what = "no rule and no reason leads to it."
            yield Finding(
                level="warning", where=f"track {name}", what=what, fix="Name it in `reason_tracks`, or take it out."
            )
        for step in track.steps:
            if step.channel == "newsletter" and not step.list:
                what = f"step '{step.name}' is a newsletter without a `list` to enrol in."
                yield Finding(level="error", where=f"track {name}", what=what, fix="Name the list.")
            if step.channel != "phone" and step.confirm_by_mail:
                what = f"step '{step.name}' is no phone call, so `confirm_by_mail` does nothing."
                yield Finding(level="note", where=f"track {name}", what=what)
        if track.steps[0].after_days:
            what = (
                f"its first step '{track.steps[0].name}' comes {track.steps[0].after_days} days after the timing's day."
            )
            yield Finding(level="note", where=f"track {name}", what=what)


# -- figures ----------------------------------------------------------------------------------------------------------


def _figures(policy: Policy) -> Iterator[Finding]:
    spec = policy.spec
    guards = spec.guards
    if guards.maximum_deals == 0 or guards.maximum_share == 0:
        yield Finding(level="warning", where="guards", what="a limit of 0 stops every run that recycles anything.")
    if guards.maximum_share == 1:
        yield Finding(level="note", where="guards.maximum_share", what="a share of 1 guards against nothing.")
    if guards.maximum_deals is None and guards.maximum_share is None:
        what = "there is none: a run may recycle any number of deals at once."
        yield Finding(level="note", where="guards", what=what, fix="Set `maximum_share`, say 0.3.")
    if not spec.clock.counts and not spec.clock.crm_field:
        yield Finding(level="error", where="clock", what="nothing counts as contact: every open deal is undated.")
    if spec.three_fields.ask_within_days and not spec.three_fields.vague_hooks:
        yield Finding(level="note", where="three_fields.vague_hooks", what="no hook counts as vague.")
    for reason in spec.cool_off.by_reason:
        if outcome_of(policy, reason)[1] in ("exclude", "review"):
            what = "its cool-off is never used: such deals are not recycled."
            yield Finding(level="note", where=f"cool_off.by_reason.{reason}", what=what)
    for (one, first), (two, second) in product(spec.tracks.items(), repeat=2):
        if one < two and first.steps == second.steps and first.timing == second.timing:
            yield Finding(level="note", where=f"tracks {one}, {two}", what="they are the same.")

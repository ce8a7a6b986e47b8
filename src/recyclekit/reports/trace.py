"""Why this deal? Every rule with the inputs it saw, which fired, which abstained, and when the answer flips."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.errors import InputError
from recyclekit.models.decision import CLASSIFIED, ERASED
from recyclekit.models.hand_back import HandBack
from recyclekit.models.headings import fold
from recyclekit.models.memory import Memory
from recyclekit.models.plan import PolicyStamp
from recyclekit.models.snapshot import Snapshot
from recyclekit.policy import derive
from recyclekit.policy.erased import without_erased
from recyclekit.policy.gather import facts
from recyclekit.policy.judge import JUDGED, judge
from recyclekit.policy.loader import Policy
from recyclekit.policy.reason_lookup import Picklist
from recyclekit.reports.inputs import Input, inputs_of

HORIZON_DAYS: Final = 800
"""How far ahead the flip point is looked for: two fiscal years and a bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """One rule, as this deal met it.

    `outcome`: fired, matched (an earlier rule had fired), unmatched, abstained (a value is missing), not_asked (rules
    speak of lost and stalled deals only).
    """

    name: str
    verdict: str
    outcome: str
    when: str
    labels: Mapping[str, str]
    inputs: tuple[Input, ...]
    missing: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """The first day on which the answer is another one, if nobody touches the deal until then."""

    on: date
    what: str
    status: str
    verdict: str
    rule: str | None
    track: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """An explanation of one decision. `decision` holds the columns CLASSIFIED but the fingerprint."""

    deal_id: str
    as_of: date
    policy: PolicyStamp
    decision: Mapping[str, Any]
    because: str
    status_inputs: tuple[Input, ...]
    rules: tuple[RuleTrace, ...]
    flip: Flip | None
    no_flip: str = ""  # why there is none, in words
    touch: Mapping[str, Any] | None = None  # what is scheduled: bucket, step, date, owner, channel, hook, note
    handed_back: Mapping[str, Any] | None = None  # by the next run: cycle, track, reason, steps, what moved
    was_handed_back: tuple[HandBack, ...] = ()  # by earlier runs, the last first


_ERASED = "Its person was erased: it is counted and left alone, whatever the rules say."


def trace(
    deal_id: str,
    snapshot: Snapshot,
    policy: Policy,
    memory: Memory,
    *,
    as_of: date,
    timezone: ZoneInfo,
    reasons: Picklist | None = None,
) -> Trace:
    """Explain the decision on one deal; arguments as in `stages.classify.classify`.

    Raises:
        InputError: there is no such deal, with those that come nearest.
    """
    found = facts(snapshot, policy, memory, as_of=as_of, timezone=timezone, reasons=reasons or {})
    row = found.frame.filter(pl.col("deal_id") == deal_id)
    if row.is_empty():
        raise _unknown(deal_id, snapshot)
    judged = pl.concat([row, without_erased(judge(row, policy), row, memory.erased)], how="horizontal")
    decision = judged.select(name for name in CLASSIFIED if name != "fingerprint").row(0, named=True)
    inputs = inputs_of(row, snapshot)
    is_erased = decision["rule"] == ERASED
    rules = () if is_erased else _rules(row, policy, decision, inputs)
    flip = None if is_erased else _flip(row, policy, decision)
    return Trace(
        deal_id=deal_id,
        as_of=as_of,
        policy=policy.stamp,
        decision=decision,
        because=_ERASED if is_erased else _because(decision, rules),
        status_inputs=tuple(
            inputs[name] for name in ("crm_state", "last_contact_on", "inactive_days", "stalled_after_days")
        ),
        rules=rules,
        flip=flip,
        no_flip="" if flip else _no_flip(decision),
    )


def _unknown(deal_id: str, snapshot: Snapshot) -> InputError:
    dead = snapshot.dead_letters.filter((pl.col("record_id") == deal_id) & (pl.col("table") == "deals"))
    if dead.height:
        line, reason = dead.select("line", "reason").row(0)
        return InputError(f"Deal '{deal_id}' was set aside (line {line}): {reason}", fix="Correct it in the CRM.")
    known = {fold(one): one for one in snapshot.deals["deal_id"].head(20_000)}
    near = [known[one] for one in difflib.get_close_matches(fold(deal_id), list(known), n=3)]
    fix = f"Did you mean {', '.join(near)}?" if near else "Check the id; it is the CRM's own."
    return InputError(f"There is no deal '{deal_id}'.", fix=fix)


# -- rules ------------------------------------------------------------------------------------------------------------


def _rules(
    row: pl.DataFrame, policy: Policy, decision: Mapping[str, Any], inputs: Mapping[str, Input]
) -> tuple[RuleTrace, ...]:
    answers = row.select(c.expr.alias(str(at)) for at, c in enumerate(policy.conditions)).row(0)
    asked = decision["status"] in [status.value for status in JUDGED]
    traces = []
    for (rule, condition), answer in zip(policy.rules, answers, strict=True):
        seen = tuple(inputs[name] for name in condition.reads)
        missing = tuple(i.name for i in seen if i.value is None)
        outcome = _outcome(rule.name, decision["rule"], answer, asked=asked)
        traces.append(
            RuleTrace(
                name=rule.name,
                verdict=rule.verdict,
                outcome=outcome,
                when=rule.when,
                labels=rule.labels.model_dump(),
                inputs=seen,
                missing=missing if outcome == "abstained" else (),
                why=_why(outcome, seen, missing, decision),
            )
        )
    return tuple(traces)


def _outcome(name: str, winner: str | None, answer: bool | None, *, asked: bool) -> str:
    if not asked:
        return "not_asked"
    if answer is None:
        return "abstained"
    if not answer:
        return "unmatched"
    return "fired" if name == winner else "matched"


def _why(outcome: str, seen: tuple[Input, ...], missing: tuple[str, ...], decision: Mapping[str, Any]) -> str:
    lacks = ", ".join(f"{i.name} ({i.source})" for i in seen if i.name in missing)
    values = ", ".join(f"{i.name} is {i.text}" for i in seen)
    return {
        "fired": f"It is the first that matches: {values}.",
        "matched": f"It matches too, but '{decision['rule']}' comes first.",
        "unmatched": f"It does not match: {values}.",
        "abstained": f"It cannot judge, since it lacks {lacks}.",
        "not_asked": f"Rules are not asked about deals that are {decision['status']}.",
    }[outcome]


def _because(decision: Mapping[str, Any], rules: tuple[RuleTrace, ...]) -> str:
    winner = next((rule for rule in rules if rule.outcome == "fired"), None)
    if winner is None:
        asked = any(rule.outcome != "not_asked" for rule in rules)
        return "No rule matches." if asked else f"The deal is {decision['status']}; rules are not asked."
    if decision["verdict"] != winner.verdict:
        return f"Rule '{winner.name}' matches, but there is no track for it: a person must look."
    return f"Rule '{winner.name}' is the first that matches: {winner.labels['en']}."


# -- the flip point ---------------------------------------------------------------------------------------------------


def _flip(row: pl.DataFrame, policy: Policy, decision: Mapping[str, Any]) -> Flip | None:
    """Judge the deal on each of the coming days, as if nothing but time happened."""
    start = row["as_of"].item()
    days = pl.DataFrame({"as_of": [start + timedelta(days=n) for n in range(1, HORIZON_DAYS + 1)]})
    rest = derive.rest(policy.spec)
    future = (
        row.drop("as_of")
        .join(days, how="cross")
        .with_columns(derive.status())
        .with_columns(rest[name]().alias(name) for name in rest if name in row.columns)
    )
    judged = pl.concat([future, judge(future, policy)], how="horizontal")
    answer = ("status", "verdict", "track")
    changed = judged.filter(
        pl.any_horizontal(pl.col(name).cast(pl.String).ne_missing(decision[name]) for name in answer)
    )
    if changed.is_empty():
        return None
    then = changed.sort("as_of").row(0, named=True)
    return Flip(
        on=then["as_of"],
        what=_flip_in_words(then, decision),
        status=then["status"],
        verdict=then["verdict"],
        rule=then["rule"],
        track=then["track"],
    )


def _flip_in_words(then: Mapping[str, Any], decision: Mapping[str, Any]) -> str:
    rule = f" (rule '{then['rule']}')" if then["rule"] else ""
    if then["status"] != decision["status"]:
        becomes = f"becomes {then['status']} on {then['as_of']} if nobody makes contact"
        return f"{becomes}; verdict then: {then['verdict']}{rule}"
    if then["verdict"] != decision["verdict"]:
        return f"{decision['verdict']} turns into {then['verdict']} on {then['as_of']}{rule}"
    return f"moves to the track '{then['track']}' on {then['as_of']}{rule}"


def _no_flip(decision: Mapping[str, Any]) -> str:
    if decision["status"] == "undated":
        return "It has no activity date: no day can make it stalled until somebody logs a contact."
    return f"Time alone changes nothing within {HORIZON_DAYS} days; a change of the deal would."

"""What the HTML report says, as plain data for its template: chosen, counted and ordered here, laid out there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from recyclekit.models.decision import Bucket, Verdict
from recyclekit.models.plan import Plan
from recyclekit.models.run import Outcome
from recyclekit.reports import money
from recyclekit.reports.figures import (
    Equation,
    Week,
    buckets_equation,
    in_buckets,
    loads,
    reason_shown,
    status_equation,
    tally,
    weeks,
)
from recyclekit.reports.lines import changed_deals, plan_lines
from recyclekit.reports.words import Words

TOUCHES, LISTED, COUNTED = 200, 200, 30
"""Rows shown at most: touches; deals to review or handed back, dead letters; codes of one tally."""

_SAVED = (Bucket.SCHEDULED, Bucket.WAITING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the calendar's chart, in parts from the bottom up: (channel, touches, height, y), of 100."""

    week: Week
    parts: tuple[tuple[str, int, float, float], ...]


def page(plan: Plan, *, words: Words, outcome: Outcome | None = None) -> dict[str, Any]:
    """Return the template's variables."""
    decisions = plan.decisions
    found, later = weeks(decisions)
    saved = in_buckets(decisions, _SAVED)
    return {
        "m": plan.manifest,
        "label": words.label,
        "money": money,
        "has_money": money.has_money(decisions),
        "saved": saved.height,
        "saved_money": money.sums(saved),
        "counts": {str(b): n for b, n in buckets_equation(plan.manifest).parts},
        "statuses": status_equation(plan.manifest),
        "buckets": buckets_equation(plan.manifest),
        "reasons": tally(decisions, "reason"),
        "tallies": {name: tally(decisions, name)[:COUNTED] for name in ("verdict", "rule", "track")},
        "columns": chart(found),
        "channels": sorted({channel for week in found for channel in week.channels}),
        "later": later,
        "loads": loads(decisions),
        "touches": _touches(plan),
        "review": _review(decisions),
        "review_total": in_buckets(decisions, (Bucket.REVIEW,)).height,
        "letters": plan.dead_letters.head(LISTED).to_dicts(),
        "letters_total": plan.dead_letters.height,
        "unmapped": plan.unmapped.head(COUNTED).to_dicts(),
        "findings": [f for f in plan.findings if plan.unmapped.is_empty() or f.where != "reasons"],
        "handed_back": plan.handed_back.head(LISTED).to_dicts(),
        "handed_back_total": plan.handed_back.height,
        "unfinished": plan.unfinished.head(LISTED).to_dicts(),
        "outcome": outcome,
        "parts": _outcome_parts(outcome),
    }


def chart(found: Sequence[Week]) -> list[Column]:
    """Return the weeks as columns whose heights are in parts of a hundred of the fullest week."""
    most = max((week.touches for week in found), default=0) or 1
    columns = []
    for week in found:
        parts, top = [], 100.0
        for channel, touches in sorted(week.channels.items()):
            height = round(100 * touches / most, 2)
            top -= height
            parts.append((channel, touches, height, round(top, 2)))
        columns.append(Column(week=week, parts=tuple(parts)))
    return columns


def _touches(plan: Plan) -> list[Any]:
    deals = changed_deals(plan).filter(pl.col("next_approach_on").is_not_null())
    return plan_lines(plan, deals.head(TOUCHES))


def _review(decisions: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the deals that a person must look at, the most valuable first."""
    rows = decisions.filter(pl.col("verdict") == str(Verdict.REVIEW)).with_columns(reason=reason_shown())
    if money.has_money(rows):
        rows = money.with_currency(rows).sort("amount", "deal_id", descending=[True, False], nulls_last=True)
    shown = ("deal_id", "status", "reason", "rule", "inactive_days", "note", "amount", "currency")
    return rows.head(LISTED).select(name for name in shown if name in rows.columns).to_dicts()


def _outcome_parts(outcome: Outcome | None) -> Mapping[str, Sequence[tuple[str, str]]]:
    if outcome is None:
        return {}
    return {"skipped": outcome.skipped, "failed": outcome.failed, "in_doubt": outcome.in_doubt}


def share(part: int, whole: int | Equation) -> float:
    """Return a part of a hundred, for the width of a bar."""
    total = whole.total if isinstance(whole, Equation) else whole
    return round(100 * part / total, 2) if total else 0.0

"""The short tables that a page shows of a plan and of a run's receipts: codes, ids and counts, never people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from recyclekit.models.decision import Status
from recyclekit.models.hand_back import what_moved, what_was_tried
from recyclekit.models.outcome import TOLD
from recyclekit.models.plan import Plan
from recyclekit.reports.lines import PlanLine, changed_deals, plan_lines

STALLED = str(Status.STALLED)
"""Stands where a deal was never lost: that it had stalled is why it was recycled."""


def first_lines(plan: Plan, most: int) -> list[PlanLine]:
    """Return the first deals that change, in the order of writing: those that a limit would let through."""
    order = plan.actions.select("deal_id").unique(maintain_order=True).head(most)
    return plan_lines(plan, order.join(changed_deals(plan), on="deal_id", how="left", maintain_order="left"))


def set_aside(letters: pl.DataFrame) -> list[tuple[int, str, str, str]]:
    """Return (records, table, stage, code) of dead letters, the most first; their reasons show values and stay out."""
    counts = letters.group_by("table", "stage", "code").len("records").sort("records", "code", descending=[True, False])
    return counts.select("records", "table", "stage", "code").rows()


HAND_BACK = ("deal", "reason", "track", "cycle", "steps tried", "what moved")
"""Columns of `hand_back_row`."""


def hand_back_row(row: Mapping[str, Any]) -> tuple[str, str, str, str, str, str]:
    """Return a hand-back for reading; of a row of HANDED_BACK, or a HandBack as a dict."""
    tried, moved = what_was_tried(row["steps"]), what_moved(row)
    return row["deal_id"], row["reason"] or STALLED, row["track"] or "", str(row["cycle"]), tried, moved


def kinds_by_state(actions: pl.DataFrame) -> list[tuple[str, str, int]]:
    """Return (kind, state, count) of a run's actions, as `LedgerReader.actions` gives them."""
    counts = actions.group_by(pl.col("kind").cast(pl.String), pl.col("state").cast(pl.String)).len("count")
    return counts.sort("kind", "state").rows()


def not_written(actions: pl.DataFrame) -> Sequence[tuple[str, str, str, str]]:
    """Return (deal, kind, state, code) of the actions that were not written; what the other side said stays out."""
    left = actions.filter(pl.col("state").cast(pl.String).is_in([str(state) for state in TOLD]))
    kind, state = pl.col("kind").cast(pl.String), pl.col("state").cast(pl.String)
    return left.select("deal_id", kind, state, pl.col("code").fill_null("")).rows()

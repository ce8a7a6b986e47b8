"""The lines of a plan for reading: one per deal that changes, put together from its actions. Never sales' own text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from recyclekit.models.hand_back import what_moved
from recyclekit.models.plan import ActionKind, Change, Plan
from recyclekit.reports.figures import reason_shown

ASK = "ask"
"""Step of the to-do that asks a deal's owner for what is missing."""

_FACTS = ("status", "next_approach_on", "owner", "channel", "step", "note", "amount", "currency")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One deal that the plan changes.

    Attributes:
        hook: what to come back with, where the policy says it; where sales wrote it, `hook_by_sales` is true instead.
        asks: subjects of to-dos for the deal's owner, who left something out.
        moved: of a deal that is handed back to sales: what moved, in words.
    """

    change: Change
    deal_id: str
    cycle: int
    status: str | None = None
    reason: str | None = None
    rule: str | None = None
    track: str | None = None
    step: str | None = None
    due_on: date | None = None
    owner: str | None = None
    channel: str | None = None
    hook: str | None = None
    hook_by_sales: bool = False
    asks: tuple[str, ...] = ()
    moved: str | None = None
    note: str | None = None
    amount: float | None = None
    currency: str | None = None


def changed_deals(plan: Plan) -> pl.DataFrame:
    """Return one row per deal that changes: change, deal_id, cycle, rule, track, and the facts of its decision.

    Those due first come first, of one day the most valuable, where the decisions say what a deal is worth.
    """
    real = pl.col("step").is_null() | (pl.col("step") != ASK)
    read = plan.scan_actions().select("deal_id", "change", "cycle", "rule", "track", "step").collect()
    heads = read.group_by("deal_id", maintain_order=True).agg(
        pl.col("change").first().cast(pl.String),
        pl.col("cycle").first(),
        pl.col("rule").drop_nulls().first(),
        pl.col("track").drop_nulls().first(),
        touches=real.any(),
    )
    there = plan.scan_decisions().collect_schema().names()
    facts = [name for name in _FACTS if name in there]
    concerned = plan.scan_decisions().join(heads.lazy().select("deal_id"), on="deal_id", how="semi")
    decided = concerned.select("deal_id", *facts, reason=reason_shown()).collect()
    found = heads.join(decided, on="deal_id", how="left", maintain_order="left")
    order = ["next_approach_on", *(["amount"] if "amount" in facts else []), "deal_id"]
    return found.sort(order, descending=[name == "amount" for name in order], nulls_last=True)


def plan_lines(plan: Plan, deals: pl.DataFrame) -> list[PlanLine]:
    """Return the lines of some of the deals that `changed_deals` gave, in their order."""
    wanted = plan.scan_actions().filter(pl.col("deal_id").is_in(deals["deal_id"].implode())).collect()
    actions: dict[str, list[dict[str, object]]] = {}
    for action in wanted.select("deal_id", "kind", "step", "payload").iter_rows(named=True):
        actions.setdefault(action["deal_id"], []).append(action)
    returned = plan.handed_back.filter(pl.col("deal_id").is_in(deals["deal_id"].implode()))
    moved = {row["deal_id"]: what_moved(row) for row in returned.iter_rows(named=True)}
    rows = deals.iter_rows(named=True)
    return [_line(row, actions[row["deal_id"]], moved.get(row["deal_id"])) for row in rows]


def _line(row: Mapping[str, object], actions: Iterable[Mapping[str, object]], moved: str | None) -> PlanLine:
    payloads = [(str(a["kind"]), a["step"], json.loads(str(a["payload"] or "{}"))) for a in actions]
    task: dict[str, object] = next(
        (p for kind, step, p in payloads if kind == ActionKind.CREATE_TASK and step != ASK), {}
    )
    fields: dict[str, object] = next((p for kind, _, p in payloads if kind == ActionKind.SET_FIELDS), {})
    leaving = row["change"] == Change.REMOVE
    merged = {**{name.removeprefix("recycle_"): value for name, value in fields.items()}, **task}
    by_sales = merged.get("hook_source") == "sales"
    return PlanLine(
        change=Change(str(row["change"])),
        deal_id=str(row["deal_id"]),
        cycle=int(str(row["cycle"] or 1)),
        status=_text(row.get("status")),
        reason=_text(row.get("reason") or merged.get("reason")),
        rule=_text(row.get("rule")),
        track=_text(row.get("track") or merged.get("track")),
        step=None if leaving else _text(row.get("step") or task.get("step")),
        due_on=None if leaving else _day(row.get("next_approach_on") or merged.get("due_on") or merged.get("next_on")),
        owner=None if leaving else _text(row.get("owner") or merged.get("owner")),
        channel=None if leaving else _text(row.get("channel") or merged.get("channel")),
        hook=None if by_sales or leaving else _text(merged.get("hook")),
        hook_by_sales=by_sales,
        asks=tuple(str(p.get("subject", ASK)) for kind, step, p in payloads if step == ASK),
        moved=moved,
        note=_text(row.get("note")),
        amount=row.get("amount"),  # type: ignore[arg-type]  # the column is Float64
        currency=_text(row.get("currency")),
    )


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _day(value: object) -> date | None:
    return value if isinstance(value, date) else date.fromisoformat(str(value)) if value else None

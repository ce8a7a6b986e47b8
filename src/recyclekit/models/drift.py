"""What changed between plan and write: compares planned actions with the deals as they are now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import polars as pl

from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState

Reread = Callable[[Sequence[str]], pl.DataFrame]
"""deal ids → one row per deal that still exists: deal_id, fingerprint, and our own fields as they stand now."""

CODE = "drift"
LATE = "late"


def late(actions: pl.DataFrame, today: date) -> dict[str, str]:
    """Return the deals, each with why, whose touch was due before `today`: their plan waited longer than that.

    Args:
        actions: columns ACTIONS.
        today: the business date on which they are written.
    """
    touches = actions.filter(pl.col("kind").cast(pl.String).is_in([ActionKind.CREATE_TASK, ActionKind.ENROL]))
    due = touches.select("deal_id", due=pl.col("payload").str.json_path_match("$.due_on").str.to_date(strict=False))
    passed = due.filter(pl.col("due") < today).group_by("deal_id", maintain_order=True).agg(pl.col("due").min())
    return {deal: f"its touch was due on {day}, while the plan waited" for deal, day in passed.iter_rows()}


def overdue(actions: Sequence[Action], deals: Mapping[str, str]) -> list[Receipt]:
    """Return a `skipped` receipt for every action of the deals that `late` found."""
    return [
        Receipt(key=a.key, state=ReceiptState.SKIPPED, code=LATE, reason=deals[a.deal_id])
        for a in actions
        if a.deal_id in deals
    ]


def drifted(actions: Sequence[Action], now: pl.DataFrame) -> list[Receipt]:
    """Return a `skipped` receipt for every action of a deal that changed since the plan; none for the others.

    A deal has changed if it is gone, if its fingerprint differs, or if one of our own fields holds neither what it
    held when planned nor what this plan writes there (so that a run that is resumed recognises its own work).
    """
    deals = {str(row["deal_id"]): row for row in now.iter_rows(named=True)}
    why: dict[str, str] = {}
    for action in actions:
        change = _change(action, deals.get(action.deal_id))
        if change:
            why.setdefault(action.deal_id, change)
    return [
        Receipt(key=a.key, state=ReceiptState.SKIPPED, code=CODE, reason=f"changed since the plan: {why[a.deal_id]}")
        for a in actions
        if a.deal_id in why
    ]


def _change(action: Action, deal: Mapping[str, object] | None) -> str:
    if deal is None:
        return "the deal is gone"
    if action.fingerprint is not None and deal["fingerprint"] != action.fingerprint:
        return "what its decision rests on"
    before = action.before or {}
    ours = [name for name in before if name in deal and not _expected(action, name, deal[name])]
    return ", ".join(ours)


def _expected(action: Action, name: str, value: object) -> bool:
    before = (action.before or {})[name]
    return as_text(value) in {as_text(before), as_text(action.payload.get(name, before))}


def as_text(value: object) -> str:
    """Return a field's value as the text that JSON would hold, so that a date equals its ISO form; empty is null."""
    if value is None:
        return ""
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat()) if callable(isoformat) else str(value)

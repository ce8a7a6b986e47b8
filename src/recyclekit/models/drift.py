"""What changed between plan and write: compares planned actions with the deals as they are now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState

Reread = Callable[[Sequence[str]], pl.DataFrame]
"""deal ids → one row per deal that still exists: deal_id, fingerprint, and our own fields as they stand now."""

CODE = "drift"


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

"""How many deals a plan decides how, and what they are worth: by verdict, by reason, and what left out the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_parts import FirstThatFits, heading, indent, table, words
from recyclekit.models.decision import Bucket, Verdict
from recyclekit.models.plan import Plan
from recyclekit.reports import money
from recyclekit.reports.figures import Tally, tally

_SHOWN = {
    Bucket.SCHEDULED: "sched.", Bucket.WAITING: "wait", Bucket.EXCLUDED: "excl.", Bucket.REVIEW: "rev."
}  # fmt: skip
"""Buckets of the table of reasons, each with what it is called where there is little room."""
_LEFT_OUT = (Verdict.EXCLUDE, Verdict.WAIT, Verdict.REVIEW)
_COUNTED = "^(status|verdict|reason|reason_source|rule|bucket|amount|currency)$"


def counts_view(plan: Plan) -> list[RenderableType]:
    """Return the tables of a plan that have a row; of one whose decisions were not kept, plain numbers of deals."""
    decisions = plan.scan_decisions().select(pl.col(_COUNTED)).collect()
    if decisions.is_empty():
        by = {"verdict": plan.manifest.by_verdict, "reason": plan.manifest.by_reason, "rule": plan.manifest.by_rule}
        return [_plain(name, counts) for name, counts in by.items() if counts]
    tables = (_by_verdict(decisions), _by_reason(decisions), _left_out(decisions))
    return [made for made in tables if made is not None]


def _plain(name: str, counts: Mapping[str, int]) -> RenderableType:
    return table((name, ">deals"), counts.items())


def _by_verdict(decisions: pl.DataFrame) -> RenderableType | None:
    return _with_money(("verdict", ">deals"), [((t.code, t.deals), t) for t in tally(decisions, "verdict")])


def _by_reason(decisions: pl.DataFrame) -> RenderableType | None:
    rows = [((t.code, t.deals, *(t.buckets.get(b) or None for b in _SHOWN)), t) for t in tally(decisions, "reason")]
    in_full = ("reason", ">deals", *(f">{bucket}" for bucket in _SHOWN))
    return _with_money(in_full, rows, in_short=("reason", ">deals", *(f">{short}" for short in _SHOWN.values())))


def _left_out(decisions: pl.DataFrame) -> RenderableType | None:
    """Return which rule keeps how many deals out of the plan: a person wonders about these first."""
    found = [
        ((words(t.code), str(verdict), t.deals), t)
        for verdict in _LEFT_OUT
        for t in tally(decisions.filter(pl.col("verdict").cast(pl.String) == str(verdict)), "rule")
    ]
    made = _with_money(("rule", "verdict", ">deals"), found)
    return made and Group(heading("Not recycled, by rule", "`recyclekit explain DEAL` tells why of one"), indent(made))


def _with_money(
    columns: Sequence[str], rows: Sequence[tuple[Sequence[object], Tally]], in_short: Sequence[str] = ()
) -> RenderableType | None:
    """Return a table with a last column of money, where there is any; on a narrow terminal nothing of it is cut."""
    if not rows:
        return None
    if not any(one.money for _, one in rows):
        return FirstThatFits([table(names, [cells for cells, _ in rows]) for names in (columns, in_short or columns)])
    beside = [(*cells, money.short(one.money)) for cells, one in rows]
    tight = [(*cells, money.short(one.money).replace(" + ", "+")) for cells, one in rows]
    below = [(*cells, Text(money.short(one.money).replace(" + ", "\n+ "))) for cells, one in rows]
    brief = in_short or columns
    ways = ((columns, beside), (brief, beside), (brief, tight), (brief, below))
    return FirstThatFits([table((*names, ">money"), cells) for names, cells in ways])

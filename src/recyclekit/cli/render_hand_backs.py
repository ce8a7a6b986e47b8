"""Deals that are handed back to sales, in the terminal: those a plan hands back, and what became of a run's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_parts import DOUBTFUL, GOOD, QUIET, heading, indent, minute, table, words
from recyclekit.models.hand_back import HandBack
from recyclekit.models.plan import Plan
from recyclekit.models.wording import counted
from recyclekit.reports.summary import HAND_BACK, hand_back_row

_SHOWN = 10
_FLEXIBLE = ("steps tried", "what moved")


def planned_view(plan: Plan) -> RenderableType | None:
    """Return which deals a plan hands back, with why; None where there are none."""
    found = plan.handed_back
    if found.is_empty():
        return None
    rows = [hand_back_row(row) for row in found.head(_SHOWN).iter_rows(named=True)]
    title = heading(f"Handed back to sales: {counted(found.height, 'deal')}", "the buyer moved, so the cycle ends")
    return Group(title, _listed(HAND_BACK, rows), *_more(found.height))


def told_view(deals: Sequence[HandBack], *, undone: bool) -> RenderableType | None:
    """Return which deals an attempt handed back, or an undo took into their cycle again; None where there are none."""
    if not deals:
        return None
    title = "In their cycle again" if undone else "Handed back to sales"
    meaning = "the undone run had handed them back" if undone else "the buyer moved; all writes of it are proven"
    rows = [hand_back_row(asdict(one)) for one in deals[:_SHOWN]]
    return Group(
        heading(f"{title}: {counted(len(deals), 'deal')}", meaning), _listed(HAND_BACK, rows), *_more(len(deals))
    )


def known_view(deals: Sequence[HandBack]) -> RenderableType | None:
    """Return what became of the hand-backs of a run; None where it has none."""
    if not deals:
        return None
    rows = [(*hand_back_row(asdict(one)), _fate(one)) for one in deals[:_SHOWN]]
    title = heading(f"Handed back to sales: {len([one for one in deals if _stands(one)]):,} of {len(deals):,}")
    return Group(title, _listed((*HAND_BACK, "state"), rows), *_more(len(deals)))


def _stands(one: HandBack) -> bool:
    return one.handed_at is not None and one.undone_by is None


def _fate(one: HandBack) -> Text:
    if one.undone_by is not None:
        return Text(f"taken back by …{one.undone_by[-4:]}", QUIET)
    if one.handed_at is None:
        return Text("not yet", DOUBTFUL)
    return Text(f"{minute(one.handed_at)} UTC", GOOD)


def _listed(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> RenderableType:
    cells = ([cell if isinstance(cell, Text) else words(cell) for cell in row] for row in rows)
    return indent(table(columns, cells, flexible=_FLEXIBLE))


def _more(count: int) -> Sequence[RenderableType]:
    return [words(f"  … and {count - _SHOWN:,} more; --json lists all", QUIET)] if count > _SHOWN else []

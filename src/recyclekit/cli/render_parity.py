"""Two systems side by side in the terminal: what differs, deal by deal, and what cannot be expressed where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_parts import BAD, DOUBTFUL, GOOD, QUIET, heading, indent, stack, table, words
from recyclekit.reports.parity import Parity

LINES = 20


def parity_view(parity: Parity) -> RenderableType:
    """Return the comparison: the verdict first, then what differs, then what stands on one side only."""
    return stack(_verdict(parity), _differences(parity), *_strays(parity), *_lacks(parity))


def _verdict(parity: Parity) -> RenderableType:
    both = f"{parity.compared:,} deals on both {parity.a} and {parity.b}"
    if parity.is_same:
        return Text(f"Same: {both}, and every decision, date and owner is alike.", GOOD)
    counts = ", ".join(f"{name} {count:,}" for name, count in parity.by_column.items() if count)
    said = f"decided differently in: {counts}" if counts else "all decided alike"
    return Text.assemble(("Not the same. ", f"bold {BAD}"), f"{both}, {said}.")


def _differences(parity: Parity) -> RenderableType | None:
    rows = parity.differences
    if rows.is_empty():
        return None
    cells = [
        (
            words(deal, "bold"),
            words(column),
            words(a or "–"),
            words(b or "–"),
            words(why or _same(column), DOUBTFUL),
        )
        for deal, column, a, b, why in rows.head(LINES).iter_rows()
    ]
    columns = ("deal", "column", parity.a, parity.b, "what the systems hold differently")
    more = [words(f"  … and {rows.height - LINES:,} more (--json lists all)", QUIET)] if rows.height > LINES else []
    return Group(heading("Decided differently"), indent(table(columns, cells, flexible=(columns[-1],))), *more)


def _same(column: str) -> str:
    """Why a decision may differ though both systems hold the same of the deal."""
    return "the same; the room went to other deals" if column in {"next_approach_on", "owner"} else "the same"


def _strays(parity: Parity) -> Iterator[RenderableType]:
    kinds = (
        (f"Only on {parity.a}", parity.only_a),
        (f"Only on {parity.b}", parity.only_b),
        ("One id, several deals", parity.ambiguous),
    )
    for title, deals in kinds:
        if deals:
            yield Group(heading(title, f"{len(deals):,}"), indent(words(_few(deals))))


def _lacks(parity: Parity) -> Iterator[RenderableType]:
    for name, columns in ((parity.a, parity.lacks_a), (parity.b, parity.lacks_b)):
        if columns:
            aside = "the other fills these columns; here they cannot be expressed, or are not mapped"
            yield Group(heading(f"{name} has no", aside), indent(words(", ".join(columns))))


def _few(deals: Sequence[str]) -> str:
    shown = ", ".join(deals[:LINES])
    return f"{shown} … and {len(deals) - LINES:,} more" if len(deals) > LINES else shown

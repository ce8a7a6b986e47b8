"""What the conformance kit found of a connector, in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_lists import badge
from recyclekit.cli.render_parts import BAD, QUIET, heading, indent, stack, table, words

if TYPE_CHECKING:
    from recyclekit.testing.tiers import Result, Score

_SHOWN = 3
"""How many tests that failed for the same cause are named; the rest is counted."""


def score_view(connector: str, score: Score, results: Sequence[Result], part: str | None = None) -> RenderableType:
    """Return what the kit found: the tier, what keeps the connector from the next, and what was left out and why.

    `part`: which tests were chosen by name, so that no tier can be told.
    """
    counts = words(f"{score.passed} passed, {score.failed} failed, {score.left_out} left out", QUIET)
    if part is not None:
        head = Text.assemble((connector, "bold"), f": a part of the kit ({part}), which earns no tier.  ", counts)
        held = [result for result in results if result.outcome == "failed"]
        return stack(head, _results("Failed", held))
    head = Text.assemble((connector, "bold"), ": ", badge(str(score.tier)), "  ", counts)
    following = score.next_tier
    left = [result for result in results if result.outcome == "never"]
    return stack(
        head,
        _results(f"What keeps it from {following}", score.held_back_by) if following is not None else None,
        _reasons(left),
    )


def _results(title: str, results: Sequence[Result]) -> RenderableType | None:
    if not results:
        return None
    alike: dict[tuple[str, str], list[Result]] = {}
    for result in results:  # one cause that strikes many tests is told once
        alike.setdefault((result.outcome, result.why), []).append(result)
    rows = (
        (words(outcome, BAD if outcome == "failed" else QUIET), _named(some), words(why))
        for (outcome, why), some in alike.items()
    )
    return Group(heading(title), indent(table(("", "test", "why"), rows, flexible=("test", "why"))))


def _reasons(results: Sequence[Result]) -> RenderableType | None:
    if not results:
        return None
    counts = Counter(result.why for result in results)
    rows = ((count, words(why)) for why, count in counts.most_common())
    return Group(heading("Nothing to prove here"), indent(table((">tests", "why"), rows, flexible=("why",))))


def _named(results: Sequence[Result]) -> str:
    more = len(results) - _SHOWN
    return "; ".join(_said(r) for r in results[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _said(result: Result) -> str:
    return result.test.removeprefix("test_").replace("_", " ")

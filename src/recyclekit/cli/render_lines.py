"""The `+ ~ -` lines of a plan: a deal on one line where the terminal is wide enough, else on two, columns aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from recyclekit.cli.render_parts import QUIET, SIGN_STYLES, day, visible, words
from recyclekit.models.plan import Change
from recyclekit.reports import money
from recyclekit.reports.lines import PlanLine

_WIDE = 120
"""Columns from which rule and hook stand beside the deal instead of under it."""

_GAP = "  "
_LEAVES = "leaves recycling; our fields are cleared, its open task is removed"


def facts(line: PlanLine) -> tuple[str, ...]:
    """Return what is aligned in columns: deal, date, channel, owner, reason or status, money."""
    told = (line.deal_id, day(line.due_on), line.channel, line.owner, line.reason or line.status)
    return (*(visible(fact or "") for fact in told), visible(money.exact(line.amount, line.currency)))


def widths(lines: Sequence[PlanLine]) -> tuple[int, ...]:
    """Return how wide each column of facts must be, in terminal cells."""
    return tuple(max((cell_len(fact) for fact in column), default=0) for column in zip(*map(facts, lines), strict=True))


@dataclass(frozen=True)
class PlanLines:
    """Some lines, in columns as wide as those of all the lines shown."""

    lines: Sequence[PlanLine]
    widths: Sequence[int]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.max_width >= _WIDE
        rule_width = max((cell_len(visible(line.rule or "")) for line in self.lines), default=0)
        for line in self.lines:
            told = [words(line.rule, QUIET), said(line), words(line.note, QUIET)]
            first = self._facts(line)
            if wide:
                rule = _padded(visible(line.rule or ""), rule_width)
                first.append(f"{_GAP}{rule}{_GAP}", QUIET).append_text(_joined(told[1:]))
            yield _fitted(first, options.max_width)
            if not wide:
                yield _fitted(_under(told), options.max_width)
            for subject in line.asks:
                yield _fitted(_under([words("to-do for the deal's owner", QUIET), words(subject)]), options.max_width)

    def _facts(self, line: PlanLine) -> Text:
        text = Text("  ").append(f"{line.change} ", SIGN_STYLES[line.change])
        *left, amount = facts(line)
        cells = [_padded(fact, width) for fact, width in zip(left, self.widths, strict=False) if width]
        text.append(_GAP.join(cells))
        return text.append(f"{_GAP}{' ' * (self.widths[-1] - cell_len(amount))}{amount}" if self.widths[-1] else "")


def said(line: PlanLine) -> Text:
    """Return what to come back with: the track's hook, or that sales wrote one, which is not repeated here."""
    if line.change is Change.REMOVE:
        return words(_LEAVES, QUIET)
    if line.hook_by_sales:
        return words("hook: as sales wrote it", "italic")
    return words(f'"{line.hook}"' if line.hook else "")


def _under(parts: Sequence[Text]) -> Text:
    return Text("      ").append_text(_joined(parts))


def _joined(parts: Sequence[Text]) -> Text:
    # An unstyled joint with a styled dot inside: a joint's own style would spread over all the parts.
    return Text.assemble((" · ", QUIET)).join(part for part in parts if part.plain)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _fitted(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    text.no_wrap = True
    return text

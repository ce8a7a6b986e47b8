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
    told = (line.deal_id, day(line.due_on), line.channel, line.owner, why(line))
    return (*(visible(fact or "") for fact in told), visible(money.exact(line.amount, line.currency)))


def why(line: PlanLine) -> str | None:
    """Return the reason of a lost deal, the status of another."""
    return line.reason or line.status


def widths(lines: Sequence[PlanLine]) -> tuple[int, ...]:
    """Return how wide each column of facts must be, in terminal cells."""
    return tuple(max((cell_len(fact) for fact in column), default=0) for column in zip(*map(facts, lines), strict=True))


@dataclass(frozen=True)
class PlanLines:
    """Some lines, in columns as wide as those of all the lines shown."""

    lines: Sequence[PlanLine]
    widths: Sequence[int]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room, wide = options.max_width, options.max_width >= _WIDE
        rule_width = max((cell_len(visible(line.rule or "")) for line in self.lines), default=0)
        # Where there is no room for all, the reason goes under the deal: the rule's name mostly says it anyway.
        is_tight = _needed(self.widths) > room
        for line in self.lines:
            told = [words(line.rule, QUIET), said(line), words(line.note, QUIET)]
            first = self._facts(line, room, with_reason=not is_tight)
            if wide:
                rule = _padded(visible(line.rule or ""), rule_width)
                first.append(f"{_GAP}{rule}{_GAP}", QUIET).append_text(_joined(told[1:]))
            elif is_tight and (why(line) or "") not in (line.rule or ""):
                told.insert(0, words(why(line)))
            yield _fitted(first, room)
            if not wide:
                yield _fitted(_under(told), room)
            for subject in line.asks:
                yield _fitted(_under([words("to-do for the deal's owner", QUIET), words(subject)]), room)

    def _facts(self, line: PlanLine, room: int, *, with_reason: bool) -> Text:
        text = Text("  ").append(f"{line.change} ", SIGN_STYLES[line.change])
        *left, amount = facts(line)
        kept = len(left) if with_reason else len(left) - 1
        cells = [_padded(fact, width) for fact, width in zip(left[:kept], self.widths, strict=False) if width]
        text.append(_GAP.join(cells))
        if self.widths[-1]:
            # What is cut, where even so there is too little room, is never the money.
            text = _fitted(text, max(1, room - self.widths[-1] - len(_GAP)))
            text.append(f"{_GAP}{' ' * (self.widths[-1] - cell_len(amount))}{amount}")
        return text


def _needed(columns: Sequence[int]) -> int:
    return len("  + ") + sum(columns) + len(_GAP) * (sum(width > 0 for width in columns) - 1)


def said(line: PlanLine) -> Text:
    """Return what to come back with: the track's hook, or that sales wrote one; of a deal that leaves, why."""
    if line.moved is not None:
        return words(f"handed back to sales: {line.moved}")
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

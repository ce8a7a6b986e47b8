"""The explanation of one deal in the terminal: the answer, when it flips, what the rules saw, and what each said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_parts import (
    DOUBTFUL,
    GOOD,
    QUIET,
    day,
    heading,
    indent,
    minute,
    policy_line,
    stack,
    table,
    words,
)
from recyclekit.models.hand_back import what_moved, what_was_tried

if TYPE_CHECKING:
    from recyclekit.reports.inputs import Input
    from recyclekit.reports.trace import RuleTrace, Trace

_MARKS = {
    "fired": ("✓", f"bold {GOOD}"),
    "matched": ("+", QUIET),
    "unmatched": ("-", QUIET),
    "abstained": ("?", DOUBTFUL),
    "not_asked": (" ", QUIET),
}
_LEGEND = "✓ fired   + matches, but later   - does not match   ? lacks a value and abstains"
_ANSWER = ("status", "reason", "verdict", "rule", "track", "wait_until", "inactive_days", "activity_source", "cycle")


def trace_view(trace: Trace) -> RenderableType:
    """Return why a deal was decided so, for reading."""
    return stack(
        _header(trace),
        indent(table(("", ""), [*_answer(trace.decision), *_touch(trace.touch)], flexible=("",))),
        _because(trace),
        _handed_back(trace),
        _inputs(trace),
        _rules(trace.rules) if _is_asked(trace) else None,
    )


def _is_asked(trace: Trace) -> bool:
    """Whether rules were asked at all; of a deal that is won or open, each would say the same."""
    return any(rule.outcome != "not_asked" for rule in trace.rules)


def _header(trace: Trace) -> RenderableType:
    first = Text.assemble(("Deal ", "bold"), words(trace.deal_id, "bold"), f" · as of {day(trace.as_of)}")
    return Group(first, words(f"policy {policy_line(trace.policy)}", QUIET))


def _answer(decision: Mapping[str, Any]) -> Iterable[tuple[Text, Text]]:
    for name in _ANSWER:
        value = decision.get(name)
        if value is not None:
            style = "bold" if name in ("status", "verdict") else ""
            yield Text(name.replace("_", " "), QUIET), words(value, style)


def _touch(touch: Mapping[str, Any] | None) -> Iterable[tuple[Text, Text]]:
    for name, value in (touch or {}).items():
        if value is not None:
            said = day(value) if isinstance(value, date) else value
            yield Text(name.replace("_", " "), QUIET), words(said)


def _because(trace: Trace) -> RenderableType:
    flip = trace.flip.what if trace.flip else trace.no_flip
    rows = [(Text("Because", "bold"), words(trace.because)), (Text("Flips", "bold"), words(flip))]
    return table(("", ""), rows, flexible=("",))


def _handed_back(trace: Trace) -> RenderableType | None:
    """Return that sales has the deal again, or will have once the next plan is applied, and why."""
    rows = []
    if trace.handed_back is not None:
        rows.append((Text("By the next run", "bold"), words(_returned(trace.handed_back))))
    for one in trace.was_handed_back:
        since = f"{minute(one.handed_at)} UTC" if one.handed_at else "not yet proven"
        fate = f", taken back by run {one.undone_by}" if one.undone_by else ""
        rows.append((words(f"By run {one.run}"), words(f"{since}{fate}: {_returned(asdict(one))}")))
    if not rows:
        return None
    return Group(heading("Handed back to sales"), indent(table(("", ""), rows, flexible=("",))))


def _returned(row: Mapping[str, Any]) -> str:
    cycle = f"cycle {row['cycle']} on track {row['track']} ({row['reason'] or 'stalled'})"
    return f"{what_moved(row)}; {cycle}; tried: {what_was_tried(row['steps'])}"


def _inputs(trace: Trace) -> RenderableType:
    """Each value once, although many rules look at it: its value, the field that it comes from, and its time."""
    seen: dict[str, Input] = {i.name: i for i in trace.status_inputs}
    for rule in trace.rules if _is_asked(trace) else ():
        seen.update((i.name, i) for i in rule.inputs if i.name not in seen)
    rows = (
        (
            words(i.name),
            words(i.text, DOUBTFUL if i.value is None else ""),
            words(i.source, QUIET),
            words(minute(i.at), QUIET),
        )
        for i in seen.values()
    )
    columns = ("fact", "value", "from", "at (UTC)")
    title = "What the rules saw" if _is_asked(trace) else "What the status rests on"
    return Group(heading(title), indent(table(columns, rows, flexible=("value", "from"))))


def _rules(rules: Iterable[RuleTrace]) -> RenderableType:
    rows = (
        (
            Text(*_MARKS[rule.outcome]),
            words(rule.name, "bold" if rule.outcome == "fired" else ""),
            words(rule.verdict),
            words(_in_short(rule.why), "" if rule.outcome in ("fired", "abstained") else QUIET),
        )
        for rule in rules
    )
    listed = table(("", "rule", "verdict", "what it said"), rows, flexible=("what it said",))
    return Group(heading("Rules, in the order in which they are asked"), words(_LEGEND, QUIET), indent(listed))


def _in_short(why: str) -> str:
    """Leave out what the mark before the rule says already."""
    return why.removeprefix("It does not match: ")

"""A plan in the terminal: its changes by track, counts, what was set aside, guards, and totals that close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_lines import PlanLines, widths
from recyclekit.cli.render_lists import dead_letters_view
from recyclekit.cli.render_parts import (
    BAD,
    QUIET,
    SIGN_STYLES,
    day,
    equation,
    heading,
    indent,
    next_step,
    policy_line,
    stack,
    table,
    words,
)
from recyclekit.models.decision import Bucket
from recyclekit.models.plan import Change, Manifest, Plan
from recyclekit.models.snapshot import Finding
from recyclekit.reports import money
from recyclekit.reports.figures import Tally, buckets_equation, status_equation, tally
from recyclekit.reports.lines import PlanLine, changed_deals, plan_lines

LINES = 24
"""How many deals are shown; the plan file and the decisions file hold all."""

_MEANING = {Change.ADD: "enter recycling", Change.CHANGE: "change", Change.REMOVE: "leave"}
_SHOWN = (Bucket.SCHEDULED, Bucket.WAITING, Bucket.EXCLUDED, Bucket.REVIEW)


def plan_view(plan: Plan, *, apply_with: Path | None = None, lines: int = LINES) -> RenderableType:
    """Return a plan for reading.

    Args:
        plan: where its decisions have a column `amount` (and `currency`), money is shown as well.
        apply_with: the saved plan file, named in the command to run next.
        lines: how many deals to show, about; each track shows at least one.
    """
    manifest = plan.manifest
    return stack(
        _header(manifest),
        *_changes(plan, lines),
        *_counts(plan),
        _readings(plan.findings),
        dead_letters_view(plan.dead_letters) if plan.dead_letters.height else None,
        _totals(manifest),
        _ending(manifest, plan.actions.height, apply_with),
    )


def _header(manifest: Manifest) -> RenderableType:
    first = Text.assemble(("Plan ", "bold"), words(manifest.run, "bold"))
    return Group(
        first.append_text(words(f" · pipeline {manifest.pipeline} · as of {day(manifest.as_of)}")),
        words(f"policy {policy_line(manifest.policy)}", QUIET),
    )


# -- what changes, by track -------------------------------------------------------------------------------------------


def _changes(plan: Plan, limit: int) -> list[RenderableType]:
    if plan.actions.is_empty():
        scheduled = plan.manifest.by_bucket.get("scheduled")
        why = "The CRM already shows what this plan would write." if scheduled else "No deal is scheduled by this plan."
        return [Text(f"No changes. {why}", "bold green")]
    deals = changed_deals(plan)
    groups = (
        deals.group_by("track").len("deals").sort(pl.col("track").is_null(), -pl.col("deals").cast(pl.Int64), "track")
    )
    shares = _shares(groups["deals"].to_list(), limit)
    shown = [
        plan_lines(plan, deals.filter(pl.col("track").eq_missing(pl.lit(track, pl.String))).head(share))
        for track, share in zip(groups["track"], shares, strict=True)
    ]
    columns = widths([line for group in shown for line in group])
    counts = zip(groups.iter_rows(), shown, strict=True)
    return [_legend(plan.manifest), *(_track(track, count, group, columns) for (track, count), group in counts)]


def _shares(counts: Sequence[int], limit: int) -> list[int]:
    """Return how many lines each track gets: one, and its share of those that are left."""
    left = max(0, limit - len(counts))
    return [1 + left * count // sum(counts) for count in counts]


def _legend(manifest: Manifest) -> Text:
    parts = []
    for change, meaning in _MEANING.items():
        count = manifest.changes.get(change, 0)
        parts.append(Text(f"{change} {count:,} {meaning}", SIGN_STYLES[change] if count else QUIET))
    return Text("   ").join(parts)


def _track(track: str | None, count: int, lines: Sequence[PlanLine], columns: Sequence[int]) -> RenderableType:
    parts: list[RenderableType] = [heading(track or "without a track", "1 deal" if count == 1 else f"{count:,} deals")]
    parts.append(PlanLines(lines, columns))
    if count > len(lines):
        parts.append(words(f"  … and {count - len(lines):,} more", QUIET))
    return Group(*parts)


# -- counts -----------------------------------------------------------------------------------------------------------


def _counts(plan: Plan) -> list[RenderableType]:
    if plan.decisions.is_empty():
        return [_plain("verdict", plan.manifest.by_verdict), _plain("reason", plan.manifest.by_reason)]
    return [_by_verdict(plan), _by_reason(plan)]


def _plain(name: str, counts: Mapping[str, int]) -> RenderableType:
    return table((name, ">deals"), counts.items())


def _by_verdict(plan: Plan) -> RenderableType:
    found = tally(plan.decisions, "verdict")
    return table(("verdict", ">deals", *_money_heading(found)), ((t.code, t.deals, *_money(t, found)) for t in found))


def _by_reason(plan: Plan) -> RenderableType:
    found = tally(plan.decisions, "reason")
    if not found:
        return table(("reason", ">deals"), ())
    rows = ((t.code, t.deals, *(t.buckets.get(b) or None for b in _SHOWN), *_money(t, found)) for t in found)
    return table(("reason", ">deals", *(f">{b}" for b in _SHOWN), *_money_heading(found)), rows)


def _money_heading(found: Sequence[Tally]) -> tuple[str, ...]:
    return (">money",) if any(t.money for t in found) else ()


def _money(one: Tally, found: Sequence[Tally]) -> tuple[str, ...]:
    return (money.short(one.money),) if _money_heading(found) else ()


def _readings(findings: Sequence[Finding]) -> RenderableType | None:
    """Return how columns without a declared format were read, where there was something to find out."""
    found = [finding for finding in findings if finding.level == "note" and finding.what.startswith("Read ")]
    if not found:
        return None
    title = heading("Formats found out", "declare them in the field map to be sure; `recyclekit check` shows the lines")
    rows = ((words(finding.where), words(finding.what)) for finding in found)
    return Group(title, indent(table(("column", "how it was read"), rows, flexible=("how it was read",))))


# -- the end ----------------------------------------------------------------------------------------------------------


def _totals(manifest: Manifest) -> RenderableType:
    writes = " + ".join(f"{count:,} {kind}" for kind, count in manifest.actions.items() if count)
    total = sum(manifest.actions.values())
    calls = f" in about {manifest.calls:,} {'call' if manifest.calls == 1 else 'calls'}" if total else ""
    return Group(
        equation(buckets_equation(manifest), "read"),
        equation(status_equation(manifest), "read"),
        words(f"{total:,} {'write' if total == 1 else 'writes'} = {writes}{calls}" if total else "0 writes"),
    )


def _ending(manifest: Manifest, actions: int, apply_with: Path | None) -> RenderableType | None:
    if manifest.guards:
        lines = (Text.assemble(("Guard: ", f"bold {BAD}"), words(guard)) for guard in manifest.guards)
        return Group(*lines, words("This plan will be refused. Look at it, then change the policy's `guards`.", "bold"))
    if not manifest.sums_close:
        return Text("The sums do not close: this plan will be refused. Please report it.", f"bold {BAD}")
    if not actions or apply_with is None:
        return None
    return next_step(f"recyclekit apply {apply_with}", "writes exactly this")

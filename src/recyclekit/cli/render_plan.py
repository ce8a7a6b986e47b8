"""A plan in the terminal: its changes by track, counts, what was set aside, guards, and totals that close."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_counts import counts_view
from recyclekit.cli.render_hand_backs import planned_view
from recyclekit.cli.render_lines import PlanLines, widths
from recyclekit.cli.render_lists import dead_letters_view
from recyclekit.cli.render_parts import (
    BAD,
    DOUBTFUL,
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
from recyclekit.models.plan import Change, Manifest, Plan
from recyclekit.models.run import RunKind
from recyclekit.models.snapshot import Finding
from recyclekit.models.wording import counted
from recyclekit.reports.figures import buckets_equation, status_equation
from recyclekit.reports.lines import PlanLine, changed_deals, plan_lines

LINES = 24
"""How many deals are shown; the plan file and the decisions file hold all."""

_MEANING = {Change.ADD: "enter recycling", Change.CHANGE: "change", Change.REMOVE: "leave"}
_STOPPED = 3  # unfinished runs that are named


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
        planned_view(plan),
        *counts_view(plan),
        _readings(plan.findings),
        dead_letters_view(plan.dead_letters) if plan.dead_letters.height else None,
        _totals(manifest),
        _unfinished(plan.unfinished),
        _ending(manifest, apply_with, does_nothing=plan.does_nothing),
    )


def _header(manifest: Manifest) -> RenderableType:
    first = Text.assemble(("Plan ", "bold"), words(manifest.run, "bold"))
    return Group(
        first.append_text(words(f" · pipeline {manifest.pipeline} · as of {day(manifest.as_of)}")),
        words(f"policy {policy_line(manifest.policy)}", QUIET),
    )


# -- what changes, by track -------------------------------------------------------------------------------------------


def _changes(plan: Plan, limit: int) -> list[RenderableType]:
    if not plan.writes:
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
    parts: list[RenderableType] = [heading(track or "without a track", counted(count, "deal"))]
    parts.append(PlanLines(lines, columns))
    if count > len(lines):
        parts.append(words(f"  … and {count - len(lines):,} more", QUIET))
    return Group(*parts)


# -- beside the changes -------------------------------------------------------------------------------------------


def _unfinished(runs: pl.DataFrame) -> RenderableType | None:
    """Return which runs stopped before their end, and what waits for them until somebody takes them up."""
    if runs.is_empty():
        return None
    return Group(*(_stopped(**row) for row in runs.head(_STOPPED).iter_rows(named=True)))


def _stopped(run: str, kind: str, unsent: int, in_doubt: int, waiting: int) -> RenderableType:
    parts = {"unsent": unsent, "without proof of effect": in_doubt}
    left = "".join(f", {counted(count, 'write')} {how}" for how, count in parts.items() if count)
    what = f"{'undo' if kind == RunKind.UNDO else 'run'} {run}{left}."
    waits = f" {counted(waiting, 'deal')} {'waits' if waiting == 1 else 'wait'} for it." if waiting else ""
    first = Text.assemble(("Unfinished: ", f"bold {DOUBTFUL}"), words(what + waits))
    return Group(first, next_step(f"recyclekit retry {run}", "takes it up, if no process works on it any more"))


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
    calls = f" in about {counted(manifest.calls, 'call')}" if total else ""
    return Group(
        equation(buckets_equation(manifest), "read"),
        equation(status_equation(manifest), "read"),
        words(f"{counted(total, 'write')} = {writes}{calls}" if total else "0 writes"),
    )


def _ending(manifest: Manifest, apply_with: Path | None, *, does_nothing: bool) -> RenderableType | None:
    if manifest.guards:
        lines = (Text.assemble(("Guard: ", f"bold {BAD}"), words(guard)) for guard in manifest.guards)
        how = "`apply` will refuse this plan. Is it right, use `recyclekit run`, whose plan waits for approval."
        return Group(*lines, words(how, "bold"))
    if not manifest.sums_close:
        return Text("The sums do not close: this plan will be refused. Please report it.", f"bold {BAD}")
    if does_nothing or apply_with is None:
        return None
    return next_step(f"recyclekit apply {apply_with}", "writes exactly this")

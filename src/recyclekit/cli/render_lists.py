"""Lists in the terminal: findings, dead letters, connectors, a policy's parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_parts import BAD, DOUBTFUL, GOOD, QUIET, heading, indent, policy_line, stack, table, words
from recyclekit.models.snapshot import Finding
from recyclekit.models.wording import counted
from recyclekit.reports.words import WHY_SET_ASIDE

if TYPE_CHECKING:
    from recyclekit.connectors.manifest import ConnectorManifest
    from recyclekit.connectors.registry import BrokenPlugin
    from recyclekit.policy.loader import Policy

_LEVELS = {"error": (f"bold {BAD}", "Error"), "warning": (f"bold {DOUBTFUL}", "Warning"), "note": (QUIET, "Note")}
LETTERS = 10


# -- findings ---------------------------------------------------------------------------------------------------------


def findings_view(findings: Sequence[Finding]) -> RenderableType:
    """Return what a check found, the gravest first, each with what to do about it."""
    order = list(_LEVELS)
    ranked = sorted(findings, key=lambda f: order.index(f.level) if f.level in order else len(order))
    return stack(*(_finding(*gathered) for gathered in _gathered(ranked)), _verdict(findings))


def _gathered(findings: Iterable[Finding]) -> Iterable[tuple[Finding, Sequence[str]]]:
    """Yield findings that belong together as one, with all that they say.

    `rule a` and `rule b` that say the same become `rules a, b`; what is said of one place with one way to mend it
    stands there together.
    """
    same: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        same.setdefault((finding.level, finding.what, finding.fix), []).append(finding.where)
    said: dict[tuple[str, str, str], list[str]] = {}
    for (level, what, fix), there in same.items():
        said.setdefault((level, _places(there), fix), []).append(what)
    for (level, where, fix), lines in said.items():
        yield Finding(level=level, where=where, what=lines[0], fix=fix), lines


def _places(places: Sequence[str]) -> str:
    kinds = {place.partition(" ")[0] for place in places}
    if len(places) == 1 or len(kinds) > 1 or not all(" " in place for place in places):
        return ", ".join(places)
    return f"{kinds.pop()}s {', '.join(place.partition(' ')[2] for place in places)}"


def _finding(finding: Finding, said: Sequence[str]) -> RenderableType:
    style, label = _LEVELS.get(finding.level, (QUIET, finding.level))
    lines: list[RenderableType] = [Text.assemble((f"{label} ", style), words(finding.where, "bold"))]
    lines += [indent(words(what)) for what in said]
    if finding.fix:
        lines.append(indent(Text.assemble(("fix: ", "bold"), words(finding.fix))))
    return Group(*lines)


def _verdict(findings: Sequence[Finding]) -> RenderableType:
    counts = {level: sum(f.level == level for f in findings) for level in _LEVELS}
    if not any(counts.values()):
        return Text("All is well: nothing was found.", GOOD)
    said = ", ".join(counted(n, level) for level, n in counts.items() if n)
    return Text(f"{said}. ", BAD if counts["error"] else GOOD).append(
        "Errors stop a run." if counts["error"] else "None of it stops a run.", "default"
    )


# -- dead letters -----------------------------------------------------------------------------------------------------


def dead_letters_view(letters: pl.DataFrame, *, lines: int = LETTERS) -> RenderableType:
    """Return what was set aside: where it stands and why. `letters` has the columns DEAD_LETTERS."""
    if letters.is_empty():
        return Text("Nothing was set aside.", GOOD)
    shown = letters.head(lines)
    rows = (
        (_place(row), words(row["record_id"]), words(row["column"]), words(row["code"], DOUBTFUL), words(_why(row)))
        for row in shown.iter_rows(named=True)
    )
    parts: list[RenderableType] = [
        heading("Set aside", f"{counted(letters.height, 'record')}, not planned; correct them, then plan again"),
        indent(table(("where", "record", "column", "code", "why"), rows, flexible=("why",))),
    ]
    if letters.height > lines:
        parts.append(words(f"  … and {letters.height - lines:,} more", QUIET))
    return Group(*parts)


def _why(row: dict[str, Any]) -> str:
    """Return why a record was set aside; the ledger keeps no reasons, since they show values."""
    return str(row["reason"] or WHY_SET_ASIDE.get(row["code"], ""))


def _place(row: dict[str, Any]) -> str:
    return f"{row['table']}:{row['line']}" if row["line"] is not None else str(row["table"] or row["stage"])


# -- connectors and policy --------------------------------------------------------------------------------------------


_UNTRIED = (
    "not tested: the kit was not run on it on this machine, as it is now. The connectors of recyclekit itself are held "
    "to the kit in its own CI; `recyclekit connectors test NAME` runs it here, from a connector's source."
)


def connectors_view(
    manifests: Sequence[ConnectorManifest[Any]],
    broken: Sequence[BrokenPlugin] = (),
    tiers: Mapping[str, str] | None = None,
) -> RenderableType:
    """Return the installed connectors with what they can do and how far they are proven, and the broken ones, with why.

    `tiers`: connector → tier as last computed; one that is not there was not tested as it is now.
    """
    earned = tiers or {}
    untried = any(m.name not in earned for m in manifests)
    rows = (
        (words(m.name, "bold"), m.version, badge(earned.get(m.name)), _capabilities(m), words(m.summary))
        for m in manifests
    )
    bad = (Text.assemble((f"{b.name} ", f"bold {BAD}"), words(f"({b.distribution}) {b.reason}")) for b in broken)
    return stack(
        table(("connector", "version", "badge", "can do", "what it is"), rows, flexible=("can do", "what it is")),
        words(_UNTRIED, QUIET) if untried else None,
        Group(heading("Broken", "left out; everything else works"), *(indent(line) for line in bad))
        if broken
        else None,
    )


def badge(tier: str | None) -> Text:
    """Return a tier as a word; None was never tested."""
    return words(tier, GOOD) if tier and tier != "none" else words("no tier" if tier else "not tested", QUIET)


def _capabilities(manifest: ConnectorManifest[Any]) -> str:
    able = [str(name) for name, support in manifest.capabilities.items() if support.level == "full"]
    later = [str(name) for name, support in manifest.capabilities.items() if support.level == "not_yet"]
    return ", ".join(able) + (f"; not yet: {', '.join(later)}" if later else "")


def policy_view(policy: Policy) -> RenderableType:
    """Return a policy in short: its rules in the order in which they are asked, and its tracks."""
    spec = policy.spec
    rules = (
        (n, words(r.name, "bold"), r.verdict, words(r.labels.word(spec.language))) for n, r in enumerate(spec.rules, 1)
    )
    tracks = (
        (words(name, "bold"), " → ".join(step.channel for step in track.steps), words(track.labels.word(spec.language)))
        for name, track in spec.tracks.items()
    )
    return stack(
        Group(heading(spec.labels.word(spec.language)), words(policy_line(policy.stamp), QUIET)),
        table((">", "rule", "verdict", "meaning"), rules, flexible=("meaning",)),
        table(("track", "touches", "meaning"), tracks, flexible=("meaning",)),
    )

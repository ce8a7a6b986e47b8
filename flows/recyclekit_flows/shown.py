"""What a flow run's page shows of a plan and of what became of it: codes, ids, dates and counts, never people.

Owners, hooks, names and what the other side said stay out: artifacts are kept in Prefect's database, in clear.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

from prefect import runtime
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.logging import get_run_logger

from recyclekit.errors import InputError
from recyclekit.models.plan import Manifest, Plan
from recyclekit.models.proposal import Proposal
from recyclekit.models.run import Outcome, RunKind
from recyclekit.pipeline import Job
from recyclekit.reports.figures import Equation, buckets_equation, status_equation
from recyclekit.reports.lines import PlanLine
from recyclekit.reports.summary import HAND_BACK, first_lines, hand_back_row, kinds_by_state, not_written, set_aside

MOST = 500
"""Rows of an artifact; a browser takes half a minute for ten thousand."""
GLANCE = 25
"""Rows of the list in the form that asks for approval."""
_COLUMNS = ("change", "deal", "status", "reason", "rule", "track", "cycle", "step", "due", "channel")


def show_plan(plan: Plan, report: str) -> None:
    """Publish a plan: its counts, its first changes, where its report is; and tag the flow run with the run's id."""
    run = plan.manifest.run
    tag(run)
    publish(f"plan-{run}", f"{plan_text(plan)}\n\n{_more(plan, report)}")
    changes = [_row(line) for line in first_lines(plan, MOST)]
    if changes:
        count = plan.actions["deal_id"].n_unique()
        said = f"The first {len(changes):,} of {count:,} deals that change, in the order of writing"
        create_table_artifact(changes, key=_key(f"changes-{run}"), description=said)
    if report.startswith("http"):
        create_link_artifact(report, "HTML report", key=_key(f"report-{run}"), description=f"Report of run {run}")


def plan_text(plan: Plan) -> str:
    """Return a plan as Markdown: guards, sums, counts, what was set aside and why."""
    manifest = plan.manifest
    parts = [
        *_top(plan),
        _titled("Verdict", manifest.by_verdict),
        _titled("Reason", manifest.by_reason),
        _titled("Track", manifest.by_track),
        _titled("Rule", manifest.by_rule),
        _handed_back(plan, MOST),
        _set_aside(plan),
    ]
    return "\n\n".join(part for part in parts if part)


def form_text(plan: Plan, proposal: Proposal) -> str:
    """Return what the form says that asks for approval: the plan in short, and its first changes."""
    until = f"{proposal.expires_at:%Y-%m-%d %H:%M} UTC"
    waits = (
        f"**Waits for approval until {until}.** Each deal is looked at again before it is written; one that changed is "
        "left alone. All counts and the first 500 deals are among this run's artifacts."
    )
    rows = [tuple(_row(line).values()) for line in first_lines(plan, GLANCE)]
    parts = [
        *_top(plan),
        waits,
        _titled("Track", plan.manifest.by_track),
        _handed_back(plan, GLANCE),
        _set_aside(plan),
        f"## The first {len(rows):,} deals\n\n{table(_COLUMNS, rows)}",
        f"Sealed: `{proposal.sha256}`",
    ]
    return "\n\n".join(part for part in parts if part)


def show_receipts(job: Job, outcome: Outcome) -> None:
    """Publish what became of a run's writes: sums, kinds by state, and each that was not written, with its code."""
    tag(outcome.run)
    head = f"# Run {outcome.run}: {outcome.state}"
    sums = _equation(Equation(total=outcome.planned, parts=tuple(parts(outcome).items())))
    tables = []
    if outcome.handed_back:
        again = "In their cycle again" if outcome.kind is RunKind.UNDO else "Handed back to sales"
        rows = [hand_back_row(asdict(one)) for one in outcome.handed_back[:MOST]]
        tables += [f"## {again}: {len(outcome.handed_back):,} deals", table(HAND_BACK, rows)]
    if outcome.planned:
        actions = job.open_ledger().actions(outcome.run)
        left = not_written(actions)
        tables.append(table(("write", "state", "count"), kinds_by_state(actions)))
        if left:
            tables += [f"## Not written: {len(left):,}", table(("deal", "write", "state", "code"), left[:MOST])]
        if len(left) > MOST:
            tables.append(f"… and {len(left) - MOST:,} more: `recyclekit runs {outcome.run} --failed`")
    publish(f"outcome-{outcome.run}", "\n\n".join([head, f"**Sums:** {sums}", *tables]))


def parts(outcome: Outcome) -> dict[str, int]:
    """Return what became of an outcome's writes; the sum is what was planned."""
    return {
        "applied": outcome.applied,
        "skipped": len(outcome.skipped),
        "failed": len(outcome.failed),
        "in doubt": len(outcome.in_doubt),
        "unsent": outcome.unsent,
    }


def write_report(job: Job, plan: Plan, base_url: str | None, outcome: Outcome | None = None) -> str:
    """Write the HTML report of a plan, and of what became of it, beside the project.

    Returns its address, or machine and path without one; empty where it could not be written, which stops nothing.
    """
    from recyclekit.reports import html

    path = report_path(job.state, plan.manifest.run)
    try:
        html.write_report(path, plan, policy=job.policy, outcome=outcome)
    except InputError as error:
        get_run_logger().warning("%s", error)
        return ""
    return f"{base_url.rstrip('/')}/{path.name}" if base_url else f"{socket.gethostname()}:{path.resolve()}"


def report_path(state: Path, run: str) -> Path:
    """Return where a run's report lies."""
    return state / "reports" / f"{run}.html"


def tag(run: str) -> None:
    """Tag the flow run with the ledger's id of the run, by which it is found in Prefect."""
    flow_run, tags = str(runtime.flow_run.id), list(runtime.flow_run.tags or ())
    if run not in tags:
        with get_client(sync_client=True) as client:
            client.update_flow_run(UUID(flow_run), tags=[*tags, run])


def publish(key: str, markdown: str) -> None:
    """Save a Markdown artifact."""
    create_markdown_artifact(markdown, key=_key(key))


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as a Markdown table; numbers are set to the right."""
    filled = [[_cell(value) for value in row] for row in rows]
    rule = "|".join("---" for _ in heading)
    return "\n".join([f"| {' | '.join(heading)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in filled)])


# -- inside ----------------------------------------------------------------------------------------------------------


def _key(name: str) -> str:
    # keys may hold small letters, digits and dashes only
    return f"recyclekit-{name.lower()}"


def _head(manifest: Manifest) -> str:
    policy = f"{manifest.policy.name} {manifest.policy.version} ({manifest.policy.hash})"
    read = f"{manifest.deals:,} deals as of {manifest.as_of}, policy {policy}."
    return f"# Plan {manifest.run}\n\nPipeline {manifest.pipeline}: {read}"


def _top(plan: Plan) -> list[str]:
    manifest = plan.manifest
    deals = plan.actions["deal_id"].n_unique()
    return [
        _head(manifest),
        *(f"> **Guard:** {guard}" for guard in manifest.guards),
        f"**Sums:** {_equation(buckets_equation(manifest))}",
        f"**Status:** {_equation(status_equation(manifest))}",
        _titled("Intended writes", {**manifest.actions, "deals that change": deals}),
    ]


def _more(plan: Plan, report: str) -> str:
    run = plan.manifest.run
    place = f"[{report}]({report})" if report.startswith("http") else f"`{report or 'not written'}`"
    return f"HTML report: {place}\n\nIn a shell: `recyclekit runs {run}`, plan file `.recyclekit/plans/{run}.json`"


def _row(line: PlanLine) -> dict[str, object]:
    values = (
        line.change, line.deal_id, line.status, line.reason, line.rule, line.track, line.cycle, line.step, line.due_on,
        line.channel,
    )  # fmt: skip
    return {name: "" if value is None else str(value) for name, value in zip(_COLUMNS, values, strict=True)}


def _handed_back(plan: Plan, most: int) -> str:
    found = plan.handed_back
    if found.is_empty():
        return ""
    rows = [hand_back_row(row) for row in found.head(most).iter_rows(named=True)]
    return f"## Handed back to sales: {found.height:,} deals\n\n{table(HAND_BACK, rows)}"


def _set_aside(plan: Plan) -> str:
    rows = set_aside(plan.dead_letters)
    if not rows:
        return ""
    return f"## Set aside: {plan.dead_letters.height:,} records\n\n{table(('records', 'table', 'stage', 'why'), rows)}"


def _titled(title: str, counts: Mapping[str, int]) -> str:
    return f"## {title}\n\n{table(('', 'count'), counts.items())}" if counts else ""


def _equation(equation: Equation) -> str:
    told = " + ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in equation.parts if count)
    return f"{equation.total:,} = {told or 0}{'' if equation.closes else ' (does not close)'}"


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")

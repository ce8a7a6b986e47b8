"""`recyclekit check`: what stands in the way of a run, and what to do about each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from recyclekit.cli.options import AsOf, Json, Where, Yes, business_date
from recyclekit.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from recyclekit.models.snapshot import Finding
    from recyclekit.project import Project


def check(
    *,
    where: Where = Where(),
    as_of: AsOf = None,
    fix: Annotated[bool, Parameter(negative=(), help="Create what the system lacks for our writes.")] = False,
    parity: Annotated[
        tuple[str, str] | None, Parameter(help="Two connections: does the policy decide alike on both?")
    ] = None,
    server: Annotated[
        bool | None, Parameter(help="Look at the Prefect server too; default: where PREFECT_API_URL is set.")
    ] = None,
    suggest: Annotated[
        bool, Parameter(negative=(), help="Print the source's settings, field map and stages as its CSV exports say.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Check the project file, the policy, the connections, the field map, stages and reasons. Changes nothing.

    Wrong columns are named with the nearest right one; unmapped stages and reasons with their deals and money.
    With --fix, what the system lacks and we can create (our own fields, say) is listed, and created after a yes.
    With --parity A B, the pipeline's policy is tried on two connections and the decisions are held side by side.
    With --server, also what a scheduled run needs: a server that answers, versions that go together, block types,
    deployments, work pools with a worker, and schedules in the project's time zone.
    With --suggest, nothing is checked: what `init` would write of the exports is printed, ready to be pasted.
    """
    if suggest:
        return _suggest(where.open(), where.pipeline, as_json=as_json)
    if parity is not None:
        return _parity(where.open(), parity, where.pipeline, business_date(as_of), as_json=as_json)
    from recyclekit.cli.findings import report_findings
    from recyclekit.preflight.preflight import preflight
    from recyclekit.preflight.premises import premises

    project, day = where.open(), business_date(as_of)
    made = _fix(project, where.pipeline, yes=yes) if fix else ()
    ours = preflight(project, where.pipeline, day)  # first: Prefect, once imported, prints every log line of ours
    around = [*premises(project), *_server(project, asked=server), *ours]
    around.sort(key=lambda finding: ("error", "warning", "note").index(finding.level))
    code = report_findings([*made, *around], as_json=as_json)
    if code and _is_about_columns(project, where.pipeline, around):
        from recyclekit.cli.terminal import say

        say("\n`recyclekit check --suggest` prints a field map made from your exports' headings, ready to be pasted.")
    return code


def _is_about_columns(project: Project, pipeline: str | None, findings: Sequence[Finding]) -> bool:
    """Return whether an error is one that the headings of the exports answer."""
    from recyclekit.drafting.suggesting import can_suggest
    from recyclekit.models.tables import Table

    tables = {*map(str, Table), "source", "stages"}
    about = [f for f in findings if f.level == "error" and f.where.partition(".")[0] in tables]
    return bool(about) and can_suggest(project, pipeline)


def _suggest(project: Project, pipeline: str | None, *, as_json: bool) -> int:
    """Print the connection as a draft of the exports says it: on stdout, for pasting; what is asked beside it."""
    import sys

    from recyclekit.cli.terminal import emit, say
    from recyclekit.drafting.suggesting import suggested
    from recyclekit.drafting.written import to_dos

    name, text = suggested(project, pipeline)
    asked = to_dos(text)
    if as_json:
        emit({"connection": name, "yaml": text, "to_do": [what for _, what in asked]})
        return ExitCode.DONE
    sys.stdout.write(text)
    left = f"; {len(asked)} to do in it, marked so" if asked else ""
    say(f"\nPut this in place of connections.{name} in recyclekit.yaml{left}; then: recyclekit check")
    return ExitCode.DONE


def _server(project: Project, *, asked: bool | None) -> Sequence[Finding]:
    """Look at the Prefect server where somebody asks for it, or where the environment names one."""
    import importlib
    import os

    if asked is False or (asked is None and not os.environ.get("PREFECT_API_URL")):
        return ()
    # By name, so that nothing of this package imports Prefect: the flows are a room of their own.
    found: Sequence[Finding] = importlib.import_module("recyclekit_flows.checking").check_server(project)
    return found


def _parity(
    project: Project, connections: tuple[str, str], pipeline: str | None, as_of: date | None, *, as_json: bool
) -> int:
    """Decide on both connections and show what differs; a difference ends with exit code 2, as any error of a check."""
    from recyclekit.cli.terminal import emit, show
    from recyclekit.reports.parity import Side, compare
    from recyclekit.reports.parity import as_json as told

    sides = []
    for name in connections:
        job = project.job_on(name, pipeline, as_of)
        snapshot = job.normalize(job.extract())
        planned = job.schedule(snapshot, job.classify(snapshot))
        sides.append(Side(name=name, deals=snapshot.deals, decisions=planned.decisions))
    found = compare(*sides)
    if as_json:
        emit(told(found))
    else:
        from recyclekit.cli.render_parity import parity_view

        show(parity_view(found))
    return ExitCode.DONE if found.is_same else ExitCode.USAGE


def _fix(project: Project, pipeline: str | None, *, yes: bool) -> Sequence[Finding]:
    """List what would be created, ask, create it, and return what was made."""
    from recyclekit.cli.stopping import writes_from_here
    from recyclekit.cli.terminal import confirm, say
    from recyclekit.preflight.preflight import lacking, set_up

    job = project.job(pipeline)
    lacks = lacking(job)
    if not lacks:
        say("Nothing is lacking that could be created.")
        return ()
    say("Would be created:")
    for finding in lacks:
        say(f"  {finding.where}: {finding.what}")
    if not confirm(f"Create {'it' if len(lacks) == 1 else f'these {len(lacks)}'}?", yes=yes):
        say("Nothing was created.")
        return ()
    writes_from_here()
    return set_up(job)

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
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Check the project file, the policy, the connections, the field map, stages and reasons. Changes nothing.

    Wrong columns are named with the nearest right one; unmapped stages and reasons with their deals and money.
    With --fix, what the system lacks and we can create (our own fields, say) is listed, and created after a yes.
    With --parity A B, the pipeline's policy is tried on two connections and the decisions are held side by side.
    With --server, also what a scheduled run needs: a server that answers, versions that go together, block types,
    deployments, work pools with a worker, and schedules in the project's time zone.
    """
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
    return report_findings([*made, *around], as_json=as_json)


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

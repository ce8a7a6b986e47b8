"""`recyclekit apply`: write exactly what a saved plan says, or one that waits for approval in the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from recyclekit.cli.options import Json, Where, Yes

if TYPE_CHECKING:
    from recyclekit.errors import UnknownRunError
    from recyclekit.ledger.protocol import LedgerReader
    from recyclekit.models.plan import Plan
    from recyclekit.models.proposal import Proposal, Verdict
    from recyclekit.models.run import Outcome
    from recyclekit.pipeline import Job
    from recyclekit.project import Project

Limit = Annotated[int | None, Parameter(help="Write at most so many deals, the first of the plan.")]
LeaveOut = Annotated[list[str] | None, Parameter(negative=(), help="A track whose deals are not written; repeatable.")]


def apply(
    plan: str, *, where: Where = Where(), limit: Limit = None, leave_out: LeaveOut = None, yes: Yes = False,
    as_json: Json = False,
) -> int:  # fmt: skip
    """Write a plan to the CRM, record by record, after checking that nobody changed the deal meanwhile.

    A plan that waits for approval is approved by this, on these terms; the flow run that waits with it is woken.

    Args:
        plan: The plan file that `recyclekit plan --out` saved, or the id of a run that waits for approval.

    Examples:
        recyclekit apply plan.json
        recyclekit apply r20261122-060000-1a2b --limit 50
    """
    from recyclekit.cli.outcome import report_outcome
    from recyclekit.models.narrowing import narrowed
    from recyclekit.models.proposal import Door, Verdict

    project = where.open()
    saved, proposal = _named(plan, project)
    if proposal is not None:
        verdict = Verdict(approve=True, door=Door.SHELL, limit=limit, without=tuple(leave_out or ()))
        outcome = _approve(project, proposal, verdict, yes=yes, quiet=as_json)
        manifest = proposal.manifest
    else:
        assert saved is not None
        job = project.job(saved.manifest.pipeline, saved.manifest.as_of)
        job.admit(saved)
        writes, manifest = narrowed(saved, limit, leave_out or ()), saved.manifest
        agreed = not writes.actions.height or _agreed(writes, yes=yes)
        outcome = _carry_out(job, lambda one: one.write_back(writes), quiet=as_json) if agreed else None
    return 0 if outcome is None else report_outcome(outcome, as_json=as_json, set_aside=manifest.dead_letters)


def _named(plan: str, project: Project) -> tuple[Plan | None, Proposal | None]:
    """Return the plan of a file, or the proposal that is called so; a file that was proposed is the proposal."""
    from recyclekit.models.proposal import ProposalState
    from recyclekit.plans import plan_file

    path, ledger = Path(plan), project.ledger() if project.has_ledger else None
    if ledger is not None and path.suffix != ".json" and not path.is_file():
        proposal = ledger.proposal(plan)
        if proposal is not None:
            return None, proposal
        if _RUN.match(plan):
            raise _none_waits(plan, ledger)
    saved = plan_file.load(path)
    proposal = ledger.proposal(saved.manifest.run) if ledger is not None else None
    if ledger is None or proposal is None:
        return saved, None
    if proposal.state in {ProposalState.WAITING, ProposalState.APPROVED}:
        _refuse_other(path, saved, ledger.proposed(proposal.run))
    return None, proposal


_RUN = re.compile(r"r\d{4}")


def _none_waits(run: str, ledger: LedgerReader) -> UnknownRunError:
    from difflib import get_close_matches

    from recyclekit.errors import UnknownRunError

    near = get_close_matches(run, [one.run for one in ledger.proposals()], n=3, cutoff=0.0)
    return UnknownRunError(
        f"No plan of a run {run} was put forward for approval, or several were; and there is no such file.",
        fix=f"Nearest: {', '.join(near)}." if near else "`recyclekit runs` lists the plans that wait.",
    )


def _refuse_other(path: Path, saved: Plan, proposed: Plan) -> None:
    from recyclekit.errors import StalePlanError
    from recyclekit.plans.admission import digest

    run = proposed.manifest.run
    if digest(saved.actions) != digest(proposed.actions):
        raise StalePlanError(
            f"The plan {path} is not what waits for approval as run {run}.",
            why="Its writes differ.",
            fix=f"Name the run instead: recyclekit apply {run}",
        )


def _approve(project: Project, proposal: Proposal, verdict: Verdict, *, yes: bool, quiet: bool) -> Outcome | None:
    from recyclekit.approving import approved_plan, decide, on_plan, write_approved
    from recyclekit.cli.waiting import wake
    from recyclekit.models.proposal import ProposalState, repeated

    job = on_plan(project.job(proposal.pipeline, proposal.manifest.as_of), proposal.manifest)
    job = job.of_flow_run(proposal.flow_run) if proposal.flow_run is not None else job
    if proposal.state is ProposalState.WAITING:
        if not _agreed(approved_plan(job, proposal, verdict), yes=yes):
            return None
        known = decide(job, proposal, verdict)
    else:
        known = repeated(proposal, verdict)
    outcome = _carry_out(job, lambda one: write_approved(one, known), quiet=quiet)
    wake(known, verdict)
    return outcome


def _agreed(plan: Plan, *, yes: bool) -> bool:
    from recyclekit.cli.terminal import confirm, say
    from recyclekit.models.wording import counted

    for guard in plan.manifest.guards:
        say(f"Guard: {guard}")
    deals = plan.actions["deal_id"].n_unique()
    if confirm(f"Write {counted(plan.actions.height, 'change')} to {counted(deals, 'deal')}?", yes=yes):
        return True
    say("Nothing was written.")
    return False


def _carry_out(job: Job, write: Callable[[Job], Outcome], *, quiet: bool) -> Outcome:
    from recyclekit.cli.progress import listening
    from recyclekit.cli.stopping import stoppable

    with listening(quiet=quiet) as listen, stoppable() as should_stop:
        return write(job.listening(listen).stopping(should_stop))

"""Plans that wait for a person: proposed, decided on, and written exactly as approved, from whichever machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from recyclekit.errors import ConfigError, WaitingError
from recyclekit.events import ApprovalAsked, ApprovalGiven
from recyclekit.models.narrowing import narrowed
from recyclekit.models.outcome import TOLD, outcome_of
from recyclekit.models.plan import Manifest, Plan
from recyclekit.models.proposal import Cause, Proposal, ProposalState, Verdict, repeated
from recyclekit.models.run import Outcome, ReceiptState, Run, RunState
from recyclekit.observing.telling import returned
from recyclekit.pipeline import Job
from recyclekit.plans import admission

_LEFT = (ReceiptState.PLANNED, ReceiptState.SENT, ReceiptState.FAILED, ReceiptState.IN_DOUBT)


def on_plan(job: Job, manifest: Manifest) -> Job:
    """Return a job as it was when it made a plan: the same business date, the same run."""
    return replace(job, as_of=manifest.as_of, run=manifest.run)


def propose(job: Job, plan: Plan, cause: Cause, hours: float) -> tuple[Proposal, Sequence[Proposal]]:
    """Let a plan wait in the ledger; return it, and the waiting ones that it replaced."""
    found = job.open_ledger().propose(plan, cause, timedelta(hours=hours), job.flow_run)
    job.listen(ApprovalAsked(run=plan.manifest.run, pipeline=job.pipeline, cause=cause, figures=figures(plan)))
    return found


def figures(plan: Plan) -> dict[str, int]:
    """Return what a plan weighs: deals that change, writes, records set aside."""
    deals = plan.actions["deal_id"].n_unique()
    return {"deals": deals, "writes": plan.actions.height, "dead_letters": plan.manifest.dead_letters}


def approved_plan(job: Job, proposal: Proposal, verdict: Verdict) -> Plan:
    """Return what an approval on these terms would write, once it is sure that it may be written.

    Raises:
        DecidedError: somebody said something else before.
        StalePlanError: it waited too long, was replaced, or the policy has changed since.
        ConfigError: no such track, a limit below 1, or nothing would be left.
        QuotaError, ConnectorError: as `admission.refuse_beyond_sink`.
    """
    if proposal.state is not ProposalState.WAITING:
        repeated(proposal, verdict)
    plan = narrowed(job.open_ledger().proposed(proposal.run), verdict.limit, verdict.without)
    if plan.actions.is_empty():
        raise ConfigError("Nothing would be left to write.", fix=f"Reject it: recyclekit reject {proposal.run}")
    job.admit(plan, approve_guards=True)
    return plan


def decide(job: Job, proposal: Proposal, verdict: Verdict) -> Proposal:
    """Record a person's word; errors as in `Ledger.decide`."""
    known = job.open_ledger().decide(proposal.run, verdict)
    if proposal.state is ProposalState.WAITING:
        job.listen(given(known, verdict))
    return known


def given(proposal: Proposal, verdict: Verdict) -> ApprovalGiven:
    """Return the event that tells of a person's word."""
    said = "approved" if verdict.approve else "rejected"
    limit = {"limit": verdict.limit} if verdict.limit is not None else {}
    return ApprovalGiven(run=proposal.run, pipeline=proposal.pipeline, verdict=said, figures=limit)


def write_approved(job: Job, proposal: Proposal) -> Outcome:
    """Write what was approved, or take it up where an earlier attempt stopped; what is done stays done.

    Args:
        job: of the proposal's pipeline and business date (see `on_plan`).
        proposal: approved, as the ledger knows it: its own terms count.

    Raises:
        WaitingError: nobody has approved it. LeaseError: another process is writing it right now.
    """
    verdict = proposal.verdict
    if verdict is None or not verdict.approve:
        raise WaitingError(f"The plan of run {proposal.run} is {proposal.state}, not approved.")
    begun = job.open_ledger().known(proposal.run)
    if begun is None:
        plan = approved_plan(job, proposal, verdict)
        return job.write_back(plan, approve_guards=True)
    admission.refuse_undone(job.open_ledger(), begun.run)
    left = begun.state is RunState.RUNNING or any(begun.counts.get(state, 0) for state in _LEFT)
    return job.resume(begun.run) if left else told(job, begun)


def tell_returned(job: Job, outcome: Outcome) -> None:
    """Tell of the deals that a shell handed back before this attempt, which tells of its own already."""
    told = {(one.deal_id, one.cycle) for one in outcome.handed_back}
    known = [one for one in job.open_ledger().hand_backs(outcome.run) if one.handed_at and one.undone_by is None]
    left = [one for one in known if (one.deal_id, one.cycle) not in told]
    if left:
        job.listen(returned(outcome.run, job.pipeline, left))


def left_approved(job: Job) -> Sequence[Proposal]:
    """Return the plans of this pipeline that were approved, and that nobody began to write, oldest first."""
    ledger = job.open_ledger()
    approved = [one for one in ledger.proposals(job.pipeline) if one.state is ProposalState.APPROVED]
    return [one for one in approved[::-1] if ledger.known(one.run) is None]


def told(job: Job, run: Run) -> Outcome:
    """Return the outcome of a run that has ended, from the ledger alone."""
    listed = job.open_ledger().actions(run.run, TOLD)
    done = run.counts.get("done", 0)
    return replace(outcome_of(run.run, run.counts, listed, already=done), kind=run.kind)


def waiting_error(proposal: Proposal) -> WaitingError:
    """Return the error that a command ends with which leaves a plan behind for a person."""
    why = "; ".join(proposal.manifest.guards) if proposal.cause is Cause.GUARD else "The pipeline asks for approval"
    return WaitingError(
        f"The plan of run {proposal.run} waits for approval until {proposal.expires_at:%Y-%m-%d %H:%M} UTC.",
        why=f"{why}. Nothing was written.",
        fix=f"Look at it: recyclekit runs {proposal.run}. Then: recyclekit apply {proposal.run}, or recyclekit reject "
        f"{proposal.run}",
    )

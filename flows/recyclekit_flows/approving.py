"""Waiting for a person's word: the form that Prefect's pages show, and what a flow run does once it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from prefect.context import FlowRunContext
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from prefect.states import Cancelled
from pydantic import Field, create_model

from recyclekit import clock
from recyclekit.approving import approved_plan, decide, propose, waiting_error
from recyclekit.errors import GuardError
from recyclekit.models.narrowing import narrowed, tracks
from recyclekit.models.plan import Plan
from recyclekit.models.proposal import Cause, Door, Proposal, Verdict
from recyclekit.pipeline import Job
from recyclekit_flows.politely import politely
from recyclekit_flows.shown import form_text
from recyclekit_flows.stopping import pausing
from recyclekit_flows.waking import end
from recyclekit_flows.witnessed import unwitnessed


def put_forward(job: Job, plan: Plan, cause: Cause, hours: float) -> Proposal:
    """Let a plan wait in the ledger; end the flow runs that wait with an older plan of this pipeline."""
    proposal, replaced = propose(job, plan, cause, hours)
    said = f"Replaced by the newer plan of run {proposal.run}; nothing of this one was written."
    for older in replaced:
        if older.flow_run is not None:
            with politely():  # the new plan waits already; one that is left finds out when it is woken
                end(older.flow_run, Cancelled(name="Replaced", message=said))
    return proposal


def ask(job: Job, proposal: Proposal, plan: Plan, limit: int | None = None) -> Proposal:
    """Suspend this flow run until somebody answers the form; woken with an answer, record it and return what is known.

    The process ends in between: the flow then begins anew, finds its proposal in the ledger and comes here again.

    Args:
        job: of the plan's business date and run.
        proposal: waits.
        plan: what was proposed.
        limit: what the form suggests.

    Raises:
        WaitingError, GuardError: this run was started without a deployment, so no worker could wake it.
        RecyclekitError: the plan can no longer be written; nobody's word was recorded.
    """
    context = FlowRunContext.get()
    # Not `runtime.deployment`: a run within another one would be told the other's, and cannot be suspended.
    if context is None or context.flow_run is None or context.flow_run.deployment_id is None:
        raise _left_behind(proposal)
    until = f"{proposal.expires_at:%Y-%m-%d %H:%M} UTC"
    get_run_logger().info("The plan of run %s waits for approval until %s.", proposal.run, until)
    form = _form(proposal, plan, limit)
    left = _seconds_until(proposal.expires_at)
    with unwitnessed(), pausing():
        answer: Any = suspend_flow_run(wait_for_input=form, key=f"approve-{proposal.run}", timeout=left)
    return decide(job, proposal, _verdict(job, proposal, plan, answer))


# -- inside ----------------------------------------------------------------------------------------------------------


def _form(proposal: Proposal, plan: Plan, limit: int | None) -> type[RunInput]:
    """Return the form: every field has a default, and the one that nobody touched writes nothing."""
    known = tuple(tracks(plan))
    track = Literal[known] if known else str  # the page then offers them, and the server refuses others
    deals = plan.actions["deal_id"].n_unique()
    fields: dict[str, Any] = {
        "decision": (
            Literal["approve", "reject"],
            Field("reject", description="What is approved is written as it stands here; rejected, nothing is."),
        ),
        "limit": (
            int | None,
            Field(limit, ge=1, description=f"Write at most that many of {deals:,} deals, the first; empty: all."),
        ),
        "leave_out": (
            list[track],  # type: ignore[valid-type]  # made at run time, of this plan's tracks
            Field(default_factory=list, description="Tracks whose deals are not written."),
        ),
    }
    form = create_model("Approval", __base__=RunInput, **fields)
    return form.with_initial_data(description=form_text(plan, proposal))


def _verdict(job: Job, proposal: Proposal, plan: Plan, answer: Any) -> Verdict:
    without: Sequence[str] = tuple(answer.leave_out)
    leaves_nothing = narrowed(plan, answer.limit, without).actions.is_empty()
    if answer.decision == "reject" or leaves_nothing:
        return Verdict(approve=False, door=Door.PREFECT)
    verdict = Verdict(approve=True, door=Door.PREFECT, limit=answer.limit, without=tuple(without))
    approved_plan(job, proposal, verdict)
    return verdict


def _left_behind(proposal: Proposal) -> Exception:
    error = waiting_error(proposal)
    if proposal.cause is not Cause.GUARD:
        return error
    stopped = f"The policy's change guard stops this plan: {'; '.join(proposal.manifest.guards)}."
    why = "A run that would change this much is more often a mistake than a wish. Nothing was written."
    return GuardError(stopped, why=why, fix=error.fix)


def _seconds_until(moment: datetime) -> int:
    return max(1, round((moment - clock.now()).total_seconds()))

"""Plans that wait for approval, in the terminal: the list of them, and one for reading before somebody decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_parts import (
    BAD,
    DOUBTFUL,
    GOOD,
    QUIET,
    heading,
    minute,
    next_step,
    particulars,
    stack,
    table,
    words,
)
from recyclekit.cli.render_plan import plan_view
from recyclekit.models.plan import Plan
from recyclekit.models.proposal import Cause, Proposal, ProposalState

_STYLES = {
    ProposalState.WAITING: DOUBTFUL,
    ProposalState.APPROVED: GOOD,
    ProposalState.APPLIED: GOOD,
    ProposalState.REJECTED: QUIET,
    ProposalState.EXPIRED: BAD,
    ProposalState.SUPERSEDED: QUIET,
}
_CAUSES = {Cause.APPROVAL: "asks for approval", Cause.GUARD: "stopped by a guard"}


def proposals_view(proposals: Sequence[Proposal]) -> RenderableType:
    """Return plans of which nothing is written (yet), in the order given (newest first)."""
    rows = (
        (words(one.run, "bold"), _state(one), str(one.manifest.as_of), _when(one), _writes(one)) for one in proposals
    )
    waiting = [one for one in proposals if one.state is ProposalState.WAITING]
    return stack(
        heading("Plans of which nothing is written"),
        table(("run", "state", "as of", "when", "writes"), rows, flexible=("when", "writes")),
        *(_steps(one) for one in waiting),
    )


def proposal_view(proposal: Proposal, plan: Plan | None) -> RenderableType:
    """Return one proposal; `plan` where it is still kept."""
    known = {
        "pipeline": proposal.pipeline,
        "why": "; ".join([_CAUSES[proposal.cause], *proposal.manifest.guards]),
        "when": _when(proposal),
        "sealed": proposal.sha256[:16],
    }
    return stack(
        Text.assemble(("Plan of run ", "bold"), (proposal.run, "bold"), "  ").append_text(_state(proposal)),
        particulars(known, proposal.flow_run),
        plan_view(_without_guards(plan)) if plan is not None else None,
        _deciding(proposal) if proposal.state is ProposalState.WAITING else None,
    )


def _without_guards(plan: Plan) -> Plan:
    # they stand above, as the reason why it waits; approving it is the way past them
    return replace(plan, manifest=plan.manifest.model_copy(update={"guards": []}))


def _state(proposal: Proposal) -> Text:
    return Text(str(proposal.state), f"bold {_STYLES[proposal.state]}")


def _when(proposal: Proposal) -> str:
    if proposal.decided_at is not None and proposal.verdict is not None:
        return f"{minute(proposal.decided_at)}, from {proposal.verdict.door}"
    if proposal.state is ProposalState.SUPERSEDED:
        return "a newer plan took its place"
    return f"until {minute(proposal.expires_at)} UTC"


def _writes(proposal: Proposal) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in proposal.manifest.actions.items() if count)


def _steps(proposal: Proposal) -> RenderableType:
    return Group(next_step(f"recyclekit runs {proposal.run}", "shows what it would write"), _deciding(proposal))


def _deciding(proposal: Proposal) -> RenderableType:
    return Group(
        next_step(f"recyclekit apply {proposal.run}", "approves it; --limit N writes the first N deals only"),
        next_step(f"recyclekit reject {proposal.run}", "writes nothing of it"),
    )

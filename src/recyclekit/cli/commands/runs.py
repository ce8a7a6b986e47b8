"""`recyclekit runs`: what happened, from the ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from recyclekit.cli.options import Json, Where

if TYPE_CHECKING:
    from recyclekit.ledger.protocol import Ledger
    from recyclekit.models.proposal import Proposal
    from recyclekit.models.run import Run


def runs(
    run: str | None = None,
    *,
    where: Where = Where(),
    failed: Annotated[bool, Parameter(negative=(), help="Only what failed, was skipped or is in doubt.")] = False,
    as_json: Json = False,
) -> int:
    """List the runs of this project and the plans that wait for approval, or show one with what it wrote and set aside.

    Args:
        run: The run's id, or its beginning; or the id of the flow run in Prefect that carried it out.
    """
    from recyclekit.cli.terminal import emit

    project = where.open()
    if not project.has_ledger:
        from recyclekit.cli.called import likewise
        from recyclekit.cli.terminal import say

        if as_json:
            emit([])
        first, then = likewise("recyclekit plan --out plan.json"), likewise("recyclekit apply plan.json")
        say(f"Nothing has been applied yet. Next: {first}, then {then}")
        return 0
    ledger = project.ledger()
    if run is None:
        return _list(ledger, project.pipeline_name(where.pipeline) if where.pipeline else None, as_json=as_json)
    proposal = ledger.proposal(run)
    if proposal is not None and ledger.known(proposal.run) is None:
        return _show_proposal(proposal, ledger, as_json=as_json)
    return _show(ledger.run(run), ledger, failed=failed, as_json=as_json)


def _list(ledger: Ledger, pipeline: str | None, *, as_json: bool) -> int:
    from recyclekit.cli.render import runs_view
    from recyclekit.cli.render_proposals import proposals_view
    from recyclekit.cli.terminal import emit, show
    from recyclekit.models.run import taken_back

    found, plans = ledger.runs(pipeline), ledger.proposals(pipeline)
    begun = {one.run for one in found}
    unwritten = [plan for plan in plans if plan.run not in begun]
    if as_json:
        undone = taken_back(found)
        emit([*map(_waiting, unwritten), *(_document(one, undone.get(one.run)) for one in found)])
        return 0
    if unwritten:
        show(proposals_view(unwritten))
    if found or not unwritten:
        show(runs_view(found))
    return 0


def _show(one: Run, ledger: Ledger, *, failed: bool, as_json: bool) -> int:
    from recyclekit.cli.render import run_view
    from recyclekit.cli.terminal import emit, show
    from recyclekit.models.run import ReceiptState

    undo = next(iter(ledger.undos(one.run)), None)
    not_written = (ReceiptState.FAILED, ReceiptState.SKIPPED, ReceiptState.IN_DOUBT, ReceiptState.SENT)
    actions = ledger.actions(one.run, not_written if failed else ())
    letters = ledger.dead_letters(one.run)
    handed_back = ledger.hand_backs(one.run)
    if as_json:
        tables = {"actions": actions.to_dicts(), "dead_letters": letters.to_dicts()}
        emit({"run": _document(one, undo), **tables, "handed_back": [asdict(deal) for deal in handed_back]})
    else:
        show(run_view(one, actions, letters, undo=undo, only_failed=failed, handed_back=handed_back))
    return 0


def _document(run: Run, undo: Run | None) -> dict[str, object]:
    from recyclekit.cli.waiting import page

    return {**asdict(run), "undone_by": undo and undo.run, "flow_run_url": page(run.flow_run)}


def _waiting(proposal: Proposal) -> dict[str, object]:
    from recyclekit.cli.waiting import page

    manifest, verdict = proposal.manifest, proposal.verdict
    return {
        "run": proposal.run,
        "pipeline": proposal.pipeline,
        "kind": "plan",
        "state": str(proposal.state),
        "cause": str(proposal.cause),
        "as_of": manifest.as_of,
        "policy": manifest.policy,
        "made_at": manifest.made_at,
        "expires_at": proposal.expires_at,
        "actions": manifest.actions,
        "guards": manifest.guards,
        "sha256": proposal.sha256,
        "decided_at": proposal.decided_at,
        "decided_by": verdict and str(verdict.door),
        "limit": verdict and verdict.limit,
        "left_out": list(verdict.without) if verdict else [],
        "flow_run": proposal.flow_run,
        "flow_run_url": page(proposal.flow_run),
    }


def _show_proposal(proposal: Proposal, ledger: Ledger, *, as_json: bool) -> int:
    from recyclekit.cli.terminal import emit, show
    from recyclekit.models.proposal import ProposalState

    kept = proposal.state in {ProposalState.WAITING, ProposalState.APPROVED, ProposalState.EXPIRED}
    plan = ledger.proposed(proposal.run) if kept else None
    if as_json:
        writes = plan.actions.to_dicts() if plan else []
        returned = plan.handed_back.to_dicts() if plan else []
        emit({"run": _waiting(proposal), "plan": proposal.manifest, "actions": writes, "handed_back": returned})
    else:
        from recyclekit.cli.render_proposals import proposal_view

        show(proposal_view(proposal, plan))
    return 0

"""`recyclekit reject`: a plan that waits for approval is not written."""

from __future__ import annotations

from recyclekit.cli.options import Json, Where


def reject(run: str, *, where: Where = Where(), as_json: Json = False) -> int:
    """Turn down a plan that waits for approval: nothing of it is written, and the flow run that waits ends.

    Args:
        run: The run's id or its beginning, as `recyclekit runs` lists it, or the id of its flow run.
    """
    from recyclekit.cli.terminal import emit, say
    from recyclekit.cli.waiting import wake
    from recyclekit.errors import UnknownRunError
    from recyclekit.models.proposal import Door, Verdict

    project = where.open()
    ledger = project.ledger()
    proposal = ledger.proposal(run) if project.has_ledger else None
    if proposal is None:
        raise UnknownRunError(f"No plan of run {run!r} waits.", fix="`recyclekit runs` lists what waits.")
    verdict = Verdict(approve=False, door=Door.SHELL)
    known = ledger.decide(proposal.run, verdict)
    if as_json:
        emit({"run": known.run, "state": str(known.state), "decided_at": known.decided_at})
    else:
        say(f"Rejected the plan of run {known.run}; nothing of it was written.")
    wake(known, verdict)
    return 0

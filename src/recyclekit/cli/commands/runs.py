"""`recyclekit runs`: what happened, from the ledger."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from recyclekit.cli.options import Json, Where


def runs(
    run: str | None = None,
    *,
    where: Where = Where(),
    failed: Annotated[bool, Parameter(negative=(), help="Only what failed, was skipped or is in doubt.")] = False,
    as_json: Json = False,
) -> int:
    """List the runs of this project, or show one with what it wrote and set aside.

    Args:
        run: The run's id, or its beginning.
    """
    from recyclekit.cli.terminal import emit, show

    project = where.open()
    if not project.has_ledger:
        from recyclekit.cli.terminal import say

        if as_json:
            emit([])
        say("Nothing has been applied yet. Next: recyclekit plan --out plan.json, then recyclekit apply plan.json")
        return 0
    ledger = project.ledger()
    if run is None:
        name = project.pipeline_name(where.pipeline) if where.pipeline else None
        found = ledger.runs(name)
        if as_json:
            emit(found)
        else:
            from recyclekit.cli.render import runs_view

            show(runs_view(found))
        return 0
    from recyclekit.models.run import ReceiptState

    one = ledger.run(run)
    wanted = (ReceiptState.FAILED, ReceiptState.SKIPPED, ReceiptState.IN_DOUBT, ReceiptState.SENT) if failed else ()
    actions, letters = ledger.actions(one.run, wanted), ledger.dead_letters(one.run)
    if as_json:
        emit({"run": one, "actions": actions.to_dicts(), "dead_letters": letters.to_dicts()})
    else:
        from recyclekit.cli.render import run_view

        show(run_view(one, actions, letters))
    return 0

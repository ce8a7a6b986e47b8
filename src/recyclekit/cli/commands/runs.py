"""`recyclekit runs`: what happened, from the ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from recyclekit.cli.options import Json, Where

if TYPE_CHECKING:
    from recyclekit.models.run import Run

_LOOK_BACK = 1_000  # runs of a pipeline among which an undo is looked for


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
    from recyclekit.models.run import taken_back

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
            undone = taken_back(found)
            emit([_document(one, undone.get(one.run)) for one in found])
        else:
            from recyclekit.cli.render import runs_view

            show(runs_view(found))
        return 0
    from recyclekit.models.run import ReceiptState

    one = ledger.run(run)
    undo = taken_back(ledger.runs(one.pipeline, _LOOK_BACK)).get(one.run)
    not_written = (ReceiptState.FAILED, ReceiptState.SKIPPED, ReceiptState.IN_DOUBT, ReceiptState.SENT)
    actions = ledger.actions(one.run, not_written if failed else ())
    letters = ledger.dead_letters(one.run)
    if as_json:
        emit({"run": _document(one, undo), "actions": actions.to_dicts(), "dead_letters": letters.to_dicts()})
    else:
        from recyclekit.cli.render import run_view

        show(run_view(one, actions, letters, undo=undo, only_failed=failed))
    return 0


def _document(run: Run, undo: Run | None) -> dict[str, object]:
    return {**asdict(run), "undone_by": undo and undo.run}

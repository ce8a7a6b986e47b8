"""`recyclekit apply`: write exactly what a saved plan says."""

from __future__ import annotations

from pathlib import Path

from recyclekit.cli.options import Json, Where, Yes


def apply(plan: Path, *, where: Where = Where(), yes: Yes = False, as_json: Json = False) -> int:
    """Write a saved plan to the CRM, record by record, after checking that nobody changed the deal meanwhile.

    Args:
        plan: The plan file that `recyclekit plan --out` saved.

    Examples:
        recyclekit apply plan.json
    """
    from recyclekit import plan_file
    from recyclekit.cli.outcome import report_outcome
    from recyclekit.cli.progress import listening
    from recyclekit.cli.stopping import stoppable
    from recyclekit.cli.terminal import confirm
    from recyclekit.reports.words import counted

    made = plan_file.load(plan)
    project = where.open()
    job = project.job(made.manifest.pipeline, made.manifest.as_of)
    job.admit(made)
    deals = made.actions["deal_id"].n_unique()
    question = f"Write {counted(made.actions.height, 'change')} to {counted(deals, 'deal')}?"
    if made.actions.height and not confirm(question, yes=yes):
        from recyclekit.cli.terminal import say

        say("Nothing was written.")
        return 0
    with listening(quiet=as_json) as listen, stoppable() as should_stop:
        outcome = job.listening(listen).stopping(should_stop).write_back(made)
    return report_outcome(outcome, as_json=as_json, set_aside=made.manifest.dead_letters)

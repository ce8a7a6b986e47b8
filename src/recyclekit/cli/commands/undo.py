"""`recyclekit undo`: take a run's writes back where they still stand."""

from __future__ import annotations

from recyclekit.cli.options import Json, Where, Yes


def undo(run: str, *, where: Where = Where(), yes: Yes = False, as_json: Json = False) -> int:
    """Put back what a run wrote. Whatever a person changed since is left alone and listed.

    Args:
        run: The run's id, or its beginning; `recyclekit runs` lists them.
    """
    from recyclekit.cli.outcome import report_outcome
    from recyclekit.cli.progress import listening
    from recyclekit.cli.stopping import stoppable
    from recyclekit.cli.terminal import confirm, say
    from recyclekit.models.run import RunKind
    from recyclekit.models.wording import counted

    project = where.open()
    job = project.job(project.pipeline_of(run, where.pipeline, RunKind.APPLY))
    known = job.open_ledger().run(run, RunKind.APPLY)  # its undo may have an id that begins alike
    if not confirm(f"Take back what run {known.run} wrote ({counted(known.counts.get('done', 0), 'write')})?", yes=yes):
        say("Nothing was undone.")
        return 0
    with listening(quiet=as_json) as listen, stoppable() as should_stop:
        outcome = job.listening(listen).stopping(should_stop).undo(known.run)
    return report_outcome(outcome, as_json=as_json)

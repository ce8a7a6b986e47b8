"""`recyclekit retry`: send what is unsent, failed or in doubt, and nothing that is done."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from recyclekit.cli.options import Json, Where

_Names = Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())]


def retry(
    run: str | None = None,
    *,
    where: Where = Where(),
    only: _Names = None,
    drop: _Names = None,
    written: _Names = None,
    as_json: Json = False,
) -> int:
    """Take a run up again: what was done stays done, what is in doubt is looked up first, the rest is sent.

    Args:
        run: The run's id, or its beginning; default: the newest that is not finished.
        only: Deals, or keys of single writes: send these and no others.
        drop: Deals or keys to give up for good, or `all`; sends nothing. The next plan may take these deals up anew.
        written: Deals or keys that were in doubt and that you found in the CRM: they count as done. Sends nothing.

    Examples:
        recyclekit retry r20261120-0600 --only D-17 D-18
    """
    from recyclekit.cli.outcome import report_outcome, set_aside_by
    from recyclekit.cli.progress import listening
    from recyclekit.cli.stopping import stoppable

    project = where.open()
    pipeline = project.pipeline_of(run, where.pipeline) if run else where.pipeline
    with listening(quiet=as_json) as listen, stoppable() as should_stop:
        job = project.job(pipeline, listen=listen).stopping(should_stop)
        wanted = run or (job.unfinished() if project.has_ledger else None)
        if wanted is None:
            return _nothing_to_do(as_json=as_json)
        outcome = job.resume(wanted, only=only or (), drop=drop or (), written=written or ())
    return report_outcome(outcome, as_json=as_json, set_aside=set_aside_by(project, outcome.run))


def _nothing_to_do(*, as_json: bool) -> int:
    from recyclekit.cli.outcome import as_document
    from recyclekit.cli.terminal import emit, say
    from recyclekit.models.run import Outcome, RunState

    if as_json:
        emit({**as_document(Outcome(run="", state=RunState.SUCCESS, planned=0, applied=0)), "run": None})
    say("There is nothing to take up: every run that began is finished. A plan that never began is applied again.")
    return 0

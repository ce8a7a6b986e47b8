"""`recyclekit retry`: send what is unsent, failed or in doubt, and nothing that is done."""

from __future__ import annotations

from recyclekit.cli.options import Json, Where


def retry(run: str | None = None, *, where: Where = Where(), as_json: Json = False) -> int:  # noqa: B008  # frozen
    """Take a run up again: what was done stays done, what is in doubt is looked up first, the rest is sent.

    Args:
        run: The run's id, or its beginning; default: the newest that is not finished.
    """
    from recyclekit.cli.outcome import report_outcome
    from recyclekit.cli.progress import listening

    project = where.open()
    with listening(quiet=as_json) as listen:
        outcome = project.job(where.pipeline, listen=listen).resume(run)
    return report_outcome(outcome, project, as_json=as_json)

"""The flow that takes an unfinished run up again: what is done stays done, what is in doubt is looked up first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from recyclekit.errors import RecyclekitError
from recyclekit.project import open_project
from recyclekit_flows.at_work import at_work, choose
from recyclekit_flows.ending import ended, refused
from recyclekit_flows.heard import hear


@flow(name="retry", flow_run_name="retry-{run}", persist_result=False)
def retry(
    project: Path = Path(),
    pipeline: str | None = None,
    run: str | None = None,
    *,
    only: list[str] | None = None,
    drop: list[str] | None = None,
    written: list[str] | None = None,
) -> State[Any]:
    """Send what a run left unsent, failed or in doubt, and nothing that is done.

    Args:
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipeline: Pipeline of the project; empty: the only one.
        run: The run's id in the ledger, or its beginning; empty: the newest that is not finished.
        only: Deals, or keys of single writes: send these and no others.
        drop: Deals or keys to give up; the next plan is free to take these deals up anew.
        written: Deals or keys that were in doubt and that you found in the CRM: they count as done.
    """
    try:
        with at_work(open_project(project).job(pipeline, listen=hear)) as job:
            return ended(choose(job, run, only or [], drop or [], written or []).value, job=job.value)
    except RecyclekitError as error:
        return refused(error)

"""The flow that takes an unfinished run up again: what is done stays done, what is in doubt is looked up first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from recyclekit.errors import RecyclekitError
from recyclekit.project import open_project
from recyclekit_flows.ending import ended, refused
from recyclekit_flows.heard import hear
from recyclekit_flows.held import Held
from recyclekit_flows.recycle import resume


@flow(name="retry", flow_run_name="retry-{run}", persist_result=False)
def retry(project: Path = Path(), pipeline: str | None = None, run: str | None = None) -> State[Any]:
    """Send what a run left unsent, failed or in doubt, and nothing that is done.

    Args:
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipeline: Pipeline of the project; empty: the only one.
        run: The run's id in the ledger, or its beginning; empty: the newest that is not finished.
    """
    try:
        job = open_project(project).job(pipeline, listen=hear)
        return ended(resume(Held(job), run).value)
    except RecyclekitError as error:
        return refused(error)

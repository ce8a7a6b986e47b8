"""The flow that takes a run's writes back where they still stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from recyclekit.errors import RecyclekitError
from recyclekit.models.run import Outcome
from recyclekit.pipeline import Job
from recyclekit.project import open_project
from recyclekit_flows.at_work import at_work
from recyclekit_flows.ending import ended, refused
from recyclekit_flows.heard import hear
from recyclekit_flows.held import Held
from recyclekit_flows.stage import stage


@stage
def take_back(job: Held[Job], run: str) -> Held[Outcome]:
    """Take a run's writes back; whatever a person changed since is left alone."""
    return Held(job.value.undo(run))


@flow(name="undo", flow_run_name="undo-{run}", persist_result=False)
def undo(run: str, project: Path = Path(), pipeline: str | None = None) -> State[Any]:
    """Put back what a run wrote. Whatever a person changed since is left alone and listed.

    Args:
        run: The run's id in the ledger, or its beginning.
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipeline: Pipeline of the project; empty: the only one.
    """
    try:
        with at_work(open_project(project).job(pipeline, listen=hear)) as job:
            return ended(take_back(job, run).value, job=job.value)
    except RecyclekitError as error:
        return refused(error)

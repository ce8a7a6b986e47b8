"""The flow that forgets in time: what is older than `keep` says goes, from ledger and state folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from recyclekit.errors import LeaseError, RecyclekitError
from recyclekit.project import open_project
from recyclekit_flows.ending import refused
from recyclekit_flows.lateness import SKIPPED


def flow_run_name() -> str:
    """Return the name under which Prefect lists the run."""
    return f"keep-house-{runtime.flow_run.parameters.get('pipeline') or 'all'}"


@flow(name="keep_house", flow_run_name=flow_run_name, persist_result=False)
def keep_house(project: Path = Path(), pipeline: str | None = None) -> State[Any]:
    """Forget runs, dead letters, plans and reports that are older than the project file's `keep` says.

    What planning, undo of younger runs and caps rest on stays. Kept plans and reports go on the machine that runs this.

    Args:
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipeline: Pipeline of the project; empty: all.
    """
    try:
        opened = open_project(project)
        found = opened.tidy([opened.pipeline_name(pipeline)] if pipeline else list(opened.spec.pipelines))
    except LeaseError as error:  # nothing is urgent here
        return Completed(name=SKIPPED, message=f"{error.what} The next run of this flow tidies up.")
    except RecyclekitError as error:
        return refused(error)
    return Completed(message=". ".join(found.told()))

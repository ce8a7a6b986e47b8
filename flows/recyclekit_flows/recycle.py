"""The main flow: the five stages as five tasks, then one sentence on how it ended."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from recyclekit import clock, plan_file
from recyclekit.errors import RecyclekitError
from recyclekit.events import Listen, silence
from recyclekit.models.narrowing import narrowed
from recyclekit.models.plan import Plan
from recyclekit.models.run import Outcome
from recyclekit.models.snapshot import Extracted, Snapshot
from recyclekit.pipeline import Job
from recyclekit.project import open_project
from recyclekit.stages.classify import Classified
from recyclekit_flows.call import call
from recyclekit_flows.ending import ended, publish_plan, refused
from recyclekit_flows.heard import hear
from recyclekit_flows.held import Held

Limit = Annotated[int, Field(ge=1)]


class Approval(StrEnum):
    """Who has the last word before anything is written."""

    PROJECT = "project"
    """What the project file says."""
    NONE = "none"
    """Nobody: the plan is written at once."""
    PLAN_ONLY = "plan_only"
    """Nothing is written: the run ends with its plan."""


# Results stay in memory: a deal's data has no business in Prefect's files, and a retry reads the CRM afresh.
stage = task(cache_policy=NO_CACHE, persist_result=False)


@stage
def extract(job: Held[Job]) -> Held[Extracted]:
    """Stage 1 of 5. Read the records."""
    return Held(job.value.extract())


@stage
def normalize(job: Held[Job], extracted: Held[Extracted]) -> Held[Snapshot]:
    """Stage 2 of 5. Bring the records into the canonical tables."""
    return Held(job.value.normalize(extracted.value))


@stage
def classify(job: Held[Job], snapshot: Held[Snapshot]) -> Held[Classified]:
    """Stage 3 of 5. Decide on every deal by the policy."""
    return Held(job.value.classify(snapshot.value))


@stage
def schedule(job: Held[Job], snapshot: Held[Snapshot], classified: Held[Classified]) -> Held[Plan]:
    """Stage 4 of 5. Turn the decisions into intended writes."""
    return Held(job.value.schedule(snapshot.value, classified.value))


@stage
def write_back(job: Held[Job], plan: Held[Plan], approve_guards: bool) -> Held[Outcome]:  # see recycle
    """Stage 5 of 5. Write what is planned; the ledger keeps intents and receipts."""
    return Held(job.value.write_back(plan.value, approve_guards=approve_guards))


@stage
def resume(job: Held[Job], run: str | None) -> Held[Outcome]:
    """Take up the run that an earlier attempt of this flow run left unfinished."""
    return Held(job.value.resume(run))


def flow_run_name() -> str:
    """Return the name under which Prefect lists the run: the pipeline and the business date."""
    given = runtime.flow_run.parameters
    try:
        project = open_project(Path(given["project"]))
        name = project.pipeline_name(given.get("pipeline"))
    except RecyclekitError:
        return "recycle"  # what is wrong with the project, the flow itself will say
    return f"recycle-{name}-{given.get('as_of') or clock.today(project.timezone)}"


@flow(name="recycle", flow_run_name=flow_run_name, persist_result=False)
def recycle(
    project: Path = Path(),
    pipeline: str | None = None,
    as_of: date | None = None,
    *,
    approval: Approval = Approval.PROJECT,
    limit: Limit | None = None,
    approve_guards: bool = False,
) -> State[Any]:
    """Bring lost and stalled deals back: read, decide, plan, and write the plan to the CRM.

    Retrying a run writes nothing twice: what an earlier attempt began is taken up where it stopped.

    Args:
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipeline: Pipeline of the project; empty: the only one.
        as_of: Business date to judge by; empty: today in the project's time zone.
        approval: project: as the project file says. none: write at once. plan_only: end with the plan, write nothing.
        limit: Write at most that many deals, the first of the plan; the others are planned again the next time.
        approve_guards: Write even if the plan trips a change guard of the policy.
    """
    try:
        job = Held(open_project(project).job(pipeline, as_of, hear).of_flow_run(str(runtime.flow_run.id)))
        begun = job.value.unfinished() if runtime.flow_run.run_count > 1 else None
        if begun is not None:
            return ended(resume(job, begun).value)
        return _whole(job, approval=approval, limit=limit, approve_guards=approve_guards)
    except RecyclekitError as error:
        return refused(error)


def _whole(job: Held[Job], *, approval: Approval, limit: int | None, approve_guards: bool) -> State[Any]:
    extracted = extract(job)
    snapshot = normalize(job, extracted)
    classified = classify(job, snapshot)
    plan = schedule(job, snapshot, classified)
    manifest = plan.value.manifest
    publish_plan(manifest)
    kept = plan_file.keep(plan.value, job.value.state)
    if approval is Approval.PLAN_ONLY:
        return Completed(message=f"Planned {sum(manifest.actions.values()):,} writes, wrote none: {kept}", data=plan)
    writes = Held(narrowed(plan.value, limit))
    return ended(write_back(job, writes, approve_guards).value, set_aside=manifest.dead_letters)


def run_recycle(
    project: Path,
    pipeline: str | None = None,
    as_of: date | None = None,
    *,
    limit: int | None = None,
    approve_guards: bool = False,
    listen: Listen = silence,
) -> Outcome:
    """Run the flow in this process, as `recyclekit run` does; the run shows in Prefect's history.

    Uses the server that PREFECT_API_URL or the active profile names, or else starts a temporary one (10 to 20 s).

    Raises:
        RecyclekitError: whatever stopped the run; RemoteError where Prefect's server cannot be reached or started.
    """
    parameters = {
        "project": project, "pipeline": pipeline, "as_of": as_of, "limit": limit, "approve_guards": approve_guards
    }  # fmt: skip
    outcome: Outcome = call(recycle, parameters, listen)
    return outcome

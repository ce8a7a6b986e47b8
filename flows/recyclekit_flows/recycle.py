"""The main flow: the five stages as five tasks, then one sentence on how it ended."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, runtime
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
from recyclekit_flows.at_work import at_work, finish_earlier, resume
from recyclekit_flows.call import call
from recyclekit_flows.ending import ended, publish_plan, refused
from recyclekit_flows.heard import hear
from recyclekit_flows.held import Held
from recyclekit_flows.lateness import Minutes, out_of_turn
from recyclekit_flows.stage import stage

Limit = Annotated[int, Field(ge=1)]


class Approval(StrEnum):
    """Who has the last word before anything is written."""

    PROJECT = "project"
    """What the project file says."""
    NONE = "none"
    """Nobody: the plan is written at once."""
    PLAN_ONLY = "plan_only"
    """Nothing is written: the run ends with its plan."""


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
    max_lateness_minutes: Minutes | None = None,
) -> State[Any]:
    """Bring lost and stalled deals back: read, decide, plan, and write the plan to the CRM.

    Retrying a run writes nothing twice: what an earlier attempt began is taken up where it stopped. What any earlier
    run of the pipeline left behind is finished first.

    Args:
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipeline: Pipeline of the project; empty: the only one.
        as_of: Business date to judge by; empty: today in the project's time zone.
        approval: project: as the project file says. none: write at once. plan_only: end with the plan, write nothing.
        limit: Write at most that many deals, the first of the plan; the others are planned again the next time.
        approve_guards: Write even if the plan trips a change guard of the policy.
        max_lateness_minutes: Skip a scheduled run that begins later than this; empty: however late.
    """
    try:
        skipped = out_of_turn(max_lateness_minutes)
        if skipped is not None:
            return skipped
        opened = open_project(project).job(pipeline, as_of, hear).of_flow_run(str(runtime.flow_run.id))
        if approval is Approval.PLAN_ONLY:
            return _whole(Held(opened), approval=approval, limit=limit, approve_guards=approve_guards)
        with at_work(opened) as job:
            begun = job.value.begun() if runtime.flow_run.run_count > 1 else None
            if begun is not None:
                return ended(resume(job, begun).value)
            stuck = finish_earlier(job)
            if stuck is not None:
                return ended(stuck)
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

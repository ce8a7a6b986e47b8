"""The main flow: the five stages as five tasks, then one sentence on how it ended."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from recyclekit import clock
from recyclekit.approving import figures, given, left_approved, on_plan, tell_returned, write_approved
from recyclekit.errors import GuardError, PlanError, RecyclekitError
from recyclekit.events import Listen, RunPlanned, silence
from recyclekit.models.narrowing import narrowed
from recyclekit.models.plan import Plan
from recyclekit.models.proposal import Cause, Door, Proposal, ProposalState
from recyclekit.models.run import Outcome
from recyclekit.models.snapshot import Extracted, Snapshot
from recyclekit.pipeline import Job
from recyclekit.plans import plan_file
from recyclekit.project import open_project
from recyclekit.stages.classify import Classified
from recyclekit_flows.approving import ask, put_forward
from recyclekit_flows.at_work import at_work, finish_earlier, resume, telling_of_earlier
from recyclekit_flows.call import call
from recyclekit_flows.ending import ended, refused, turned_down
from recyclekit_flows.engines import Engine
from recyclekit_flows.heard import hear
from recyclekit_flows.held import Held
from recyclekit_flows.lateness import Minutes, out_of_turn
from recyclekit_flows.politely import politely
from recyclekit_flows.shards import Shards, sharing
from recyclekit_flows.shown import show_plan, write_report
from recyclekit_flows.stage import stage
from recyclekit_flows.wish import Approval, Limit, Wish


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


@task(name="write_back", cache_policy=NO_CACHE, persist_result=False)
def write_what_was_approved(job: Held[Job], proposal: Held[Proposal]) -> Held[Outcome]:
    """Stage 5 of 5. Write what a person approved, exactly; what an earlier attempt wrote stays."""
    return Held(write_approved(job.value, proposal.value))


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
    shards: Shards = 1,
    shards_on: Engine = Engine.WORKERS,
) -> State[Any]:
    """Bring lost and stalled deals back: read, decide, plan, and write the plan to the CRM.

    Retrying a run writes nothing twice: what an earlier attempt began is taken up where it stopped. What any earlier
    run of the pipeline left behind is finished first.

    Args:
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipeline: Pipeline of the project; empty: the only one.
        as_of: Business date to judge by; empty: today in the project's time zone.
        approval: project: as the project file says. none: write at once. required: wait until somebody has
            looked at the plan. plan_only: end with the plan, write nothing.
        limit: Write at most that many deals, the first of the plan; the others are planned again the next time.
        approve_guards: Write even if the plan trips a change guard of the policy.
        max_lateness_minutes: Skip a scheduled run that begins later than this; empty: however late.
        shards: Write by that many processes side by side; 1: by this one.
        shards_on: workers: flow runs of their own. processes: on this machine. dask: on a Dask cluster.
    """
    try:
        opened = open_project(project)
        job = opened.job(pipeline, as_of, hear).of_flow_run(str(runtime.flow_run.id))
        job = sharing(job, opened.folder, shards, shards_on)
        wish = Wish(opened, opened.spec.pipelines[job.pipeline], approval, limit, approve_guards)
        # Whoever is woken from waiting for approval begins here anew, maybe on another machine: the ledger knows the
        # plan. Prefect does not count that as a further attempt.
        proposal = job.open_ledger().proposal(str(runtime.flow_run.id))
        skipped = out_of_turn(max_lateness_minutes) if proposal is None else None
        if skipped is not None:
            return skipped
        if approval is Approval.PLAN_ONLY:
            return _whole(Held(job), wish)
        with at_work(job) as held:
            if proposal is not None:
                return _decided(Held(on_plan(held.value, proposal.manifest)), proposal, wish)
            return _again(held) or telling_of_earlier(_whole(held, wish))
    except RecyclekitError as error:
        return refused(error)


def _again(job: Held[Job]) -> State[Any] | None:
    """Go on with what an earlier attempt of this flow run, or an earlier run, left behind; None where nothing is left.

    Without a proposal of this flow run: those are gone on with elsewhere.
    """
    begun = job.value.begun() if runtime.flow_run.run_count > 1 else None
    if begun is not None:
        return ended(resume(job, begun).value, job=job.value)
    stuck = finish_earlier(job) or _write_left_approved(job)
    return None if stuck is None else ended(stuck, job=job.value)


def _write_left_approved(job: Held[Job]) -> Outcome | None:
    """Write what a person approved where whoever was to write it died before; return what leaves no room for a plan."""
    for proposal in left_approved(job.value):
        there = on_plan(job.value, proposal.manifest)
        own = there.of_flow_run(proposal.flow_run) if proposal.flow_run is not None else there
        try:
            outcome = write_what_was_approved(Held(own), Held(proposal)).value
        except PlanError as error:  # the plan that follows takes its place
            get_run_logger().warning("What was approved as run %s is not written: %s", proposal.run, error)
            continue
        if outcome.stop is not None:
            return outcome
    return None


def _whole(job: Held[Job], wish: Wish) -> State[Any]:
    extracted = extract(job)
    snapshot = normalize(job, extracted)
    classified = classify(job, snapshot)
    snapshot = Held(job.value.narrowed(snapshot.value))
    plan = schedule(job, snapshot, classified)
    manifest = plan.value.manifest
    kept = plan_file.keep(plan.value, job.value.state)
    report = write_report(job.value, plan.value, wish.reports)
    with politely():
        show_plan(plan.value, report)
    hear(RunPlanned(run=manifest.run, pipeline=manifest.pipeline, figures=figures(plan.value)))
    if wish.approval is Approval.PLAN_ONLY:
        return Completed(message=f"Planned {sum(manifest.actions.values()):,} writes, wrote none: {kept}", data=plan)
    cause = _stopped_by(job.value, plan.value, wish)
    if cause is not None:
        proposal = put_forward(job.value, plan.value, cause, wish.spec.approval_hours)
        return _decided(job, proposal, wish, plan.value)
    writes = Held(narrowed(plan.value, wish.limit))
    outcome = write_back(job, writes, wish.approve_guards).value
    write_report(job.value, plan.value, wish.reports, outcome)
    return ended(outcome, set_aside=manifest.dead_letters, job=job.value)


def _stopped_by(job: Job, plan: Plan, wish: Wish) -> Cause | None:
    """Return why a plan must wait for a person; None where it need not, or has nothing to write."""
    if plan.actions.is_empty():
        return None
    try:
        job.admit(plan.manifest, approve_guards=wish.approve_guards)
    except GuardError:
        return Cause.GUARD
    return Cause.APPROVAL if wish.asks else None


def _decided(job: Held[Job], proposal: Proposal, wish: Wish, plan: Plan | None = None) -> State[Any]:
    """Write a proposal as a person approved it, or end without writing; where nobody has decided, wait for it.

    A `plan` that was just made has decisions to show as well; what is written comes from the ledger.
    """
    known = proposal
    # Woken by a shell, which does not speak to Prefect's automations.
    by_shell = known.verdict is not None and known.verdict.door is Door.SHELL and runtime.flow_run.run_count <= 1
    if known.state is ProposalState.WAITING:
        shown = plan or job.value.open_ledger().proposed(known.run)
        known = ask(job.value, known, shown, wish.limit)
    elif by_shell and known.verdict is not None:
        hear(given(known, known.verdict))
    if known.state not in {ProposalState.APPROVED, ProposalState.APPLIED}:
        return turned_down(known)
    outcome = write_what_was_approved(job, Held(known)).value
    if by_shell:
        tell_returned(job.value, outcome)
    with suppress(RecyclekitError):  # on the machine that planned, the plan is still there with its decisions
        write_report(job.value, plan_file.kept(job.value.state, known.run), wish.reports, outcome)
    return ended(outcome, set_aside=known.manifest.dead_letters, job=job.value)


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

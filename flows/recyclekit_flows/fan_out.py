"""One flow that runs the pipelines of a project side by side: many accounts, many partitions, one page that tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow, runtime, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Completed, Failed

from recyclekit.errors import ConfigError, RecyclekitError
from recyclekit.project import Project, open_project
from recyclekit_flows.ending import refused
from recyclekit_flows.engines import Engine, Part, awaited, on_runner, start
from recyclekit_flows.politely import politely

_LOST = {StateType.FAILED, StateType.CRASHED, StateType.CANCELLED, StateType.CANCELLING}
_PAGE = 200  # flow runs in one answer of the server


@dataclass(frozen=True, slots=True)
class _Told:
    """How one pipeline's run ended."""

    pipeline: str
    state: str
    message: str
    is_well: bool


@flow(name="fan_out", flow_run_name="fan-out-on-{on}", persist_result=False)
def fan_out(
    project: Path = Path(),
    pipelines: list[str] | None = None,
    as_of: date | None = None,
    *,
    on: Engine = Engine.WORKERS,
) -> State[Any]:
    """Run all pipelines of a project, or some of them, side by side. One that fails holds no other up.

    Retried, it starts only those again that did not come through on a worker.

    Args:
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipelines: Which of them; empty: all.
        as_of: Business date to judge by; empty: today in the project's time zone.
        on: workers: a flow run of its own for each, on whatever workers poll. processes: here. dask: on a cluster.
    """
    try:
        opened = open_project(project)
        wanted = _named(opened, pipelines or list(opened.spec.pipelines))
        told = _by_workers(wanted, as_of) if on is Engine.WORKERS else _by_runner(opened, wanted, as_of, on)
    except RecyclekitError as error:
        return refused(error)
    with politely():
        rows = [{"pipeline": one.pipeline, "state": one.state, "message": one.message} for one in told]
        create_table_artifact(rows, key="recyclekit-fan-out", description="How each pipeline ended.")
    unwell = [one for one in told if not one.is_well]
    if not unwell:
        return Completed(message=f"{len(told):,} pipelines are through.")
    named = "; ".join(f"{one.pipeline}: {one.state}" for one in unwell)
    return Failed(
        message=f"{len(unwell):,} of {len(told):,} pipelines did not come through. {named}. Retry this flow run."
    )


@task(name="recycle", task_run_name="recycle-{pipeline}", cache_policy=NO_CACHE, persist_result=False)
def run_pipeline(project: str, pipeline: str, as_of: str | None) -> tuple[str, str, str, bool]:
    """Run one pipeline's flow, wherever the task runner puts this."""
    # By name, there: what this module holds travels by value, and a flow that does so has lost the names of its types.
    from recyclekit_flows.recycle import recycle

    day = None if as_of is None else date.fromisoformat(as_of)
    state: State[Any] = recycle(Path(project), pipeline, day, return_state=True)
    return pipeline, state.name or str(state.type), state.message or "", state.is_completed()


def _named(project: Project, wanted: Sequence[str]) -> list[str]:
    return [project.pipeline_name(name) for name in dict.fromkeys(wanted)]


def _by_workers(pipelines: Sequence[str], as_of: date | None) -> list[_Told]:
    before = _before() if runtime.flow_run.run_count > 1 else {}
    told, going = {}, {}
    for name in pipelines:
        try:
            going[name] = before.get(name) or _started(name, as_of)
        except ConfigError as error:
            told[name] = _Told(name, "Missing", str(error), is_well=False)
    told |= {name: _of(name, run) for name, run in zip(going, awaited(list(going.values())), strict=True)}
    return [told[name] for name in pipelines]


def _started(pipeline: str, as_of: date | None) -> FlowRun:
    key = f"{runtime.flow_run.id}-{runtime.flow_run.run_count}-{pipeline}"
    given = {"pipeline": pipeline} | ({} if as_of is None else {"as_of": as_of.isoformat()})
    return start(Part(deployment=f"recycle/{pipeline}", parameters=given, key=key), labels=[_tag()])


def _by_runner(project: Project, pipelines: Sequence[str], as_of: date | None, engine: Engine) -> list[_Told]:
    day = None if as_of is None else as_of.isoformat()
    parts = [{"project": str(project.folder.resolve()), "pipeline": name, "as_of": day} for name in pipelines]
    told = []
    for name, future in zip(pipelines, on_runner(engine, run_pipeline, parts), strict=True):
        if future.state.is_completed():
            told.append(_Told(*future.result()))
        else:
            told.append(_Told(name, future.state.name or "", future.state.message or "", is_well=False))
    return told


def _before() -> dict[str, FlowRun]:
    """Return what earlier attempts of this flow run started and need not be started again: it is through, or going."""
    mine = FlowRunFilter(tags=FlowRunFilterTags(all_=[_tag()]))
    found: dict[str, FlowRun] = {}
    with get_client(sync_client=True) as client:
        while page := client.read_flow_runs(flow_run_filter=mine, limit=_PAGE, offset=len(found)):
            found |= {str(run.id): run for run in page}
    return {
        str(run.parameters.get("pipeline")): run
        for run in found.values()
        if run.state is not None and run.state.type not in _LOST
    }


def _of(pipeline: str, run: FlowRun) -> _Told:
    state = run.state
    if state is None:
        return _Told(pipeline, "Unknown", "", is_well=False)
    # One that waits for approval has done its part; a person goes on from there.
    return _Told(pipeline, state.name or "", state.message or "", is_well=state.is_completed() or state.is_paused())


def _tag() -> str:
    return f"fan-out-{runtime.flow_run.id}"

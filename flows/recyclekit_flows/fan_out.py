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
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Completed, Failed

from recyclekit.errors import RecyclekitError
from recyclekit.project import Project, open_project
from recyclekit_flows.ending import refused
from recyclekit_flows.engines import Engine, Part, on_runner, on_workers
from recyclekit_flows.politely import politely
from recyclekit_flows.recycle import recycle


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

    Retried, it runs only those again that did not come through.

    Args:
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipelines: Which of them; empty: all.
        as_of: Business date to judge by; empty: today in the project's time zone.
        on: workers: a flow run of its own for each, on whatever workers poll. processes: here. dask: on a cluster.
    """
    try:
        opened = open_project(project)
        wanted = _named(opened, pipelines or list(opened.spec.pipelines))
        told = _through_before(wanted) if runtime.flow_run.run_count > 1 else []
        left = [name for name in wanted if name not in {one.pipeline for one in told}]
        told += _by_workers(left, as_of) if on is Engine.WORKERS else _by_runner(opened, left, as_of, on)
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
    day = None if as_of is None else date.fromisoformat(as_of)
    state: State[Any] = recycle(Path(project), pipeline, day, return_state=True)
    return pipeline, state.name or str(state.type), state.message or "", state.is_completed()


def _named(project: Project, wanted: Sequence[str]) -> list[str]:
    return [project.pipeline_name(name) for name in dict.fromkeys(wanted)]


def _by_workers(pipelines: Sequence[str], as_of: date | None) -> list[_Told]:
    attempt = f"{runtime.flow_run.id}-{runtime.flow_run.run_count}"
    day = {} if as_of is None else {"as_of": as_of.isoformat()}
    parts = [Part(deployment=f"recycle/{name}", parameters=day, key=f"{attempt}-{name}") for name in pipelines]
    return [_of(name, run) for name, run in zip(pipelines, on_workers(parts, labels=[_tag()]), strict=True)]


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


def _through_before(pipelines: Sequence[str]) -> list[_Told]:
    """Return the pipelines that an earlier attempt of this flow run brought through on workers."""
    done = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED, StateType.PAUSED]))
    mine = FlowRunFilter(tags=FlowRunFilterTags(all_=[_tag()]), state=done)
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=mine)
    by_pipeline = {str(run.parameters.get("pipeline")): run for run in runs}
    return [_of(name, by_pipeline[name]) for name in pipelines if name in by_pipeline]


def _of(pipeline: str, run: FlowRun) -> _Told:
    state = run.state
    if state is None:
        return _Told(pipeline, "Unknown", "", is_well=False)
    # One that waits for approval has done its part; a person goes on from there.
    return _Told(pipeline, state.name or "", state.message or "", is_well=state.is_completed() or state.is_paused())


def _tag() -> str:
    return f"fan-out-{runtime.flow_run.id}"

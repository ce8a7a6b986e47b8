"""Where the parts of a large piece of work are done: on several workers, or by one of Prefect's task runners here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from prefect import flow, tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.context import TaskRunContext
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.futures import PrefectFuture, wait
from prefect.states import Crashed
from prefect.task_runners import TaskRunner
from prefect.tasks import Task

from recyclekit.errors import ConfigError
from recyclekit_flows.call import TAG

DASK_ADDRESS = "DASK_SCHEDULER_ADDRESS"
"""The environment variable that names a running Dask cluster; without it, one is started on this machine."""
_POLL = 1.0  # seconds between two questions after flow runs that are under way
_PAGE = 200  # flow runs in one answer of the server
_THROUGH = {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED, StateType.PAUSED}

Parameters = Mapping[str, Any]


class Engine(StrEnum):
    """Who does the parts."""

    WORKERS = "workers"
    """Flow runs of their own, on every worker that polls the deployment's work pool."""
    PROCESSES = "processes"
    """Processes of this machine."""
    DASK = "dask"
    """A Dask cluster: the one that DASK_SCHEDULER_ADDRESS names, or one of this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that is to be a flow run of its own.

    Attributes:
        deployment: flow/name, as Prefect calls it.
        parameters: those that differ from the deployment's.
        key: a part whose key was used before is not started again.
    """

    deployment: str
    parameters: Parameters
    key: str


def on_workers(parts: Sequence[Part], *, should_stop: Callable[[], bool] = lambda: False) -> list[FlowRun]:
    """Start a flow run for each part, wait until all are through (or wait for a person), and return them in order.

    Args:
        parts: what to start.
        should_stop: asked while waiting; runs that are under way are left to themselves then.

    Raises:
        ConfigError: a deployment is not on the server.
    """
    return awaited([start(part) for part in parts], should_stop=should_stop)


def start(part: Part, *, labels: Sequence[str] = ()) -> FlowRun:
    """Start a flow run for a part; `labels` are tags by which it is found.

    Raises:
        ConfigError: its deployment is not on the server.
    """
    try:
        made = run_deployment(
            part.deployment, parameters=dict(part.parameters), timeout=0, idempotency_key=part.key, tags=[TAG, *labels]
        )
    except ObjectNotFound as error:
        raise ConfigError(
            f"There is no deployment {part.deployment} on the Prefect server.", fix="Make it with `recyclekit deploy`."
        ) from error
    assert isinstance(made, FlowRun)
    return made


def awaited(started: Sequence[FlowRun], *, should_stop: Callable[[], bool] = lambda: False) -> list[FlowRun]:
    """Wait until flow runs are through, or wait for a person, and return them in order as they are then."""
    runs = {run.id: run for run in started}
    while under_way := [run.id for run in runs.values() if run.state is None or run.state.type not in _THROUGH]:
        if should_stop():
            break
        time.sleep(_POLL)
        now = {run.id: run for run in _asked(under_way)}
        runs |= {one: now.get(one) or _gone(runs[one]) for one in under_way}
    return [runs[run.id] for run in started]


def on_runner(engine: Engine, work: Task[..., Any], parts: Sequence[Parameters]) -> list[PrefectFuture[Any]]:
    """Do a task for each part by a task runner; return the futures, all of them through.

    Raises:
        ConfigError: the package that the engine needs is not installed.
    """

    @flow(name="parts", flow_run_name=f"{len(parts)} parts on {engine}", persist_result=False)
    def spread() -> list[PrefectFuture[Any]]:
        futures = [work.submit(**part) for part in parts]
        wait(futures)
        # As data, not as what the flow ends with: a part that failed is the caller's to judge.
        found.extend(futures)
        return []

    found: list[PrefectFuture[Any]] = []
    with_runner = spread.with_options(task_runner=_runner(engine, len(parts)))
    # Prefect sends the context along to where a part is done. A task's holds what it was called with: an opened job,
    # which cannot travel. So parts that a task gives away are a flow run that stands for itself.
    (Context() if TaskRunContext.get() else copy_context()).run(_tagged, with_runner)
    return found


def _tagged(spread: Callable[[], object]) -> None:
    with tags(TAG):
        spread()


def _asked(ids: Sequence[UUID]) -> Iterator[FlowRun]:
    with get_client(sync_client=True) as client:
        for begin in range(0, len(ids), _PAGE):
            page = FlowRunFilterId(any_=list(ids[begin : begin + _PAGE]))
            yield from client.read_flow_runs(flow_run_filter=FlowRunFilter(id=page))


def _gone(run: FlowRun) -> FlowRun:
    return run.model_copy(update={"state": Crashed(message="Somebody deleted this flow run on the server.")})


def _runner(engine: Engine, parts: int) -> TaskRunner[Any]:
    at_once = min(parts, os.cpu_count() or 1)
    if engine is Engine.PROCESSES:
        from prefect.task_runners import ProcessPoolTaskRunner

        return ProcessPoolTaskRunner(max_workers=at_once)
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise ConfigError(
            "The engine dask needs the package prefect-dask, which is not installed.",
            fix="pip install 'recyclekit[dask]', here and on the cluster.",
        ) from error
    address = os.environ.get(DASK_ADDRESS)
    here = {"n_workers": at_once, "threads_per_worker": 1, "dashboard_address": None}
    return DaskTaskRunner(address=address) if address else DaskTaskRunner(cluster_kwargs=here)

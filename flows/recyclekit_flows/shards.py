"""Writing one plan by several processes: each takes the writes of some deals, under the lease of the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import Field

from recyclekit.errors import RecyclekitError
from recyclekit.events import StageEnded, StageStarted
from recyclekit.models.shard import Shard, Ticket
from recyclekit.pipeline import Job
from recyclekit.project import open_project
from recyclekit_flows.ending import refused
from recyclekit_flows.engines import Engine, Part, on_runner, on_workers
from recyclekit_flows.heard import hear
from recyclekit_flows.stopping import stoppable

Shards = Annotated[int, Field(ge=1, le=1_000)]
STAGE = "write_shard"
"""What a shard is to logs and figures: its own part of `write_back`, which the run itself tells of as a whole."""


@flow(name="write_shard", flow_run_name="write-shard-{number}-of-{of}", persist_result=False)
def write_shard(
    ticket: Ticket, number: int, of: int, project: Path = Path(), pipeline: str | None = None
) -> State[Any]:
    """Write the deals of one shard of a run. Started by the run itself, which sees to what is left.

    Args:
        ticket: What the run lets other processes know.
        number: Which shard, from 0.
        of: How many shards there are.
        project: Folder that holds recyclekit.yaml, on the machine that runs the flow.
        pipeline: Pipeline of the project; empty: the only one.
    """
    try:
        _write(project, pipeline, ticket, Shard(number=number, of=of))
    except RecyclekitError as error:
        return refused(error)
    return Completed(message=f"Shard {number} of {of} of run {ticket.run} is through.")


@task(name="write_shard", task_run_name="write-shard-{number}-of-{of}", cache_policy=NO_CACHE, persist_result=False)
def write_part(project: str, pipeline: str, ticket: dict[str, Any], number: int, of: int) -> None:
    """Write the deals of one shard of a run, wherever the task runner puts this."""
    _write(Path(project), pipeline, Ticket.model_validate(ticket), Shard(number=number, of=of))


def sharing(job: Job, project: Path, shards: int, engine: Engine) -> Job:
    """Return a job that has its plan written in shards; a single one is written here."""
    return job if shards == 1 else job.sharing(_handing_out(job, project, shards, engine))


def _handing_out(job: Job, project: Path, of: int, engine: Engine) -> Callable[[Ticket], None]:
    def hand_out(ticket: Ticket) -> None:
        told = ticket.model_dump(mode="json")
        parts = [{"ticket": told, "number": number, "of": of} for number in range(of)]
        if engine is Engine.WORKERS:
            # The token makes the keys new for each attempt; what an earlier one wrote, the ledger knows.
            name, key = f"write_shard/{job.pipeline}", f"{ticket.run}-{ticket.token}"
            wanted = [Part(deployment=name, parameters=part, key=f"{key}-{n}-of-{of}") for n, part in enumerate(parts)]
            runs = on_workers(wanted, should_stop=job.should_stop)
            lost = [f"{run.name}: {run.state.message}" for run in runs if run.state and not run.state.is_completed()]
        else:
            here = {"project": str(project.resolve()), "pipeline": job.pipeline}
            futures = on_runner(engine, write_part, [here | part for part in parts])
            lost = [str(future.state.message) for future in futures if not future.state.is_completed()]
        for said in lost:
            get_run_logger().warning("A shard did not come through; what it left is written here. %s", said)

    return hand_out


def _write(project: Path, pipeline: str | None, ticket: Ticket, shard: Shard) -> None:
    with stoppable() as should_stop:
        job = open_project(project).job(pipeline, ticket.day, hear).stopping(should_stop)
        began = time.monotonic()
        job.listen(StageStarted(run=ticket.run, stage=STAGE))
        job.write_shard(ticket, shard)
        job.listen(StageEnded(run=ticket.run, stage=STAGE, seconds=time.monotonic() - began))

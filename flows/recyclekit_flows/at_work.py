"""What every flow that writes does around its stages: hold the pipeline, hear a stop, finish what was left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from prefect import runtime
from prefect.client.schemas.objects import State

from recyclekit.models.run import Outcome, Run
from recyclekit.pipeline import Job
from recyclekit_flows.held import Held
from recyclekit_flows.reap import mark_dead
from recyclekit_flows.stage import stage
from recyclekit_flows.stopping import stoppable
from recyclekit_flows.witnessed import witnessed

EARLIER: ContextVar[list[Outcome]] = ContextVar("earlier")
"""Outcomes of the runs that the flow run at hand has finished before its own."""


@contextmanager
def at_work(job: Job) -> Iterator[Held[Job]]:
    """Yield the job with its pipeline's lease, which it keeps over all stages; a polite stop is heard meanwhile.

    Raises:
        LeaseError: another run works on this pipeline; it is named.
    """
    EARLIER.set([])
    with witnessed(), stoppable() as should_stop, job.stopping(should_stop).holding() as mine:
        yield Held(mine)


def finish_earlier(job: Held[Job]) -> Outcome | None:
    """Finish what earlier runs left behind, oldest first; return an outcome that leaves no room for a new plan.

    With the lease in hand, the process of each of them has provably ended, whatever Prefect says of its flow run.
    """
    for run in job.value.left_behind():
        if run.flow_run is not None and run.flow_run != job.value.flow_run:
            mark_dead(run.flow_run, f"Its process is gone; flow run {runtime.flow_run.id} finishes run {run.run}.")
        outcome = finish(job, Held(run)).value
        EARLIER.get().append(outcome)
        if outcome.stop is not None:
            return outcome
    return None


def telling_of_earlier(state: State[Any]) -> State[Any]:
    """Return a flow run's state with a sentence in front on each earlier run that it finished."""
    said = [f"Run {one.run} was finished first: {one.applied - one.already:,} written." for one in EARLIER.get()]
    if not said or any(one.run in (state.message or "") for one in EARLIER.get()):
        return state
    return state.model_copy(update={"message": " ".join([*said, state.message or ""])})


@stage
def finish(job: Held[Job], run: Held[Run]) -> Held[Outcome]:
    """Finish a run that ended before it was through: what is done stays done, doubt is looked up first."""
    return Held(job.value.finish(run.value))


@stage
def resume(job: Held[Job], run: str | None) -> Held[Outcome]:
    """Take a run up again, with what the other side refused as well."""
    return Held(job.value.resume(run))


@stage
def choose(job: Held[Job], run: str | None, only: list[str], drop: list[str], written: list[str]) -> Held[Outcome]:
    """Do with what is left of a run what a person chose."""
    return Held(job.value.resume(run, only=only, drop=drop, written=written))

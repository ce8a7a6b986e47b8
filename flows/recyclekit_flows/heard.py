"""The pipeline's events in Prefect's log, and to whoever started the flow from this process."""

from __future__ import annotations

from contextvars import ContextVar

from prefect.logging import get_run_logger

from recyclekit.events import Event, Listen, RunEnded, StageEnded, StageStarted, silence
from recyclekit.faultpoint import faultpoint
from recyclekit.observing.hearing import told_elsewhere
from recyclekit_flows import logs
from recyclekit_flows.emitted import emit
from recyclekit_flows.politely import politely
from recyclekit_flows.progress import follow

LISTENER: ContextVar[Listen] = ContextVar("listener", default=silence)
"""Hears the events too. A listener cannot be a flow parameter: those are stored as JSON."""


def hear(event: Event) -> None:
    """Log what ended, with its figures; hand every event on, to Prefect's automations too."""
    LISTENER.get()(event)
    emit(event)
    with politely():
        follow(event)
    match event:
        case StageStarted(stage=stage):
            faultpoint(f"stage.{stage}")
        case StageEnded(stage=stage, seconds=seconds, figures=figures):
            counts = ", ".join(f"{n:,} {what}" for what, n in figures.items())
            beside = {"stage": stage, "seconds": round(seconds, 3), "figures": dict(figures)}
            get_run_logger().info("%s: %s in %.1f s", stage, counts or "done", seconds, extra=beside)
        case RunEnded(run=run, pipeline=pipeline, outcome=outcome, kind=kind, figures=figures):
            ids = {"run": run, "pipeline": pipeline}  # what was bound ended with the run
            beside = {**ids, "outcome": str(outcome), "kind": str(kind), "figures": dict(figures)}
            get_run_logger().info("run %s ended: %s", run, outcome, extra=beside)
        case _:
            pass


told_elsewhere(hear)
logs.begin()

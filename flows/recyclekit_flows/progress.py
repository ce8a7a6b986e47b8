"""How far a stage is: a progress artifact where the whole is known, lines in the log where it is not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from recyclekit.events import Event, StageEnded, StageProgressed, StageStarted

EVERY = 2.0
"""Seconds between two updates of an artifact, which costs a call."""
LINE_EVERY = 15.0
"""Seconds between two lines in the log."""
_Place = tuple[str, str]


@dataclass
class _Way:
    """A stage on its way; `told` is when it was last spoken of."""

    total: int | None
    done: int = 0
    artifact: UUID | None = None
    told: float = 0.0
    logged: float = 0.0


_ways: dict[_Place, _Way] = {}


def follow(event: Event) -> None:
    """Show how far a stage is."""
    match event:
        case StageStarted(run=run, stage=stage, total=total):
            now = time.monotonic()
            way = _ways[run, stage] = _Way(total, told=now, logged=now)
            if total:
                key = f"recyclekit-progress-{run.lower()}"
                made = create_progress_artifact(0.0, key=key, description=_said(stage, way))
                way.artifact = made if isinstance(made, UUID) else None
        case StageProgressed(run=run, stage=stage, done=done) if (run, stage) in _ways:
            way = _ways[run, stage]
            way.done += done
            _tell(stage, way)
        case StageEnded(run=run, stage=stage) if (run, stage) in _ways:
            way = _ways.pop((run, stage))
            if way.artifact is not None:
                update_progress_artifact(way.artifact, progress=100.0, description=_said(stage, way))
        case _:
            pass


def _tell(stage: str, way: _Way) -> None:
    now = time.monotonic()
    if way.artifact is not None and way.total and now - way.told >= EVERY:
        way.told, share = now, min(100.0, 100 * way.done / way.total)
        update_progress_artifact(way.artifact, progress=share, description=_said(stage, way))
    if now - way.logged >= LINE_EVERY:
        way.logged = now
        get_run_logger().info("%s", _said(stage, way))


def _said(stage: str, way: _Way) -> str:
    return f"{stage}: {way.done:,} of {way.total:,}" if way.total else f"{stage}: {way.done:,} so far"

"""Which run, pipeline and connection the present code works for: bound by a run's events, on every line of the log."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from weakref import WeakKeyDictionary

from recyclekit.events import Event, RunEnded, StageEnded, StageStarted

_BOUND: ContextVar[Mapping[str, str] | None] = ContextVar("recyclekit_bound", default=None)
# What this process works for, for threads that a connector started. A plan that is not written has no end of its own:
# its binding is gone with its job.
_at_work: WeakKeyDictionary[Binding, Mapping[str, str]] = WeakKeyDictionary()


def current() -> Mapping[str, str]:
    """Return the ids that are bound here; in a thread of a connector's own, those of the one job that is at work."""
    here = _BOUND.get()
    if here is not None:
        return here
    jobs = list(_at_work.values())
    return jobs[0] if len(jobs) == 1 else {}


class Binding:
    """An observer that binds a job's ids as its stages come and go.

    An event is heard in the thread and context of the stage that it tells of, so whatever the stage calls is bound.

    Args:
        ids: of the job: pipeline, connection, tenant.
    """

    def __init__(self, ids: Mapping[str, str]) -> None:
        self._ids = dict(ids)

    def hear(self, event: Event) -> None:
        match event:
            case StageStarted(run=run, stage=stage):
                self._bind({**self._ids, "run": run, "stage": stage})
            case StageEnded(run=run):
                self._bind({**self._ids, "run": run})
            case RunEnded():
                _BOUND.set(None)
                _at_work.pop(self, None)
            case _:
                pass

    def _bind(self, ids: Mapping[str, str]) -> None:
        _BOUND.set(ids)
        _at_work[self] = ids

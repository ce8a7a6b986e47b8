"""Events that tell how a run fares, beside those of its stages: how it ended, and what of the other side stopped it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from recyclekit.errors import GuardError, QuotaError
from recyclekit.events import GuardTripped, Listen, QuotaSpent, RunEnded, RunPartiallyFailed
from recyclekit.models.run import Outcome


@contextmanager
def telling(listen: Listen, run: str, pipeline: str, guards: Sequence[str] = ()) -> Iterator[None]:
    """Tell of a tripped guard or a spent quota that comes by as an error, which goes on."""
    try:
        yield
    except GuardError:
        listen(GuardTripped(run=run, pipeline=pipeline, guards=tuple(guards)))
        raise
    except QuotaError:
        listen(QuotaSpent(run=run, pipeline=pipeline))
        raise


def tell_ended(listen: Listen, pipeline: str, outcome: Outcome) -> None:
    """Tell that a run ended, and once more where somebody should look at it."""
    left = {"failed": len(outcome.failed), "in_doubt": len(outcome.in_doubt), "unsent": outcome.unsent}
    figures = {"planned": outcome.planned, "applied": outcome.applied, "skipped": len(outcome.skipped), **left}
    run, kind = outcome.run, outcome.kind
    listen(RunEnded(run=run, pipeline=pipeline, outcome=outcome.state, kind=kind, figures=figures))
    if any(left.values()):
        listen(RunPartiallyFailed(run=run, pipeline=pipeline, figures=figures))

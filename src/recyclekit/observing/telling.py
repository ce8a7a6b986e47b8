"""Events that tell how a run fares, beside those of its stages: how it ended, and what of the other side stopped it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from recyclekit.errors import GuardError, QuotaError
from recyclekit.events import DealsHandedBack, GuardTripped, Listen, QuotaSpent, RunEnded, RunPartiallyFailed
from recyclekit.models.hand_back import HandBack, Signal, packet
from recyclekit.models.run import Outcome, RunKind

MOST = 100
"""Deals that an event names; the ledger knows all."""


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
    """Tell which deals a run handed back, that it ended, and once more where somebody should look at it."""
    left = {"failed": len(outcome.failed), "in_doubt": len(outcome.in_doubt), "unsent": outcome.unsent}
    figures = {"planned": outcome.planned, "applied": outcome.applied, "skipped": len(outcome.skipped), **left}
    run, kind = outcome.run, outcome.kind
    if outcome.handed_back and kind is RunKind.APPLY:
        listen(returned(run, pipeline, outcome.handed_back))
    listen(RunEnded(run=run, pipeline=pipeline, outcome=outcome.state, kind=kind, figures=figures))
    if any(left.values()):
        listen(RunPartiallyFailed(run=run, pipeline=pipeline, figures=figures))


def returned(run: str, pipeline: str, deals: Sequence[HandBack]) -> DealsHandedBack:
    """Return the event that tells of deals which a run handed back."""
    by_signal = {str(signal): sum(one.signal == signal for one in deals) for signal in Signal}
    named = tuple(packet(one) for one in deals[:MOST])
    return DealsHandedBack(run=run, pipeline=pipeline, figures={"deals": len(deals), **by_signal}, deals=named)

"""Which runs are not finished, and which of them the next run takes up by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from recyclekit.ledger.protocol import LedgerReader
from recyclekit.models.run import ReceiptState, Run, RunKind, RunState

_UNSENT = (ReceiptState.PLANNED, ReceiptState.SENT, ReceiptState.IN_DOUBT)
_OPEN = (*_UNSENT, ReceiptState.FAILED)


def unfinished(ledger: LedgerReader, pipeline: str) -> Sequence[Run]:
    """Return the runs in which something is left that a retry could do, newest first; not those taken back."""
    return [run for run in ledger.unfinished(pipeline) if _has(run, _OPEN)]


def left_behind(ledger: LedgerReader, pipeline: str) -> Sequence[Run]:
    """Return the runs that ended before they were through, oldest first: what the next run finishes by itself.

    What the other side refused is no reason: nothing of it was written, so the next plan takes those deals up anyway.
    """
    found = [run for run in ledger.unfinished(pipeline) if _has(run, _UNSENT) and run.kind is not RunKind.ERASE]
    return found[::-1]


def begun_by(ledger: LedgerReader, pipeline: str, flow_run: str | None) -> str | None:
    """Return the newest run that a flow run of Prefect's began and that was not taken back."""
    found = ledger.begun_by(pipeline, flow_run) if flow_run else None
    return found.run if found else None


def made_at(run: Run) -> datetime:
    """Return when a run's plan was made, which its id says; it may have waited for approval before it began."""
    try:
        return datetime.strptime(run.run[:16], "r%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return run.started_at


def _has(run: Run, states: Sequence[ReceiptState]) -> bool:
    # A dead run says `running` for ever, also when all of it is done; what is skipped stays skipped.
    return run.state is RunState.RUNNING or any(run.counts.get(state, 0) for state in states)

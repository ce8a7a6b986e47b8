"""The outcome of a run, added up from what its actions became. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from recyclekit.errors import ExitCode, RefusedError, RemoteError
from recyclekit.models.run import Outcome, ReceiptState, RunState
from recyclekit.models.wording import counted

TOLD = (ReceiptState.SKIPPED, ReceiptState.FAILED, ReceiptState.IN_DOUBT, ReceiptState.SENT)
"""States whose actions an outcome lists one by one, with why."""


def outcome_of(
    run: str,
    counts: Mapping[str, int],
    told: pl.DataFrame,
    *,
    already: int = 0,
    stop: RemoteError | None = None,
    everything: bool = True,
) -> Outcome:
    """Return a run's outcome.

    Args:
        run: the run's id.
        counts: its actions by ReceiptState.
        told: those in a state of TOLD, with deal_id, state, reason and code.
        already: how many were done before this attempt.
        stop: what made this attempt stop early.
        everything: whether this attempt was about all of the run, or about writes that somebody chose.
    """
    by_state: dict[ReceiptState, list[tuple[str, str]]] = {state: [] for state in TOLD}
    for deal, state, reason, code in told.select("deal_id", "state", "reason", "code").iter_rows():
        by_state[ReceiptState(state)].append((deal, reason or code or ""))
    outcome = Outcome(
        run=run,
        state=RunState.SUCCESS,
        planned=sum(counts.values()),
        applied=counts.get(ReceiptState.DONE, 0),
        skipped=tuple(by_state[ReceiptState.SKIPPED]),
        failed=tuple(by_state[ReceiptState.FAILED]),
        in_doubt=tuple(by_state[ReceiptState.IN_DOUBT] + by_state[ReceiptState.SENT]),
        unsent=counts.get(ReceiptState.PLANNED, 0),
        already=already,
    )
    return _judged(outcome, stop, everything=everything)


def _judged(outcome: Outcome, stop: RemoteError | None, *, everything: bool) -> Outcome:
    if stop is not None:
        # a refusal here was a refusal to be read: it stops a run like any other unreachable system
        code = ExitCode.UNREACHABLE if isinstance(stop, RefusedError) else stop.exit_code
        return replace(outcome, state=RunState.ABORTED, stop=code, why=str(stop))
    if outcome.unsent:
        absent = f"{counted(outcome.unsent, 'write')} proved absent at each attempt."
        why = absent if everything else f"{counted(outcome.unsent, 'write')} not chosen, still to be sent."
        return replace(outcome, state=RunState.ABORTED, stop=ExitCode.UNREACHABLE, why=why)
    partial = outcome.skipped or outcome.failed or outcome.in_doubt
    return replace(outcome, state=RunState.PARTIAL) if partial else outcome

"""One attempt: receipts that prove effects, and the outcome whose sums close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from recyclekit.errors import ExitCode
from recyclekit.models.hand_back import HandBack
from recyclekit.models.plan import PolicyStamp


class RunKind(StrEnum):
    """What the run does; an undo and an erase are runs of their own, with intents and receipts."""

    APPLY = "apply"
    UNDO = "undo"
    ERASE = "erase"


class RunState(StrEnum):
    """`running` until an outcome is known; a dead run keeps saying so until its lease ends and someone resumes it."""

    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL = "partial"
    ABORTED = "aborted"
    FAILED = "failed"


class ReceiptState(StrEnum):
    """What is known of one action. Only `done` has positive proof."""

    PLANNED = "planned"
    SENT = "sent"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A sink's answer for one action; `proof` says what proves a `done` (echoed id, 204, per-item result)."""

    key: str
    state: ReceiptState
    remote_id: str | None = None
    proof: str = ""
    code: str = ""
    reason: str = ""
    field: str = ""
    correlation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as the ledger knows it."""

    run: str
    pipeline: str
    kind: RunKind
    state: RunState
    as_of: date | None
    policy: PolicyStamp | None
    started_at: datetime
    ended_at: datetime | None = None
    of_run: str | None = None  # the run that an undo takes back
    plan_sha256: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)  # by ReceiptState
    flow_run: str | None = None  # Prefect's id


def taken_back(runs: Sequence[Run]) -> Mapping[str, Run]:
    """Return the runs among these that were taken back, whole or in part, each with the run that did."""
    return {run.of_run: run for run in runs if run.of_run is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What apply, retry and undo report. planned = applied + skipped + failed + in_doubt + unsent.

    `stop` and `why` say what made the run stop before its end, where something did; what is unsent can be resumed.
    `handed_back` are the deals that this attempt gave to sales again, each proven and told once; in an undo, those
    whose cycle runs again.
    `remarks` say in words where a sink's answers broke the contract; what they left unproven is in doubt.
    """

    run: str
    state: RunState
    planned: int
    applied: int
    skipped: tuple[tuple[str, str], ...] = ()  # (deal, why)
    failed: tuple[tuple[str, str], ...] = ()
    in_doubt: tuple[tuple[str, str], ...] = ()
    unsent: int = 0
    already: int = 0  # of the applied, those that an earlier attempt had done
    stop: ExitCode | None = None
    why: str = ""
    kind: RunKind = RunKind.APPLY
    handed_back: tuple[HandBack, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def sums_close(self) -> bool:
        """Whether every planned action is accounted for."""
        return self.planned == self.applied + len(self.skipped) + len(self.failed) + len(self.in_doubt) + self.unsent


def exit_code(outcome: Outcome, *, set_aside: int = 0) -> ExitCode:
    """Return what a command ends with after this outcome; `set_aside` counts the records that never became actions."""
    if outcome.stop is not None:
        return outcome.stop
    if outcome.state is RunState.FAILED:
        return ExitCode.FAILED
    if outcome.in_doubt:
        return ExitCode.IN_DOUBT
    if outcome.unsent:
        return ExitCode.UNREACHABLE
    return ExitCode.SET_ASIDE if outcome.skipped or outcome.failed or set_aside else ExitCode.DONE

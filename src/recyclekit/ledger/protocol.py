"""What the memory can be asked (LedgerReader) and told (Ledger). Planning gets the reader: by type it cannot write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

import polars as pl

from recyclekit.ledger.holder import Holder
from recyclekit.models.budget import Ask, Grant
from recyclekit.models.hand_back import HandBack
from recyclekit.models.memory import Memory
from recyclekit.models.plan import Action, Plan
from recyclekit.models.proposal import Cause, Proposal, Verdict
from recyclekit.models.run import Receipt, ReceiptState, Run, RunKind, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write for one pipeline. `token` grows with every holder: an older one's commits are refused."""

    pipeline: str
    token: int
    holder: Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """Who holds a lease, as told to a person.

    `has_ended`: by the ledger's clock. `is_dead`: provably, its process on this machine is gone. The next run takes
    either over.
    """

    pipeline: str
    holder: Holder
    ends_at: datetime
    has_ended: bool
    is_dead: bool


class LedgerReader(Protocol):
    """Looks, never writes."""

    def memory(self, pipeline: str, as_of: date | None = None) -> Memory:
        """Return cycles, touches and deals in doubt of a pipeline, and who is erased from it."""
        ...

    def runs(self, pipeline: str | None = None, limit: int = 50) -> Sequence[Run]:
        """Return runs, newest first."""
        ...

    def known(self, run: str) -> Run | None:
        """Return the run with exactly this id; None where nothing of it was ever begun."""
        ...

    def undos(self, run: str) -> Sequence[Run]:
        """Return the runs that took a run (its whole id) back, newest first."""
        ...

    def unfinished(self, pipeline: str) -> Sequence[Run]:
        """Return the runs of a pipeline that did not end in success, newest first; without those taken back."""
        ...

    def begun_by(self, pipeline: str, flow_run: str) -> Run | None:
        """Return the newest run of a pipeline that a flow run (its whole id) began and that was not taken back."""
        ...

    def run(self, run: str, kind: RunKind | None = None) -> Run:
        """Return one run; a unique prefix of its id is enough, or of the flow run's that carried it out.

        Of several that the prefix fits, the only one of a `kind` is meant, where one is given.

        Raises:
            LedgerError: no such run, with those that come nearest.
        """
        ...

    def actions(self, run: str, states: Sequence[ReceiptState] = ()) -> pl.DataFrame:
        """Return a run's actions, in these states only (default: all), in the plan's order.

        Columns ACTIONS, then state, attempts, remote_id, code, reason, field, correlation, and undone_by: the run that
        took it back.
        """
        ...

    def dead_letters(self, run: str) -> pl.DataFrame:
        """Return what a run set aside."""
        ...

    def hand_backs(self, run: str) -> Sequence[HandBack]:
        """Return what a run (its whole id) hands back to sales, as far as it has come."""
        ...

    def hand_backs_of(self, pipeline: str, deal: str) -> Sequence[HandBack]:
        """Return how often a deal was handed back, or is about to be, the last time first."""
        ...

    def leases(self) -> Sequence[HeldLease]:
        """Return who holds the leases, also those past their end that nobody took over yet."""
        ...

    def proposals(self, pipeline: str | None = None, limit: int | None = 50) -> Sequence[Proposal]:
        """Return plans that waited, or wait, for a person's word, newest first; all where no limit is set."""
        ...

    def proposal(self, run: str) -> Proposal | None:
        """Return the proposal of a run or of a flow run; a unique prefix of the id is enough."""
        ...

    def proposed(self, run: str) -> Plan:
        """Return the plan of a proposal exactly as it was proposed, without its decisions.

        Raises:
            StalePlanError: it is over and no longer kept. LedgerError: its seal does not fit.
        """
        ...


class SharesBudgets(Protocol):
    """Shares the vendors' rate limits between all processes that use this ledger."""

    def exchange(self, budget: str, ask: Ask) -> Grant | None:
        """Answer a question for slots of a window (connector, account and window in one name), see models.budget.

        None where there is no ledger yet: asking does not make one.
        """
        ...


class Ledger(LedgerReader, Protocol):
    """Also remembers. Every write carries the lease; a fenced-out holder gets LeaseError and nothing is written."""

    def acquire(self, pipeline: str, run: str, seconds: int = 60) -> Lease:
        """Take the lease, or raise LeaseError naming holder and end. A lease past its end is taken over."""
        ...

    def renew(self, lease: Lease, seconds: int = 60) -> None:
        """Extend the lease; LeaseError where it was taken over."""
        ...

    def release(self, lease: Lease) -> None:
        """Give the lease back; harmless where it is already lost."""
        ...

    def begin(
        self,
        lease: Lease,
        run: Run,
        actions: pl.DataFrame | pl.LazyFrame,
        dead_letters: pl.DataFrame,
        handed_back: pl.DataFrame | None = None,
    ) -> None:
        """Record a run with all its intents in one transaction; the same run and content again changes nothing.

        `actions` has the columns ACTIONS and, in an undo, `remote_id`; where they lie in files, they are taken in
        pieces. Of dead letters, reasons are not kept: they show values. `handed_back` has the columns HANDED_BACK; a
        cycle of these that no write of the run proves to be over ends here.

        Raises:
            LedgerError: a key is known with another payload. DecidedError: the run is, with another plan.
            StalePlanError: the plan names a deal of a person who was erased.
        """
        ...

    def pending(self, run: str, size: int) -> Iterator[Sequence[Action]]:
        """Yield the actions that are planned (unsent), in the plan's order, in batches of at most `size`."""
        ...

    def unsettled(self, run: str, size: int) -> Iterator[Sequence[Action]]:
        """Yield the actions that were sent and have no receipt, or are in doubt."""
        ...

    def mark_sent(self, lease: Lease, run: str, keys: Sequence[str]) -> Sequence[Receipt]:
        """Commit that these actions are about to be sent: intent before effect.

        Returns a `skipped` receipt, recorded already, for each that must not be sent, since another run wrote (or may
        have written) the same key in the meantime.
        """
        ...

    def settle(self, lease: Lease, run: str, receipts: Sequence[Receipt]) -> None:
        """Commit receipts; `done` also records the touch and opens its cycle, in the same transaction.

        A receipt of state `planned` says that nothing was applied: the action is unsent again. What is done stays done.
        Opening a cycle ends the deal's earlier one (`changed`); a `-` action that is done ends its own: as the
        run's hand-backs say, else as `revived`.

        Raises:
            LedgerError: `done` for an action that was never marked as sent.
        """
        ...

    def reopen(self, lease: Lease, run: str, keys: Sequence[str] | None = None) -> int:
        """Put failed actions (all, or these) back to planned; return how many."""
        ...

    def give_up(self, lease: Lease, run: str, keys: Sequence[str]) -> int:
        """Record these actions as skipped (`given_up`), failed and doubtful ones too; return how many.

        What is done or skipped stays so. The keys are free for another plan.
        """
        ...

    def end(self, lease: Lease, run: str, state: RunState) -> Sequence[HandBack]:
        """Record a run's outcome; return the deals that are handed back by now and were not before.

        A deal is, once every write of its hand-back is proven, each in one answer only; none after a bug. Of an undo,
        those whose cycle runs again.
        """
        ...

    def end_cycles(self, lease: Lease, ended: pl.DataFrame) -> None:
        """Record that cycles ended: columns deal_id, cycle, ended_on, ended_why."""
        ...

    def undo_settle(self, lease: Lease, undo_run: str, receipts: Sequence[Receipt]) -> None:
        """Commit receipts of an undo: the undone action's touch is forgotten, and its cycle where no touch is left."""
        ...

    # -- proposals: writing one needs no lease, since nothing of a CRM hangs on it ---------------------------------

    def propose(
        self, plan: Plan, cause: Cause, waits: timedelta, flow_run: str | None = None
    ) -> tuple[Proposal, Sequence[Proposal]]:
        """Keep a plan until somebody decides; return it, and those of its pipeline that it replaced.

        Replaced is what waits, and what was approved and never begun.
        The same plan again changes nothing. Reasons of dead letters are not kept: they show values.
        """
        ...

    def decide(self, run: str, verdict: Verdict) -> Proposal:
        """Record a person's word on a waiting proposal; the same word again changes nothing.

        Raises:
            UnknownRunError: there is no proposal of this run (its whole id).
            DecidedError: something else was said before.
            StalePlanError: it waited too long, or a newer plan of the pipeline took its place.
        """
        ...

"""Stage 5 of 5. Send planned actions to a sink and record what provably happened; the only stage that writes to a CRM.

Decides nothing. The order is always: intent in the ledger, call, proof, receipt in the ledger. Whatever was sent and
has no proof is looked up before anything else is done with it, never blindly repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from typing import Required, TypedDict, Unpack

import polars as pl

from recyclekit import clock
from recyclekit.connectors.delivery import Delivery
from recyclekit.connectors.protocols import Sink, Undoes
from recyclekit.errors import (
    ConfigError,
    LeaseError,
    LedgerError,
    QuotaError,
    RecyclekitError,
    RemoteError,
    StoppedError,
)
from recyclekit.events import Listen, QuotaSpent, StageEnded, StageProgressed, StageStarted, silence
from recyclekit.ledger.holding import beating, held
from recyclekit.ledger.protocol import Lease, Ledger
from recyclekit.models.choice import EVERYTHING, Choice, seen
from recyclekit.models.drift import Reread, drifted, overdue
from recyclekit.models.inverse import UNDO_KINDS, impossible, inverse
from recyclekit.models.outcome import TOLD, outcome_of
from recyclekit.models.patience import Patience
from recyclekit.models.plan import Action
from recyclekit.models.run import Outcome, Receipt, ReceiptState, Run, RunKind, RunState
from recyclekit.models.shard import Shard
from recyclekit.models.snapshot import dead_letters as no_dead_letters
from recyclekit.stopping import never, wait

STAGE = "write_back"


class Means(TypedDict, total=False):
    """All that stage 5 works with, as keyword arguments.

    sink, ledger: the doors. reread: reads deals again just before they are written (see models.drift); None where the
    sink cannot. should_stop: asked between calls; true ends the run after the call in hand, resumable.
    sleep: waits between attempts.
    ended_cycles: cycles that the plan found to be over (columns ENDED_CYCLES), recorded before its intents.
    handed_back: deals that the plan hands back (columns HANDED_BACK), recorded with its intents.
    lease: of the pipeline, where the caller holds it and keeps it alive; else one is taken for this attempt.
    choice: which writes of a run that is taken up this attempt is about, and what is given up or was seen by a person.
    late: deals, each with why, whose touch was due while the plan waited (models.drift); they are skipped.
    share: hands parts of the run to other processes and returns when they are through; what they leave is done here.
    shard: the part of the run that this process is one of those for.
    """

    sink: Required[Sink]
    ledger: Required[Ledger]
    reread: Reread | None
    listen: Listen
    should_stop: Callable[[], bool]
    patience: Patience
    sleep: Callable[[float], None]
    ended_cycles: pl.DataFrame
    handed_back: pl.DataFrame
    lease: Lease
    choice: Choice
    late: Mapping[str, str]
    share: Callable[[Run, Lease], None] | None
    shard: Shard


def write_back(
    run: Run, actions: pl.DataFrame | pl.LazyFrame, dead_letters: pl.DataFrame, **means: Unpack[Means]
) -> Outcome:
    """Record a run with its intents and carry it out; the same run again sends only what is not done yet.

    Args:
        run: the plan's run; `plan_sha256` ties it to this plan.
        actions: columns ACTIONS, in the order of writing; those that lie in files never come into memory as a whole.
        dead_letters: what earlier stages set aside, to be remembered with the run.
        means: see Means.

    Raises:
        LeaseError: another run writes, or took over; nothing more was written.
        LedgerError: the ledger cannot be used, or knows this run or a key of it with other content.
    """
    with _lease(means, run) as lease:
        ended = means.get("ended_cycles")
        if ended is not None and ended.height:
            means["ledger"].end_cycles(lease, ended)
        means["ledger"].begin(lease, run, actions, dead_letters, means.get("handed_back"))
        return _Desk(run, lease, means).carry_out()


def resume(run: str, **means: Unpack[Means]) -> Outcome:
    """Take a run up again: what is done stays done, doubt is looked up first, failed and unsent actions are sent."""
    known = means["ledger"].run(run)
    if known.kind is RunKind.ERASE:
        raise ConfigError(
            f"Run {known.run} erases a person; that is finished elsewhere.", fix="Run `recyclekit erase --resume`."
        )
    with _lease(means, known) as lease:
        desk = _Desk(known, lease, means)
        desk.decide()
        return desk.carry_out()


def write_shard(run: str, **means: Unpack[Means]) -> None:
    """Carry out one part of a run that another process began, under that one's lease.

    What is left, and how the run ends, is for that one to see to.

    Raises:
        LeaseError: that one has ended, or lost its lease; nothing more was written.
        RemoteError: the other side stopped us; what is unsent stays so.
    """
    stopped = _Desk(means["ledger"].run(run), means["lease"], means).work()
    if stopped is not None:
        raise stopped


def undo(run: str, undo_run: str, **means: Unpack[Means]) -> Outcome:
    """Take back what a run wrote, as a run of its own; an undo that was cut short is taken up again instead.

    What a person changed since is left alone and comes back as skipped. The ledger forgets the touches taken back, so
    that the next plan plans these deals again.

    Raises:
        ConfigError: the run is itself an undo (or an erase).
    """
    target = means["ledger"].run(run)
    if target.kind is not RunKind.APPLY:
        raise ConfigError(
            f"Run {target.run} cannot be undone.",
            why=f"It is a run of kind {target.kind}.",
            fix="Plan and apply again: the ledger has forgotten what was undone.",
        )
    with _lease(means, target) as lease:
        _Desk(target, lease, means).settle_doubt()
        earlier = means["ledger"].undos(target.run)
        begun = next((r for r in earlier if r.state in _CUT_SHORT), None)
        done = means["ledger"].actions(target.run, [ReceiptState.DONE])
        actions = inverse(undo_run, done.filter(pl.col("undone_by").is_null()))
        if earlier and begun is None and actions.is_empty():
            return Outcome(run=earlier[0].run, state=RunState.SUCCESS, planned=0, applied=0)
        # Of a run that wrote nothing there is nothing to take back; that it is not to be resumed is remembered.
        begun = begun or _begin_undo(means["ledger"], lease, target, undo_run, actions)
        return _Desk(begun, lease, means).carry_out()


_CUT_SHORT = {RunState.RUNNING, RunState.ABORTED, RunState.FAILED}


def _begin_undo(ledger: Ledger, lease: Lease, target: Run, undo_run: str, actions: pl.DataFrame) -> Run:
    run = replace(
        target, run=undo_run, kind=RunKind.UNDO, state=RunState.RUNNING, started_at=clock.now(), ended_at=None,
        of_run=target.run, plan_sha256="", counts={}, flow_run=None,
    )  # fmt: skip
    ledger.begin(lease, run, actions, no_dead_letters())
    return run


def _lease(means: Means, run: Run) -> AbstractContextManager[Lease]:
    seconds = means.get("patience", Patience()).lease
    return held(means["ledger"], run.pipeline, run.run, seconds, means.get("lease"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hold:
    """The lease of one attempt, kept alive while it works and while it waits."""

    ledger: Ledger
    lease: Lease
    patience: Patience
    sleep: Callable[[float], None]
    should_stop: Callable[[], bool]

    def keep(self) -> None:
        self.ledger.renew(self.lease, self.patience.lease)

    def beating(self) -> AbstractContextManager[None]:
        return beating(self.ledger, self.lease, self.patience.lease)

    def wait(self, seconds: float) -> None:
        with self.beating():
            wait(seconds, sleep=self.sleep, should_stop=self.should_stop)
        self.keep()


class _Desk:
    """One attempt at one run, under one lease."""

    def __init__(self, run: Run, lease: Lease, means: Means) -> None:
        self.run, self.lease = run, lease
        self.sink, self.ledger = means["sink"], means["ledger"]
        self.listen = means.get("listen", silence)
        self.should_stop = means.get("should_stop", never)
        self.patience = means.get("patience", Patience())
        self.choice = means.get("choice", EVERYTHING)
        self.late = means.get("late", {})
        self.share, self.shard = means.get("share"), means.get("shard")
        self.hold = hold = _Hold(
            ledger=self.ledger, lease=lease, patience=self.patience, sleep=means.get("sleep", time.sleep),
            should_stop=self.should_stop,
        )  # fmt: skip
        # It knows the hold, not the desk: in a circle, the ledger's connections would wait for a collection of garbage.
        self.door = Delivery(
            sink=self.sink, patience=self.patience, wait=hold.wait, should_stop=self.should_stop, beating=hold.beating
        )
        undoing = run.kind is RunKind.UNDO
        self.settle = self.ledger.undo_settle if undoing else self.ledger.settle
        self.reread = None if undoing else means.get("reread")

    # -- the whole run ---------------------------------------------------------------------------------------------

    def decide(self) -> None:
        """Record what a person has decided, and open again what is to be sent once more."""
        name, choice = self.run.run, self.choice
        if choice.written:
            self.settle(self.lease, name, seen(sorted(choice.written)))
        if choice.drop:
            self.ledger.give_up(self.lease, name, sorted(choice.drop))
        if choice.failed:
            self.ledger.reopen(self.lease, name, None if choice.only is None else sorted(choice.only))

    def carry_out(self) -> Outcome:
        started, counts = time.perf_counter(), self.ledger.run(self.run.run).counts
        self.listen(StageStarted(run=self.run.run, stage=STAGE, total=sum(counts.values())))
        if self.share is not None:
            with self.hold.beating():
                self.share(self.run, self.lease)
        outcome = self.outcome(counts.get(ReceiptState.DONE, 0), self.work())
        handed_back = self.ledger.end(self.lease, self.run.run, outcome.state)
        seconds = time.perf_counter() - started
        figures = {"applied": outcome.applied, "skipped": len(outcome.skipped), "failed": len(outcome.failed)}
        self.listen(StageEnded(run=self.run.run, stage=STAGE, seconds=seconds, figures=figures))
        return replace(outcome, handed_back=tuple(handed_back))

    def work(self) -> RemoteError | None:
        """Settle doubt, send what is unsent, and return what made us stop early, if anything did."""
        try:
            self.settle_doubt()
            self.send_all()
        except RemoteError as error:
            if isinstance(error, QuotaError):
                self.listen(QuotaSpent(run=self.run.run, pipeline=self.run.pipeline))
            return error
        except (LeaseError, LedgerError):
            raise
        except Exception:
            # a bug, ours or the connector's: what was sent keeps saying so, and the next attempt looks it up
            with suppress(RecyclekitError):
                if self.shard is None:
                    self.ledger.end(self.lease, self.run.run, RunState.FAILED)
            raise
        return None

    def outcome(self, already: int, stop: RemoteError | None) -> Outcome:
        name = self.run.run
        counts, told = self.ledger.run(name).counts, self.ledger.actions(name, TOLD)
        found = outcome_of(name, counts, told, already=already, stop=stop, everything=self.choice.is_whole)
        return replace(found, remarks=tuple(self.door.remarks))

    def settle_doubt(self) -> None:
        """Look up what an earlier attempt sent without getting a proof."""
        for batch in self.ledger.unsettled(self.run.run, self.sink.batch_size):
            self.hold.keep()
            self.look_up(self.wanted(batch))

    def send_all(self) -> None:
        """Send what is unsent; what proves absent after a doubtful call is unsent again, so more than one pass."""
        for _ in range(self.patience.passes if self.choice.send else 0):
            sent = 0
            for batch in self.ledger.pending(self.run.run, self.sink.batch_size):
                if wanted := self.wanted(batch):
                    self.send(wanted)
                    sent += len(wanted)
            if not sent:
                return

    def wanted(self, batch: Sequence[Action]) -> Sequence[Action]:
        """Return those that this attempt, and this process, are about."""
        shard = self.shard
        return [a for a in batch if self.choice.wants(a.key) and (shard is None or shard.has(a.deal_id))]

    # -- one batch -------------------------------------------------------------------------------------------------

    def send(self, batch: Sequence[Action]) -> None:
        if self.should_stop():
            raise StoppedError("The run was asked to stop.", fix=f"Resume it: recyclekit retry {self.run.run}")
        self.hold.keep()
        left = self.without(batch, impossible(batch, able=isinstance(self.sink, Undoes)))
        left = self.without(left, overdue(left, self.late))
        left = self.without(left, self.changed(left))
        left = _except(left, self.ledger.mark_sent(self.lease, self.run.run, [a.key for a in left]))
        for part in self.door.parts(left):
            self.hand_over(part, left)
            left = _except(left, part)
        self.listen(StageProgressed(run=self.run.run, stage=STAGE, done=len(batch)))

    def hand_over(self, part: Sequence[Action], unanswered: Sequence[Action]) -> None:
        """Deliver and record call by call; where the other side stops us, what was not answered is unsent again."""
        try:
            for receipts in self.door.deliver(part):
                self.settle(self.lease, self.run.run, receipts)
                unanswered = _except(unanswered, receipts)
                doubt = {r.key for r in receipts if r.state is ReceiptState.IN_DOUBT}
                self.look_up([a for a in part if a.key in doubt])
        except RemoteError as error:
            reason = f"not applied: {error.what}"
            unsent = [Receipt(key=a.key, state=ReceiptState.PLANNED, code="unsent", reason=reason) for a in unanswered]
            self.settle(self.lease, self.run.run, unsent)
            raise

    def look_up(self, actions: Sequence[Action]) -> None:
        """Settle doubt from the other side. An undo is conditional, so it may simply be repeated."""
        again = [a for a in actions if a.kind in UNDO_KINDS]
        rest = [a for a in actions if a.kind not in UNDO_KINDS]
        receipts = [Receipt(key=a.key, state=ReceiptState.PLANNED, code="repeatable") for a in again]
        receipts += [found for part in self.door.parts(rest) for found in self.door.find(part)]
        if receipts:
            self.settle(self.lease, self.run.run, receipts)

    def without(self, batch: Sequence[Action], receipts: Sequence[Receipt]) -> Sequence[Action]:
        """Record these actions as settled and return the others."""
        if receipts:
            self.settle(self.lease, self.run.run, receipts)
        return _except(batch, receipts)

    def changed(self, batch: Sequence[Action]) -> list[Receipt]:
        if self.reread is None or not batch:
            return []
        reread, deals = self.reread, list(dict.fromkeys(a.deal_id for a in batch))
        with self.hold.beating():
            return drifted(batch, self.door.patiently(lambda: reread(deals)))


def _except(actions: Sequence[Action], gone: Sequence[Action] | Sequence[Receipt]) -> Sequence[Action]:
    keys = {one.key for one in gone}
    return [a for a in actions if a.key not in keys]

"""The ledger on a SQL store: each method is one transaction; what it does is told in the modules beside this one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TypeVar

import orjson
import polars as pl
from sqlalchemy import Connection, update

from recyclekit import clock
from recyclekit.errors import UnknownRunError
from recyclekit.ledger import budgets, hand_backs, intents, proposals, reading, tombs, touching
from recyclekit.ledger import lease as leasing
from recyclekit.ledger.parts import Known
from recyclekit.ledger.protocol import HeldLease, Lease
from recyclekit.ledger.schema import actions, runs
from recyclekit.ledger.settling import give_up, record, reopen_run
from recyclekit.ledger.store import Store, Work
from recyclekit.ledger.version import is_current, migrate, version
from recyclekit.models.budget import Ask, Grant
from recyclekit.models.hand_back import HandBack, no_hand_backs
from recyclekit.models.inverse import undone_key
from recyclekit.models.memory import Memory
from recyclekit.models.plan import Action, Change, Plan
from recyclekit.models.proposal import Cause, Proposal, Verdict
from recyclekit.models.run import Receipt, ReceiptState, Run, RunKind, RunState
from recyclekit.models.snapshot import dead_letters

T = TypeVar("T")


class SqlLedger:
    """`recyclekit.ledger.protocol.Ledger` on a store. Reading never creates a ledger; the first write does."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._ready = False

    def close(self) -> None:
        """Close the connections to the store."""
        self.store.close()

    # -- reading ---------------------------------------------------------------------------------------------------

    def memory(self, pipeline: str, as_of: date | None = None) -> Memory:
        return self._read(lambda c: reading.memory(self.store, c, pipeline, as_of), Memory())

    def runs(self, pipeline: str | None = None, limit: int = 50) -> Sequence[Run]:
        return self._read(lambda c: reading.newest(c, pipeline, limit), [])

    def known(self, run: str) -> Run | None:
        return self._read(lambda c: reading.known(c, run), None)

    def undos(self, run: str) -> Sequence[Run]:
        return self._read(lambda c: reading.undos(c, run), [])

    def unfinished(self, pipeline: str) -> Sequence[Run]:
        return self._read(lambda c: reading.unfinished(c, pipeline), [])

    def begun_by(self, pipeline: str, flow_run: str) -> Run | None:
        return self._read(lambda c: reading.begun_by(c, pipeline, flow_run), None)

    def run(self, run: str, kind: RunKind | None = None) -> Run:
        found = self._read(lambda c: reading.one(c, run, kind), None)
        if found is None:
            raise UnknownRunError(f"There is no run {run!r}.", fix="Nothing has been applied yet.")
        return found

    def actions(self, run: str, states: Sequence[ReceiptState] = ()) -> pl.DataFrame:
        def work(connection: Connection) -> pl.DataFrame:
            return reading.actions_of(self.store, connection, intents.number(connection, run), states)

        return self._read(work, pl.DataFrame(schema=reading.FOUND_ACTIONS))

    def dead_letters(self, run: str) -> pl.DataFrame:
        def work(connection: Connection) -> pl.DataFrame:
            return reading.dead_letters(self.store, connection, intents.number(connection, run))

        return self._read(work, dead_letters())

    def hand_backs(self, run: str) -> Sequence[HandBack]:
        return self._read(lambda c: hand_backs.of_run(c, run), [])

    def hand_backs_of(self, pipeline: str, deal: str) -> Sequence[HandBack]:
        return self._read(lambda c: hand_backs.of_deal(c, pipeline, deal), [])

    def leases(self) -> Sequence[HeldLease]:
        return self._read(lambda c: leasing.held(self.store, c), [])

    def proposals(self, pipeline: str | None = None, limit: int | None = 50) -> Sequence[Proposal]:
        return self._read(lambda c: proposals.newest(self.store, c, pipeline, limit), [])

    def proposal(self, run: str) -> Proposal | None:
        return self._read(lambda c: proposals.found(self.store, c, run), None)

    def proposed(self, run: str) -> Plan:
        self._make_ready()
        return self.store.read(lambda c: proposals.content(c, run))

    def pending(self, run: str, size: int) -> Iterator[Sequence[Action]]:
        return intents.batches(self.store, run, [ReceiptState.PLANNED], size)

    def unsettled(self, run: str, size: int) -> Iterator[Sequence[Action]]:
        return intents.batches(self.store, run, [ReceiptState.SENT, ReceiptState.IN_DOUBT], size)

    # -- rate limits -----------------------------------------------------------------------------------------------

    def exchange(self, budget: str, ask: Ask) -> Grant | None:
        if not self._ready and not (self.store.exists() and self._look()):
            return None
        return budgets.exchange(self.store, budget, ask)

    # -- the lease -------------------------------------------------------------------------------------------------

    def acquire(self, pipeline: str, run: str, seconds: int = 60) -> Lease:
        self._make_ready()
        return leasing.acquire(self.store, pipeline, run, seconds)

    def renew(self, lease: Lease, seconds: int = 60) -> None:
        leasing.renew(self.store, lease, seconds)

    def release(self, lease: Lease) -> None:
        leasing.release(self.store, lease)

    # -- writing ---------------------------------------------------------------------------------------------------

    def begin(
        self,
        lease: Lease,
        run: Run,
        actions: pl.DataFrame | pl.LazyFrame,
        dead_letters: pl.DataFrame,
        handed_back: pl.DataFrame | None = None,
    ) -> None:
        self._make_ready()
        ours = no_hand_backs() if handed_back is None else handed_back

        def mean(connection: Connection, run_no: int) -> None:
            tombs.refuse_erased(connection, run.pipeline, ours.lazy())
            hand_backs.mean(self.store, connection, run, run_no, planned=actions.lazy(), ours=ours)

        intents.begin(self.store, lease, run, actions.lazy(), dead_letters, handing_back=mean if ours.height else None)

    def mark_sent(self, lease: Lease, run: str, keys: Sequence[str]) -> Sequence[Receipt]:
        return intents.mark_sent(self.store, lease, run, keys)

    def settle(self, lease: Lease, run: str, receipts: Sequence[Receipt]) -> None:
        def work(connection: Connection) -> None:
            known, done = self._settle(connection, lease, run, receipts)
            deals = [row.deal_id for row in done if row.change == Change.REMOVE]
            ends = hand_backs.ends_of(self.store, connection, run, deals) if deals else {}
            touching.remember(self.store, connection, known, done, ends)

        self.store.write("settle", work)

    def undo_settle(self, lease: Lease, undo_run: str, receipts: Sequence[Receipt]) -> None:
        def work(connection: Connection) -> None:
            known, done = self._settle(connection, lease, undo_run, receipts)
            if done and known.of_run:
                origin = intents.number(connection, known.of_run)
                keys = [undone_key(undo_run, row.key) for row in done]
                undone = list(intents.located(self.store, connection, origin, keys).values())
                taken = [{"id": row.id, "by": undo_run} for row in undone]
                self.store.each(connection, "UPDATE actions SET undone_by = :by WHERE id = :id", taken)
                touching.forget(self.store, connection, known, undone)
                hand_backs.forget(self.store, connection, known, [(row.deal_id, row.cycle) for row in undone])

        self.store.write("undo_settle", work)

    def reopen(self, lease: Lease, run: str, keys: Sequence[str] | None = None) -> int:
        def work(connection: Connection) -> int:
            leasing.check(connection, lease)
            run_no = intents.number(connection, run)
            low, high = intents.span(run_no)
            chosen = actions.c.id.between(low, high) & (actions.c.state == ReceiptState.FAILED)
            if keys is not None:
                chosen &= actions.c.id.in_(
                    [r.id for r in intents.located(self.store, connection, run_no, keys).values()]
                )
            again = connection.execute(update(actions).where(chosen).values(state=ReceiptState.PLANNED)).rowcount
            if again:
                reopen_run(connection, run_no)
            return again

        return self.store.write("reopen", work)

    def give_up(self, lease: Lease, run: str, keys: Sequence[str]) -> int:
        def work(connection: Connection) -> int:
            leasing.check(connection, lease)
            run_no = intents.number(connection, run)
            rows = intents.located(self.store, connection, run_no, keys)
            given_up = give_up(self.store, connection, lease, rows)
            reopen_run(connection, run_no)
            return given_up

        return self.store.write("give_up", work)

    def end(self, lease: Lease, run: str, state: RunState) -> Sequence[HandBack]:
        moved: list[HandBack] = []

        def work(connection: Connection) -> None:
            leasing.check(connection, lease)
            run_no = intents.number(connection, run)
            counts = reading.counts(connection, run_no)
            ended = {"state": state, "counts": orjson.dumps(counts).decode(), "ended_at": clock.now()}
            connection.execute(update(runs).where(runs.c.run_no == run_no).values(ended))
            if state in {RunState.SUCCESS, RunState.PARTIAL}:
                proposals.applied(connection, run)
            known = reading.head(connection, run_no)
            if known.kind is RunKind.UNDO:
                moved[:] = hand_backs.take_up(self.store, connection, known)
            elif state is not RunState.FAILED:  # after a bug nobody is told; whoever takes the run up tells
                # A commit whose answer was lost is done again, and finds nothing new.
                moved[:] = hand_backs.prove(self.store, connection, run_no, unsent=counts.get("planned", 0)) or moved
            reading.pack(self.store, connection, lease.pipeline)

        self.store.write("end", work)
        return moved

    def end_cycles(self, lease: Lease, ended: pl.DataFrame) -> None:
        rows = ended.select("deal_id", "cycle", "ended_on", "ended_why").rows()

        def work(connection: Connection) -> None:
            leasing.check(connection, lease)
            touching.end(self.store, connection, lease.pipeline, lease.holder.run, rows)

        self.store.write("end_cycles", work)

    def propose(
        self, plan: Plan, cause: Cause, waits: timedelta, flow_run: str | None = None
    ) -> tuple[Proposal, Sequence[Proposal]]:
        self._make_ready()
        return proposals.propose(self.store, plan, cause, waits, flow_run)

    def decide(self, run: str, verdict: Verdict) -> Proposal:
        self._make_ready()
        return proposals.decide(self.store, run, verdict)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _settle(
        self, connection: Connection, lease: Lease, run: str, receipts: Sequence[Receipt]
    ) -> tuple[Run, list[Known]]:
        leasing.check(connection, lease)
        run_no = intents.number(connection, run)
        rows = intents.located(self.store, connection, run_no, [r.key for r in receipts])
        moved = record(self.store, connection, lease, rows, receipts)
        reopen_run(connection, run_no)
        return reading.head(connection, run_no), [row for row, r in moved if r.state is ReceiptState.DONE]

    def _read(self, work: Work[T], nothing: T) -> T:
        if self._ready or (self.store.exists() and self._look()):
            return self.store.read(work)
        return nothing

    def _look(self) -> bool:
        """Whether there is a ledger; an older one is migrated, since this version cannot read it as it stands."""
        found = self.store.read(version)
        if found is not None and not is_current(found):
            self._make_ready()
        self._ready = found is not None
        return self._ready

    def _make_ready(self) -> None:
        if self._ready or (self.store.exists() and is_current(self.store.read(version))):
            self._ready = True
            return
        self.store.write("migrate", self._migrate)
        self._ready = True

    def _migrate(self, connection: Connection) -> None:
        self.store.lock_schema(connection)
        if not is_current(version(connection)):
            migrate(connection)

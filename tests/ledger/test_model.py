"""The ledger against a model of it in plain Python: any order of deeds, by holders and by those who were fenced out."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, update

from recyclekit.errors import LeaseError, LedgerError
from recyclekit.ledger import open_ledger, remembered
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.schema import leases
from recyclekit.models.inverse import inverse, undone_key
from recyclekit.models.run import Receipt, ReceiptState, RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from tests.ledger.deeds import DONE, FAILED, IN_DOUBT, PLANNED, SENT, SKIPPED, a_plan, a_run, receipts, task
from tests.postgres_server import MISSING, server
from tests.stores import postgres_template, quick_folder, sqlite_template

LIVE = {SENT, DONE, IN_DOUBT}
OPEN = {PLANNED, SENT, IN_DOUBT}
DEALS = st.lists(st.sampled_from([f"D{n}" for n in range(3)]), min_size=1, max_size=3, unique=True)
SETTLED = st.sampled_from([{SENT, IN_DOUBT}, set(ReceiptState) - {PLANNED}])
ANSWERS = st.sampled_from([DONE, DONE, FAILED, SKIPPED, IN_DOUBT, PLANNED])


@dataclass
class Fate:
    """What the model knows of one action."""

    state: ReceiptState = PLANNED
    attempts: int = 0
    undone: bool = False


@dataclass
class Story:
    """What the model knows of one run."""

    fates: dict[str, Fate]
    of_run: str | None = None
    ended: bool = False
    due: str = "2026-01-05"


@dataclass
class Model:
    """The ledger as it should be."""

    token: int = 0
    holder: Lease | None = None
    runs: dict[str, Story] = field(default_factory=dict)
    touches: set[str] = field(default_factory=set)

    def live(self, key: str, but: str) -> bool:
        others = (story.fates[key] for name, story in self.runs.items() if name != but and key in story.fates)
        return any(fate.state in LIVE and not fate.undone for fate in others)


class LedgerMachine(RuleBasedStateMachine):
    """Deeds in any order. Whoever lost the lease must get LeaseError and change nothing."""

    def address(self) -> str:
        raise NotImplementedError

    @initialize()
    def open(self) -> None:
        self.folder, self.model, self.numbers = quick_folder(), Model(), Counter[str]()
        self.url = self.address()
        self.ledger = open_ledger(self.url, self.folder)
        self.past: list[Lease] = []
        self.acquire()

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)

    def next(self, kind: str) -> str:
        self.numbers[kind] += 1
        return f"{kind}{self.numbers[kind]}"

    # -- leases ----------------------------------------------------------------------------------------------------

    @rule(how=st.sampled_from(["asked too early", "given back", "taken over", "looked at again", "let go by a zombie"]))
    def change_hands(self, how: str) -> None:
        holder = self.model.holder
        assert holder is not None
        self.ledger.renew(holder)
        if how == "asked too early":
            with pytest.raises(LeaseError):
                self.ledger.acquire("main", "early")
        elif how == "looked at again":
            # another process: nothing may live in memory only
            self.ledger.close()
            self.ledger = open_ledger(self.url, self.folder)
        elif how == "let go by a zombie":
            for lease in self.past[:-1]:
                self.ledger.release(lease)
                with pytest.raises(LeaseError):
                    self.ledger.renew(lease)
        else:
            self.ledger.release(holder) if how == "given back" else self.time_passes()
            self.acquire()

    def acquire(self) -> None:
        self.model.holder = self.ledger.acquire("main", self.next("holder"))
        self.model.token += 1
        assert self.model.holder.token == self.model.token
        self.past.append(self.model.holder)

    def time_passes(self) -> None:
        def work(connection: Connection) -> None:
            past = self.ledger.store.now(connection) - timedelta(seconds=1)
            connection.execute(update(leases).values(expires_at=past))

        self.ledger.store.write("time", work)

    def may(self, lease: Lease, deed: object) -> bool:
        """Do it where the lease is held; otherwise expect to be fenced out."""
        assert callable(deed)
        if lease == self.model.holder:
            deed()
            return True
        with pytest.raises(LeaseError):
            deed()
        return False

    # -- runs ------------------------------------------------------------------------------------------------------

    @rule(data=st.data(), deals=DEALS, due=st.sampled_from(["2026-01-05", "2026-02-02"]))
    def begin(self, data: st.DataObject, deals: list[str], due: str) -> None:
        lease, name = self.who(data), self.next("r")
        plan = a_plan(*(task(deal, due_on=due) for deal in deals))
        clash = any(
            story.fates[key].state in LIVE and not story.fates[key].undone and story.due != due
            for story in self.model.runs.values()
            for key in plan["key"]
            if key in story.fates
        )
        if lease == self.model.holder and clash:
            with pytest.raises(LedgerError, match="other content"):
                self.ledger.begin(lease, a_run(name), plan, dead_letters())
        elif self.may(lease, lambda: self.ledger.begin(lease, a_run(name), plan, dead_letters())):
            self.model.runs[name] = Story({key: Fate() for key in plan["key"]}, due=due)

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data())
    def begin_an_undo(self, data: st.DataObject) -> None:
        of_run, lease = self.some_run(data, undo=False), self.model.holder
        if of_run is None or lease is None:
            return
        name = self.next("u")
        plan = inverse(name, self.ledger.actions(of_run, [DONE]).filter(pl.col("undone_by").is_null()))
        if plan.is_empty():
            return
        undo = replace(a_run(name), kind=RunKind.UNDO, of_run=of_run)
        self.ledger.begin(lease, undo, plan, dead_letters())
        self.model.runs[name] = Story({key: Fate() for key in plan["key"]}, of_run=of_run)

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data())
    def mark_sent(self, data: st.DataObject) -> None:
        run, keys = self.some_actions(data, {PLANNED})
        if not keys:
            return
        lease = self.who(data)
        refused: list[Receipt] = []
        if self.may(lease, lambda: refused.extend(self.ledger.mark_sent(lease, run, keys))):
            story = self.model.runs[run]
            assert {r.key for r in refused} == {key for key in keys if self.model.live(key, run)}
            for key in keys:
                self.moved(story)
                if self.model.live(key, run):
                    story.fates[key].state = SKIPPED
                else:
                    story.fates[key].state = SENT
                    story.fates[key].attempts += 1

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        run, keys = self.some_actions(
            data, data.draw(st.sampled_from([{SENT, IN_DOUBT}, set(ReceiptState) - {PLANNED}]))
        )
        story = self.model.runs.get(run)
        if not keys or story is None:
            return
        lease = self.who(data)
        told = {key: data.draw(ANSWERS) for key in keys}
        answers = [Receipt(key=key, state=state, proof="204" if state is DONE else "") for key, state in told.items()]
        deed = self.ledger.undo_settle if story.of_run else self.ledger.settle
        if self.may(lease, lambda: deed(lease, run, answers)):
            self.moved(story)
            for key, state in told.items():
                if story.fates[key].state in OPEN:
                    story.fates[key].state = state
                    self.proved(run, story, key, state)

    def proved(self, run: str, story: Story, key: str, state: ReceiptState) -> None:
        if state is not DONE:
            return
        if story.of_run:
            origin = undone_key(run, key)
            self.model.runs[story.of_run].fates[origin].undone = True
            self.model.touches.discard(origin)
        else:
            self.model.touches.add(key)

    @precondition(lambda self: self.model.runs and self.model.holder)
    @rule(data=st.data())
    def carry_out(self, data: st.DataObject) -> None:
        """Send and prove all that a run has left."""
        (run, some), lease = self.some_actions(data, {PLANNED}), self.model.holder
        if not some or lease is None:
            return
        story = self.model.runs[run]
        keys = [key for key, fate in story.fates.items() if fate.state is PLANNED]
        refused = {r.key for r in self.ledger.mark_sent(lease, run, keys)}
        assert refused == {key for key in keys if self.model.live(key, run)}
        sent = [key for key in keys if key not in refused]
        deed = self.ledger.undo_settle if story.of_run else self.ledger.settle
        deed(lease, run, receipts(sent))
        self.moved(story)
        for key in keys:
            fate = story.fates[key]
            fate.state, fate.attempts = (SKIPPED, fate.attempts) if key in refused else (DONE, fate.attempts + 1)
            self.proved(run, story, key, fate.state)

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.model.runs)))
        story, counted, lease = self.model.runs[run], [], self.who(data)
        if self.may(lease, lambda: counted.append(self.ledger.reopen(lease, run))):
            failed = [fate for fate in story.fates.values() if fate.state is FAILED]
            assert counted == [len(failed)]
            for fate in failed:
                fate.state = PLANNED
                self.moved(story)

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data(), state=st.sampled_from([RunState.SUCCESS, RunState.ABORTED]))
    def end(self, data: st.DataObject, state: RunState) -> None:
        run, lease = data.draw(st.sampled_from(sorted(self.model.runs))), self.who(data)
        if self.may(lease, lambda: self.ledger.end(lease, run, state)):
            self.model.runs[run].ended = True

    # -- what must always hold -------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        if not hasattr(self, "ledger"):
            return
        for run, story in self.model.runs.items():
            found = self.ledger.actions(run).select("key", "state", "attempts", "undone_by").rows()
            there = [(key, state, attempts, undone is not None) for key, state, attempts, undone in found]
            assert there == [(key, f.state, f.attempts, f.undone) for key, f in story.fates.items()]
            known = self.ledger.run(run)
            assert known.counts == Counter(fate.state for fate in story.fates.values())
            assert (known.ended_at is not None) is story.ended
            planned = [key for key, fate in story.fates.items() if fate.state is PLANNED]
            assert [a.key for batch in self.ledger.pending(run, 2) for a in batch] == planned
            doubt = [key for key, fate in story.fates.items() if fate.state in {SENT, IN_DOUBT}]
            assert [a.key for batch in self.ledger.unsettled(run, 2) for a in batch] == doubt

    @invariant()
    def memory_is_what_was_proved_and_not_undone(self) -> None:
        if not hasattr(self, "ledger"):
            return
        memory = self.ledger.memory("main")
        cycles, touches = self.ledger.store.read(self.unpacked)
        assert memory.cycles.equals(cycles), "what is packed is what the tables hold"
        assert memory.touches.equals(touches.drop("made_on"))
        assert set(memory.touches["key"]) == self.model.touches
        assert set(memory.cycles["deal_id"]) == {key.split(":")[1] for key in self.model.touches}
        doubt = {
            key.removeprefix(f"undo:{run}:").split(":")[1]
            for run, story in self.model.runs.items()
            for key, fate in story.fates.items()
            if fate.state in {SENT, IN_DOUBT}
        }
        assert memory.in_doubt == doubt

    def unpacked(self, connection: Connection) -> tuple[pl.DataFrame, pl.DataFrame]:
        cycles, touches = remembered.read(partial(self.ledger.store.fetch, connection), "main")
        return cycles, touches

    # -- choosing --------------------------------------------------------------------------------------------------

    def who(self, data: st.DataObject) -> Lease:
        """Return whose deed it is: mostly the holder's, now and then one's who lost the lease."""
        if self.model.holder is not None and data.draw(st.integers(0, 7)):
            return self.model.holder
        return data.draw(st.sampled_from(self.past))

    def some_run(self, data: st.DataObject, *, undo: bool) -> str | None:
        names = sorted(name for name, story in self.model.runs.items() if bool(story.of_run) is undo)
        return data.draw(st.sampled_from(names)) if names else None

    def some_actions(self, data: st.DataObject, states: set[ReceiptState]) -> tuple[str, list[str]]:
        """Return a run that has actions in these states, and some of them."""
        there = {
            run: [key for key, fate in story.fates.items() if fate.state in states]
            for run, story in self.model.runs.items()
        }
        runs = sorted(run for run, keys in there.items() if keys)
        if not runs:
            return "", []
        run = data.draw(st.sampled_from(runs))
        return run, data.draw(st.lists(st.sampled_from(there[run]), min_size=1, unique=True))

    def moved(self, story: Story) -> None:
        story.ended = False


class OnSqlite(LedgerMachine):
    """The machine on a file."""

    def address(self) -> str:
        shutil.copy(sqlite_template(), self.folder / "ledger.db")
        return "sqlite:///ledger.db"


class OnPostgres(LedgerMachine):
    """The machine on a server."""

    def address(self) -> str:
        one = server()
        assert one is not None
        return one.copy_of(postgres_template())

    def teardown(self) -> None:
        super().teardown()
        one = server()
        assert one is not None
        one.drop(self.url)


@pytest.fixture(autouse=True)
def pack_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "PACKED_FROM", 1)


_SAME = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_sqlite_behaves_like_the_model() -> None:
    run_machine(OnSqlite, settings(max_examples=30, stateful_step_count=40, **_SAME))  # type: ignore[arg-type]


@pytest.mark.postgres
def test_postgres_behaves_like_the_model() -> None:
    if server() is None:
        pytest.skip(MISSING)
    run_machine(OnPostgres, settings(max_examples=6, stateful_step_count=30, **_SAME))  # type: ignore[arg-type]


def run_machine(machine: type[LedgerMachine], how: settings) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=how)

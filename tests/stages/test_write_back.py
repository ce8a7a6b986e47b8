"""Stage 5 step by step: what it tells, when it stops, and how it goes on. Faults and kills are in tests/chaos."""

from __future__ import annotations

import gc
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from weakref import ref

import polars as pl
import pytest

from recyclekit.errors import (
    ConfigError,
    DecidedError,
    ExitCode,
    InDoubtError,
    LeaseError,
    QuotaError,
    RetryableError,
    SignInError,
)
from recyclekit.events import Event, StageEnded, StageProgressed, StageStarted
from recyclekit.models.inverse import undo_key
from recyclekit.models.plan import ACTIONS, Action
from recyclekit.models.run import Receipt, RunState, exit_code
from recyclekit.models.snapshot import dead_letters
from recyclekit.stages.write_back import undo, write_back
from tests.chaos.crm import Crm, fail_at
from tests.chaos.ordeal import once
from tests.chaos.work import PATIENCE, RUN, World, a_plan, a_run, fresh, judge
from tests.stores import quick_folder, sqlite_template


@pytest.fixture
def world() -> Iterator[World]:
    folder = quick_folder()
    shutil.copy(sqlite_template(), folder / "ledger.db")
    made = fresh("sqlite:///ledger.db", folder)
    yield made
    made.close()
    shutil.rmtree(folder)


class OnlyWrites:
    """A sink that can neither find nor undo."""

    def __init__(self, crm: Crm) -> None:
        self.crm, self.batch_size = crm, crm.batch_size
        self.preflight, self.calls, self.write = crm.preflight, crm.calls, crm.write


def test_a_plan_is_written_in_batches_and_told(world: World) -> None:
    heard: list[Event] = []
    outcome = write_back(
        a_run(), a_plan(4), dead_letters(), sink=world.crm, ledger=world.ledger, listen=heard.append
    )  # fmt: skip
    assert (outcome.applied, outcome.state, exit_code(outcome)) == (8, RunState.SUCCESS, ExitCode.DONE)
    assert isinstance(heard[0], StageStarted)
    assert heard[0].total == 8
    assert [event.done for event in heard if isinstance(event, StageProgressed)] == [3, 3, 2]
    assert isinstance(heard[-1], StageEnded)
    assert heard[-1].figures["applied"] == 8
    assert world.crm.seen["write"] == 3


def test_a_run_lets_go_of_its_doors_at_once(world: World) -> None:
    """In a circle of objects they would stay open until somebody collects garbage, which a busy worker may not."""
    sink = OnlyWrites(world.crm)
    gone = ref(sink)
    gc.collect()
    gc.disable()
    try:
        write_back(a_run(), a_plan(4), dead_letters(), sink=sink, ledger=world.ledger)
        del sink
        assert gone() is None
    finally:
        gc.enable()


def test_an_empty_plan_is_a_success(world: World) -> None:
    outcome = write_back(a_run(), a_plan(0), dead_letters(), sink=world.crm, ledger=world.ledger)
    assert (outcome.planned, outcome.state) == (0, RunState.SUCCESS)


def test_a_stop_ends_after_the_call_in_hand_and_can_be_resumed(world: World) -> None:
    outcome = world.apply(should_stop=lambda: world.crm.seen["write"] == 1)
    assert (outcome.applied, outcome.unsent, outcome.state) == (3, 5, RunState.ABORTED)
    assert outcome.sums_close
    assert exit_code(outcome) is ExitCode.UNREACHABLE
    assert "recyclekit retry" in outcome.why
    resumed = world.resume()
    assert resumed.already == 3
    judge(world, resumed)


@pytest.mark.parametrize(
    ("error", "code"), [(QuotaError("Spent."), ExitCode.UNREACHABLE), (SignInError("Who?"), ExitCode.SIGN_IN)]
)
def test_quota_and_sign_in_stop_a_run_with_everything_accounted_for(world: World, error: Exception, code: ExitCode) -> None:  # noqa: E501  # fmt: skip
    world.crm.before = fail_at(2, lambda: error, ["write"])
    outcome = world.apply()
    assert (outcome.applied, outcome.unsent, exit_code(outcome)) == (3, 5, code)
    assert world.ledger.memory("main").in_doubt == frozenset()
    judge(world, world.resume())


def test_a_busy_system_is_asked_again_and_then_left_for_later(world: World) -> None:
    def busy(name: str, _actions: Sequence[Action]) -> None:
        if name == "write":
            raise RetryableError("Busy.")

    world.crm.before = busy
    outcome = world.apply()
    assert (outcome.applied, outcome.unsent) == (0, 8)
    assert world.crm.seen["write"] == PATIENCE.attempts
    assert len(world.waited) == PATIENCE.attempts - 1


def test_poison_costs_few_calls_and_names_its_deal(world: World) -> None:
    world.crm.batch_size, world.deals = 100, 50
    plan = a_plan(50)["key"].to_list()
    world.crm.poison = [plan[37]]
    outcome = world.apply()
    assert outcome.failed == (("D18", "One of them is bad."),)
    assert world.crm.seen["write"] <= 15
    assert exit_code(outcome) is ExitCode.SET_ASIDE
    world.crm.poison = []
    judge(world, world.resume())


def test_an_error_of_the_connector_is_shown_and_what_was_sent_is_looked_up_next_time(world: World) -> None:
    world.crm.after = once(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        world.apply()
    assert world.ledger.run(RUN).state is RunState.FAILED
    assert world.ledger.run(RUN).counts == {"sent": 3, "planned": 5}
    judge(world, world.apply())
    assert world.crm.seen["find"] == 1


def test_where_nobody_can_look_doubt_stays_for_a_person(world: World) -> None:
    world.crm.after = once(InDoubtError("Silence."))
    blind = OnlyWrites(world.crm)
    for _ in range(2):
        outcome = write_back(a_run(), a_plan(4), dead_letters(), sink=blind, ledger=world.ledger)
        assert (outcome.applied, len(outcome.in_doubt), exit_code(outcome)) == (5, 3, ExitCode.IN_DOUBT)
    assert world.ledger.memory("main").in_doubt == {"D0", "D1"}
    assert max(world.crm.effects().values()) == 1


def test_what_proves_absent_again_and_again_is_left_unsent(world: World) -> None:
    def lost(name: str, _actions: Sequence[Action]) -> None:
        if name == "write":
            raise InDoubtError("Silence.")

    world.crm.before = lost
    outcome = world.apply()
    assert (outcome.unsent, exit_code(outcome)) == (8, ExitCode.UNREACHABLE)
    assert world.crm.seen["write"] == 3 * PATIENCE.passes


def test_a_pipeline_that_is_being_written_is_left_alone(world: World) -> None:
    world.ledger.acquire("main", "another")
    with pytest.raises(LeaseError, match="being written by run another"):
        world.apply()
    assert not world.crm.entries()


def test_the_lease_is_given_back_whatever_happens(world: World) -> None:
    world.crm.before = once(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        world.apply()
    with pytest.raises(DecidedError, match="another plan"):
        write_back(a_run(), a_plan(1), dead_letters(), sink=world.crm, ledger=world.ledger)
    judge(world, world.apply())


def test_the_lease_is_kept_through_a_long_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sink answers only once the lease has been renewed by another thread meanwhile."""
    kept, real, here = threading.Event(), world.ledger.renew, threading.get_ident()

    def renew(*arguments: Any) -> None:
        real(*arguments)
        if threading.get_ident() != here:
            kept.set()

    monkeypatch.setattr(world.ledger, "renew", renew)
    world.crm.before = lambda _name, _actions: None if kept.wait(30) else pytest.fail("the lease was not renewed")
    patience = replace(PATIENCE, lease=1)
    outcome = write_back(
        a_run(), a_plan(1), dead_letters(), sink=world.crm, ledger=world.ledger, patience=patience
    )  # fmt: skip
    assert outcome.applied == 2


# -- undo -----------------------------------------------------------------------------------------------------------


def test_an_undo_puts_all_back_and_a_second_is_nothing(world: World) -> None:
    world.apply()
    outcome = world.undo("u1")
    assert (outcome.run, outcome.applied, exit_code(outcome)) == ("u1", 8, ExitCode.DONE)
    again = world.undo("u2")
    assert (again.run, again.planned, again.state) == ("u1", 0, RunState.SUCCESS), "the undo that is on record"
    assert [run.run for run in world.ledger.runs()] == ["u1", RUN]


def test_an_undo_of_a_run_that_wrote_nothing_is_on_record_so_that_nobody_resumes_it(world: World) -> None:
    world.crm.before = fail_at(1, lambda: QuotaError("Spent."))
    assert world.apply().applied == 0
    outcome = world.undo("u1")
    assert (outcome.run, outcome.planned, exit_code(outcome)) == ("u1", 0, ExitCode.DONE)
    newest, _ = world.ledger.runs()
    assert (newest.run, newest.of_run, newest.state) == ("u1", RUN, RunState.SUCCESS)


def test_after_an_undo_the_same_deals_are_planned_and_written_anew(world: World) -> None:
    world.apply()
    world.undo()
    run = "r20260102-000000-0002"
    outcome = write_back(a_run(run), a_plan(4, run), dead_letters(), sink=world.crm, ledger=world.ledger)
    assert outcome.applied == 8
    assert world.ledger.memory("main").touches.height == 4


def test_an_undo_that_stops_is_taken_up_again(world: World) -> None:
    world.apply()
    world.crm.before = fail_at(2, lambda: QuotaError("Spent."), ["undo"])
    first = world.undo("u1")
    assert (first.applied, first.unsent) == (3, 5)
    second = world.undo("u2")
    assert (second.run, second.applied, second.already) == ("u1", 8, 3)
    assert world.resume("u1").applied == 8


def test_an_undo_cannot_be_undone(world: World) -> None:
    world.apply()
    world.undo("u1")
    with pytest.raises(ConfigError, match=r"cannot be undone.*kind undo.*Plan and apply again") as refused:
        undo("u1", "u2", sink=world.crm, ledger=world.ledger)
    assert refused.value.exit_code is ExitCode.USAGE


def test_an_undo_settles_doubt_of_the_run_first(world: World) -> None:
    world.crm.after = once(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        world.apply()
    outcome = world.undo()
    assert outcome.applied == 3
    assert not [key for key, n in world.crm.effects().items() if n and key.endswith(":first")]
    assert world.ledger.memory("main").in_doubt == frozenset()


def test_where_a_system_cannot_undo_everything_is_listed(world: World) -> None:
    world.apply()
    outcome = undo(RUN, "u1", sink=OnlyWrites(world.crm), ledger=world.ledger)
    assert len(outcome.skipped) == outcome.planned == 8
    assert outcome.skipped[0][1] == "this system cannot take writes back"
    assert world.ledger.memory("main").touches.height == 4


def test_a_run_may_remove_a_task_and_that_has_no_way_back(world: World) -> None:
    world.apply()
    run = "r20260102-000000-0002"
    row = a_plan(1).row(1, named=True) | {
        "key": f"main:D0:1:gone:{run}", "kind": "remove_task", "change": "-",
        "payload": json.dumps({"key": "main:D0:1:first"}),
    }  # fmt: skip
    plan = pl.DataFrame([row], schema=ACTIONS, orient="row")
    outcome = write_back(a_run(run), plan, dead_letters(), sink=world.crm, ledger=world.ledger)
    assert (outcome.applied, world.crm.seen["undo"]) == (1, 1)
    assert not world.crm.effects()["main:D0:1:first"]
    taken_back = undo(run, "u1", sink=world.crm, ledger=world.ledger)
    assert [deal for deal, _ in taken_back.skipped] == ["D0"]
    assert "no way back" in taken_back.skipped[0][1]
    assert world.ledger.actions("u1")["key"].to_list() == [undo_key("u1", row["key"])]


def test_a_receipt_that_says_not_applied_is_sent_again(world: World) -> None:
    """One record of a batch was told to come again: it does, and the others are not repeated."""
    answers = []

    def once_busy(receipts: list[Receipt]) -> Sequence[Receipt]:
        if not answers:
            answers.append(receipts)
            last = world.crm.entries()
            world.crm.path.write_bytes(b"".join(json.dumps(e).encode() + b"\n" for e in last[:-1]))
            return [*receipts[:-1], Receipt(key=receipts[-1].key, state="planned", code="429")]  # type: ignore[arg-type]
        return receipts

    world.crm.answer = once_busy
    judge(world, world.apply())

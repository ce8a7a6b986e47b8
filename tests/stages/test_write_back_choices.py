"""Stage 5 when somebody chose: these writes go out again, those are given up, others were seen in the CRM."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

import pytest

from recyclekit.errors import InDoubtError
from recyclekit.ledger.holding import beating, held
from recyclekit.models.choice import GIVEN_UP, Choice
from recyclekit.models.plan import Action
from recyclekit.models.run import Outcome, Receipt, RunState
from recyclekit.models.snapshot import dead_letters
from recyclekit.stages.write_back import resume, write_back
from tests.chaos.work import PATIENCE, PIPELINE, RUN, World, a_plan, a_run, fresh
from tests.stores import quick_folder, sqlite_template

POISON = [f"{PIPELINE}:D1:1:first", f"{PIPELINE}:D2:1:first"]
PLAN = set(a_plan(4)["key"])


@pytest.fixture
def world() -> Iterator[World]:
    folder = quick_folder()
    shutil.copy(sqlite_template(), folder / "ledger.db")
    made = fresh("sqlite:///ledger.db", folder)
    yield made
    made.close()
    shutil.rmtree(folder)


@pytest.fixture
def refused(world: World) -> World:
    """A world in which two tasks of a run were refused."""
    world.crm.poison = list(POISON)
    assert len(world.apply().failed) == 2
    return world


def retried(world: World, choice: Choice) -> Outcome:
    return resume(
        RUN, sink=world.crm, ledger=world.ledger, reread=world.crm.reread, patience=PATIENCE,
        sleep=world.waited.append, choice=choice,
    )  # fmt: skip


def states(world: World) -> dict[str, str]:
    return dict(world.ledger.actions(RUN).select("key", "state").iter_rows())


def test_only_what_was_named_goes_out_again(refused: World) -> None:
    refused.crm.poison = []
    before = refused.crm.seen["write"]
    outcome = retried(refused, Choice(only=frozenset(POISON[:1])))
    assert refused.crm.seen["write"] == before + 1
    assert (outcome.applied, len(outcome.failed), outcome.state) == (7, 1, RunState.PARTIAL)
    assert set(+refused.crm.effects()) == PLAN - {POISON[1]}


def test_what_is_given_up_is_skipped_for_good_and_its_key_is_free_for_another_plan(refused: World) -> None:
    outcome = retried(refused, Choice(only=frozenset(), drop=frozenset(POISON)))
    assert (outcome.applied, outcome.failed, len(outcome.skipped)) == (6, (), 2)
    given_up = refused.ledger.actions(RUN).filter(code=GIVEN_UP)
    assert set(given_up["key"]) == set(POISON)
    refused.crm.poison = []
    assert refused.resume().applied == 6, "a later retry leaves it alone"
    tasks = a_plan(4, "r2").filter(kind="create_task")
    anew = write_back(a_run("r2", "p2"), tasks, dead_letters(), sink=refused.crm, ledger=refused.ledger)
    assert anew.applied == 2, "the other two stand there already"
    assert max(refused.crm.effects().values()) == 1


def test_unsent_writes_can_be_given_up_too_and_nothing_of_them_is_sent(world: World) -> None:
    world.apply(should_stop=lambda: world.crm.seen["write"] >= 1)
    unsent = {key for key, state in states(world).items() if state == "planned"}
    before = world.crm.seen["write"]
    outcome = retried(world, Choice(only=frozenset(), drop=frozenset(unsent)))
    assert world.crm.seen["write"] == before
    assert (outcome.unsent, len(outcome.skipped), outcome.state) == (0, len(unsent), RunState.PARTIAL)


def test_what_was_not_named_stays_as_it_was_and_the_outcome_says_so(world: World) -> None:
    world.apply(should_stop=lambda: world.crm.seen["write"] >= 1)
    outcome = retried(world, Choice(only=frozenset(POISON[:1])))
    assert outcome.unsent == 4
    assert "not chosen" in outcome.why


def in_doubt(world: World) -> set[str]:
    """Leave a run with writes whose answers were lost and that nobody can look up; return their keys."""

    def lose(_receipts: list[Receipt]) -> Sequence[Receipt]:
        raise InDoubtError("No answer came back.")

    def nobody_knows(name: str, _actions: Sequence[Action]) -> None:
        if name == "find":
            raise InDoubtError("No answer came back.")

    before, answer = world.crm.before, world.crm.answer
    world.crm.answer, world.crm.before = lose, nobody_knows
    assert world.apply().in_doubt
    world.crm.before, world.crm.answer = before, answer
    return {key for key, state in states(world).items() if state == "in_doubt"}


def test_looking_up_settles_doubt_and_sends_nothing(world: World) -> None:
    assert in_doubt(world)
    writes = world.crm.seen["write"]
    outcome = retried(world, Choice(send=False))
    assert world.crm.seen["write"] == writes
    assert not outcome.in_doubt
    assert outcome.applied + outcome.unsent == 8


def test_what_a_person_saw_in_the_crm_counts_as_done_and_is_remembered_as_a_touch(world: World) -> None:
    keys = in_doubt(world)
    outcome = retried(world, Choice(only=frozenset(), written=frozenset(keys)))
    assert outcome.applied == len(keys)
    assert set(world.ledger.memory(PIPELINE).touches["key"]) == {key for key in keys if key.endswith(":first")}
    assert not world.ledger.memory(PIPELINE).in_doubt


def test_a_lease_that_the_caller_holds_is_used_and_left_to_it(world: World) -> None:
    with held(world.ledger, PIPELINE, RUN, 60) as lease, beating(world.ledger, lease, 60):
        outcome = write_back(a_run(), a_plan(2), dead_letters(), sink=world.crm, ledger=world.ledger, lease=lease)
        assert outcome.applied == 4
        world.ledger.renew(lease)
    assert world.ledger.acquire(PIPELINE, "r2").token == lease.token + 1

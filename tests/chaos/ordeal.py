"""Everything that can go wrong in one process, as scenarios that a sound write-back survives and a broken one does not.

Each scenario gets a fresh world and ends with the judge. The seeded bugs of test_mutants run through the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest

from recyclekit import clock
from recyclekit.errors import InDoubtError, LeaseError, RetryableError
from recyclekit.faultpoint import arm
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt
from tests.chaos.work import RUN, World, a_plan, judge

Scenario = Callable[[Callable[[], World]], None]


class Crash(BaseException):
    """The process is gone: no handler of the product may catch this, and nothing is committed after it."""


def crash_at(n: int) -> Callable[[str], None]:
    """Return a fault handler that lets n-1 points pass and none after them."""
    left = [n]

    def handler(_name: str) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise Crash

    return handler


@contextmanager
def later(**by: float) -> Iterator[None]:
    """Let the clock run ahead, so that a lease of a process that is gone has ended."""
    real = clock.now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: real() + timedelta(**by))
        yield


def crashed(world: World, n: int) -> bool:
    arm(crash_at(n))
    try:
        world.apply()
    except Crash:
        return True
    finally:
        arm(None)
    return False


def a_crash_at_any_point(make: Callable[[], World]) -> None:
    n, going = 1, True
    while going:
        world = make()
        world.deals = 3
        world.watch_intents()
        going = crashed(world, n)
        with later(minutes=5):
            judge(world, world.apply())
        n += 1
    assert n > 20, "there are fewer fault points than there were"


def a_zombie_wakes(make: Callable[[], World]) -> None:
    """A run stalls, another takes over after the lease has ended, and the first wakes: it must not commit anything."""
    for stall in ("crm.reread", "sink.write.answered", "sink.write"):
        world = make()
        world.crm.keyed = True
        successor = World(world.url, world.folder, deals=world.deals)
        successor.crm.keyed = True
        seen: list[object] = []

        def take_over(name: str, stall: str = stall, successor: World = successor, seen: list[object] = seen) -> None:
            if name == stall and not seen:
                seen.append(name)
                with later(minutes=5):
                    judge(successor, successor.apply())
                seen.append(everything(successor))

        arm(take_over)
        try:
            with pytest.raises(LeaseError):
                world.apply()
        finally:
            arm(None)
        assert seen[1] == everything(successor), f"the zombie of {stall} changed the ledger"
        successor.close()


def everything(world: World) -> list[object]:
    """Return all that the ledger holds of a run."""
    from sqlalchemy import select

    from recyclekit.ledger.schema import actions, leases, receipts

    return world.ledger.store.read(
        lambda connection: [
            connection.execute(select(table).order_by(*table.primary_key)).all()
            for table in (actions, receipts, leases)
        ]
    )


def a_sink_lies(make: Callable[[], World]) -> None:
    """`done` without a proof, for something that never happened."""
    world = make()
    world.crm.lie = 2
    judge(world, world.apply())


def an_answer_is_incomplete(make: Callable[[], World]) -> None:
    """A receipt is missing, and one is for a key that nobody knows."""
    world = make()

    def cut(receipts: list[Receipt]) -> Sequence[Receipt]:
        return [*receipts[1:], Receipt(key="main:nobody:1:first", state=receipts[0].state, proof="id echoed")]

    world.crm.answer = cut
    judge(world, world.apply())
    assert world.crm.seen["find"]


def an_answer_is_lost(make: Callable[[], World]) -> None:
    """The call was applied and no answer came back."""
    world = make()
    world.crm.after = once(InDoubtError("No answer came back."))
    judge(world, world.apply())


def a_call_is_lost(make: Callable[[], World]) -> None:
    """The call never arrived, and nobody can know that without looking."""
    world = make()
    world.crm.before = once(InDoubtError("No answer came back."))
    judge(world, world.apply())


def the_other_side_is_busy(make: Callable[[], World]) -> None:
    world = make()
    world.crm.before = once(RetryableError("Too many requests.", retry_after=2.0))
    judge(world, world.apply())
    assert sum(world.waited) == 2.0


def one_record_is_poison(make: Callable[[], World]) -> None:
    world = make()
    plan = a_plan(world.deals)["key"].to_list()
    world.crm.poison = [plan[4]]
    outcome = world.apply()
    judge(world, outcome, done=[key for key in plan if key != plan[4]])
    assert [deal for deal, _ in outcome.failed] == ["D2"]
    letter = world.ledger.dead_letters(RUN).row(0, named=True)
    assert (letter["stage"], letter["record_id"], letter["code"]) == ("write_back", "D2", "INVALID")


def two_deals_change(make: Callable[[], World]) -> None:
    """A person edits one deal's stage and one of our own fields of another, between plan and apply."""
    world = make()
    world.crm.edit("D1", stage="won")
    world.crm.edit("D3", recycle_track="by hand")
    outcome = world.apply()
    kept = [key for key in a_plan(world.deals)["key"] if "D1" not in key and "D3" not in key]
    judge(world, outcome, done=kept)
    assert {deal for deal, _ in outcome.skipped} == {"D1", "D3"}


def a_finished_run_is_done_again(make: Callable[[], World]) -> None:
    world = make()
    world.apply()
    before = world.crm.path.read_bytes()
    judge(world, world.apply())
    judge(world, world.resume())
    assert world.crm.path.read_bytes() == before


def a_run_is_undone(make: Callable[[], World]) -> None:
    """All comes back but what a person changed since."""
    world = make()
    world.apply()
    world.crm.edit("D1", recycle_track="by hand")
    outcome = world.undo()
    assert outcome.sums_close
    assert [deal for deal, _ in outcome.skipped] == ["D1"]
    assert world.crm.fields("D1")["recycle_track"] == "by hand"
    assert not any(any(world.crm.fields(f"D{n}").values()) for n in (0, 2, 3))
    assert world.ledger.memory("main").touches.is_empty()
    assert not world.crm.effects()["main:D1:1:first"]


def once(error: Exception) -> Callable[[str, Sequence[Action]], None]:
    """Return a fault that raises at the first write."""
    left = [error]

    def fault(name: str, _actions: Sequence[Action]) -> None:
        if name == "write" and left:
            raise left.pop()

    return fault


SCENARIOS: Sequence[Scenario] = (
    a_crash_at_any_point,
    a_zombie_wakes,
    a_sink_lies,
    an_answer_is_incomplete,
    an_answer_is_lost,
    a_call_is_lost,
    the_other_side_is_busy,
    one_record_is_poison,
    two_deals_change,
    a_finished_run_is_done_again,
    a_run_is_undone,
)

"""Recovery: whatever happens to a call, nothing is claimed that is not so, nothing is doubled, nothing is hammered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recyclekit.connectors.manifest import Capability
from recyclekit.errors import InDoubtError, QuotaError, RecyclekitError, RemoteError, RetryableError, SignInError
from recyclekit.models.plan import Action
from recyclekit.models.proof import proven
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.tables import Table
from recyclekit.testing.bench import CountsCalls, Looks, Trouble
from recyclekit.testing.factories import create_task, set_fields
from recyclekit.testing.proving import Tier, proves
from recyclekit.testing.stand import Stand
from recyclekit.testing.suite.room import Room

FIELDS, TASKS, FIND = Capability.WRITE_FIELDS, Capability.WRITE_TASKS, Capability.FIND_BY_KEY
HINT = 7.0
LONG, SOON = 60.0, 5.0
_MANY = 130  # more than the batches of most vendors
_HAMMERING = 5  # calls after "no more today"


class Recovery(Room):
    """Tests with trouble on the other side, one at a time."""

    @proves(Tier.GOLD, TASKS, FIND, needs=(Looks,), troubles=(Trouble.LOST_ANSWER,))
    def test_a_lost_answer_is_settled_by_looking(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = create_task(deal, stand.bench.owner)
        stand.accidents.hurt(Trouble.LOST_ANSWER)
        (receipt,) = _attempt(stand, [action])
        assert receipt.state in {ReceiptState.IN_DOUBT, ReceiptState.DONE}, (
            f"it was applied, but the answer says {receipt}"
        )
        assert list(stand.view.tasks(deal)) == [action.key], "applied once, however often it was sent"
        (found,) = stand.finds().find([action])
        assert found.state is ReceiptState.DONE, f"it stands in the system; find says {found}"

    @proves(Tier.GOLD, TASKS, needs=(Looks,), troubles=(Trouble.LOST_ANSWER,))
    def test_writing_again_after_a_lost_answer_doubles_nothing(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = create_task(deal, stand.bench.owner)
        stand.accidents.hurt(Trouble.LOST_ANSWER)
        _attempt(stand, [action])
        stand.done([action])
        assert list(stand.view.tasks(deal)) == [action.key]

    @proves(Tier.GOLD, FIELDS, needs=(Looks,), troubles=(Trouble.LYING,))
    def test_success_without_proof_is_not_success(self, stand: Stand) -> None:
        deal = stand.seed_one()
        stand.accidents.hurt(Trouble.LYING)
        (receipt,) = _attempt(stand, [set_fields(deal, stand.own())])
        stands = stand.view.fields(deal)["recycle_track"] == "timing"
        assert stands or receipt.state is not ReceiptState.DONE, "said to be done, and nothing stands in the system"

    @proves(Tier.GOLD, FIELDS, needs=(Looks,), troubles=(Trouble.DOWN,))
    def test_a_server_that_fails_once_is_no_reason_to_lose_a_write(self, stand: Stand) -> None:
        deals = stand.seed_deals(2)
        stand.accidents.hurt(Trouble.DOWN)
        outcome = stand.run([set_fields(deal, stand.own()) for deal in deals])
        assert outcome.applied == 2, outcome
        assert [stand.view.fields(deal)["recycle_track"] for deal in deals] == ["timing"] * 2

    @proves(Tier.GOLD, FIELDS, TASKS, FIND, needs=(Looks,), troubles=(Trouble.DOWN, Trouble.LOST_ANSWER))
    def test_trouble_with_one_of_many_calls_speaks_for_that_call_alone(self, stand: Stand) -> None:
        deals = stand.seed_deals(min(_MANY, stand.sink().batch_size))
        tasks = [create_task(deal, stand.bench.owner) for deal in deals]
        stand.accidents.hurt(Trouble.DOWN)
        stand.accidents.hurt(Trouble.LOST_ANSWER)
        outcome = stand.run([*tasks, *(set_fields(deal, stand.own()) for deal in deals)])
        stand.accidents.heal()
        assert outcome.applied == 2 * len(deals), outcome
        wrong = [d for d, task in zip(deals, tasks, strict=True) if list(stand.view.tasks(d)) != [task.key]]
        assert not wrong, f"{len(wrong)} of {len(deals)} tasks were lost or doubled"
        bare = [d for d in deals if stand.view.fields(d)["recycle_track"] != "timing"]
        assert not bare, f"{len(bare)} of {len(deals)} deals are unwritten, and said to be done"

    @proves(Tier.GOLD, FIELDS, needs=(Looks,), troubles=(Trouble.DOWN,))
    def test_a_server_that_stays_down_ends_the_run_to_be_resumed(self, stand: Stand) -> None:
        deals = stand.seed_deals(2)
        actions = [set_fields(deal, stand.own()) for deal in deals]
        stand.accidents.hurt(Trouble.DOWN, times=None)
        outcome = stand.run(actions)
        assert outcome.applied == 0
        assert outcome.sums_close
        assert not outcome.failed, "nothing was refused; the other side was not there"
        stand.accidents.heal()
        assert stand.resume().applied == 2
        assert [stand.view.fields(deal)["recycle_track"] for deal in deals] == ["timing"] * 2

    @proves(Tier.GOLD, FIELDS, troubles=(Trouble.THROTTLED,))
    def test_a_hint_to_wait_is_honoured_when_writing(self, stand: Stand) -> None:
        actions = [set_fields(stand.seed_one(), stand.own())]
        sink = stand.sink()
        stand.waits.clear()
        stand.accidents.hurt(Trouble.THROTTLED, wait=HINT)
        outcome = stand.run(actions, sink=sink)
        assert outcome.applied == 1, outcome
        _waited(stand)

    @proves(Tier.GOLD, Capability.READ_DEALS, troubles=(Trouble.THROTTLED,))
    def test_a_hint_to_wait_is_honoured_when_reading(self, stand: Stand) -> None:
        seeded, columns = stand.seed_deals(2), stand.columns(Table.DEALS)
        stand.waits.clear()
        stand.accidents.hurt(Trouble.THROTTLED, wait=HINT)
        pages = stand.patiently(lambda: list(stand.pages(Table.DEALS, columns=columns)))
        assert set(seeded) <= set(stand.ids(Table.DEALS, pages))
        _waited(stand)

    @proves(Tier.GOLD, Capability.READ_DEALS, troubles=(Trouble.THROTTLED,))
    def test_a_stop_ends_a_wait_when_reading(self, stand: Stand) -> None:
        stand.seed_deals(2)
        columns = stand.columns(Table.DEALS)
        there = _stopped_while_waiting(stand)
        with pytest.raises(RemoteError):
            list(there.pages(Table.DEALS, columns=columns))
        _ended_soon(stand)

    @proves(Tier.GOLD, FIELDS, troubles=(Trouble.THROTTLED,))
    def test_a_stop_ends_a_wait_when_writing(self, stand: Stand) -> None:
        action = set_fields(stand.seed_one(), stand.own())
        sink = _stopped_while_waiting(stand).sink()
        try:
            states = {receipt.state for receipt in sink.write([action])}
        except InDoubtError:
            states = {ReceiptState.IN_DOUBT}
        except RemoteError:
            states = {ReceiptState.PLANNED}
        assert states == {ReceiptState.PLANNED}, "the other side said that nothing was applied: it may be sent again"
        _ended_soon(stand)

    @proves(Tier.GOLD, Capability.READ_DEALS, troubles=(Trouble.QUOTA,))
    def test_a_spent_quota_stops_reading_at_once(self, stand: Stand) -> None:
        stand.seed_deals(2)
        columns = stand.columns(Table.DEALS)
        stand.accidents.hurt(Trouble.QUOTA, times=None)
        _stops(stand, QuotaError, lambda: list(stand.pages(Table.DEALS, columns=columns)))

    @proves(Tier.GOLD, FIELDS, troubles=(Trouble.QUOTA,))
    def test_a_spent_quota_stops_writing_at_once(self, stand: Stand) -> None:
        actions, sink = [set_fields(stand.seed_one(), stand.own())], stand.sink()
        stand.accidents.hurt(Trouble.QUOTA, times=None)
        _stops(stand, QuotaError, lambda: sink.write(actions))

    @proves(Tier.GOLD, Capability.READ_DEALS, troubles=(Trouble.SIGNED_OUT,))
    def test_a_lost_sign_in_says_what_to_do(self, stand: Stand) -> None:
        stand.seed_deals(1)
        columns = stand.columns(Table.DEALS)
        stand.accidents.hurt(Trouble.SIGNED_OUT, times=None)
        error = _stops(stand, SignInError, lambda: list(stand.pages(Table.DEALS, columns=columns)))
        assert error.fix.strip(), "a person has to act: say what to do"

    @proves(Tier.GOLD, FIELDS, troubles=(Trouble.FORBIDDEN,))
    def test_a_missing_permission_is_named(self, stand: Stand) -> None:
        actions, sink = [set_fields(stand.seed_one(), stand.own())], stand.sink()
        stand.accidents.hurt(Trouble.FORBIDDEN, times=None)
        error = _stops(stand, SignInError, lambda: sink.write(actions))
        assert f"{error.why} {error.fix}".strip(), "name the permission"


def _attempt(stand: Stand, actions: list[Action]) -> list[Receipt]:
    """Write once as stage 5 would; an error that leaves doubt is a receipt in doubt, "later" is taken up again."""
    sink = stand.sink()
    try:
        return proven(actions, stand.patiently(lambda: sink.write(actions)))
    except InDoubtError as doubt:
        return [Receipt(key=a.key, state=ReceiptState.IN_DOUBT, reason=doubt.what) for a in actions]
    except RecyclekitError as error:
        return [Receipt(key=a.key, state=ReceiptState.FAILED, reason=error.what) for a in actions]


def _waited(stand: Stand) -> None:
    longest = max(stand.waits, default=0.0)
    assert sum(stand.waits) >= HINT, (
        f"the other side asked for {HINT:g} seconds, the longest wait was {longest:g}: wait through time.sleep,"
        " or raise RetryableError(retry_after=…) so that stage 5 does"
    )


def _stopped_while_waiting(stand: Stand) -> Stand:
    """Return the connector opened by somebody who asks it to stop once it waits for a system that is busy for long."""
    stand.accidents.hurt(Trouble.THROTTLED, times=None, wait=LONG)
    stand.waits.clear()
    return replace(stand, opening=replace(stand.opening, should_stop=lambda: bool(stand.waits)))


def _ended_soon(stand: Stand) -> None:
    assert sum(stand.waits) <= SOON, (
        f"asked to stop, it still waited for {sum(stand.waits):g} seconds: ask opening.should_stop while waiting"
    )


def _stops(stand: Stand, kind: type[RemoteError], call: object) -> RemoteError:
    """Return the error of this kind that the call ends with, after few calls and no long wait."""
    assert callable(call)
    before = stand.meter.calls() if isinstance(stand.anything, CountsCalls) else 0
    stand.waits.clear()
    with pytest.raises(kind) as caught:
        call()
    if isinstance(stand.anything, CountsCalls):
        taken = stand.meter.calls() - before
        assert taken <= _HAMMERING, f"{taken} calls after a refusal that no repeating can change"
    assert sum(stand.waits) < 60, "waiting does not help here: stop, the run can be resumed"
    assert not isinstance(caught.value, RetryableError)
    return caught.value

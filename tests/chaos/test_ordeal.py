"""Write-back survives every scenario of the ordeal, and each seeded bug is caught by one of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from recyclekit.connectors import delivery
from recyclekit.connectors.delivery import Delivery
from recyclekit.ledger import intents, sql, touching
from recyclekit.ledger import lease as leasing
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.stages import write_back as stage
from tests.chaos import ordeal
from tests.chaos.ordeal import SCENARIOS, Crash, Scenario
from tests.chaos.work import World, fresh
from tests.stores import quick_folder, sqlite_template

Desk = stage._Desk  # the seeded bugs go where the product would have them


@pytest.fixture
def make() -> Iterator[Callable[[], World]]:
    made: list[World] = []

    def fresh_world() -> World:
        folder = quick_folder()
        shutil.copy(sqlite_template(), folder / "ledger.db")
        made.append(fresh("sqlite:///ledger.db", folder))
        return made[-1]

    yield fresh_world
    for world in made:
        world.close()
        shutil.rmtree(world.folder)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_write_back_survives(scenario: Scenario, make: Callable[[], World]) -> None:
    scenario(make)


# -- seeded bugs ------------------------------------------------------------------------------------------------------


def drop_the_intent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sql.SqlLedger, "mark_sent", lambda *_: [])


def mark_done_before_the_write(patch: pytest.MonkeyPatch) -> None:
    real = Desk.hand_over

    def hand_over(self: Any, part: Sequence[Action], unanswered: Sequence[Action]) -> None:
        self.settle(self.lease, self.run.run, [_done(a) for a in part])
        real(self, part, unanswered)

    patch.setattr(Desk, "hand_over", hand_over)


def ignore_fencing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(leasing, "check", lambda *_: None)


def resend_doubt_blindly(patch: pytest.MonkeyPatch) -> None:
    def find(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        return [Receipt(key=a.key, state=ReceiptState.PLANNED) for a in actions]

    patch.setattr(Delivery, "find", find)


def trust_a_receipt_without_proof(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        delivery, "proven", lambda _actions, receipts: [replace(r, proof=r.proof or "sure") for r in receipts]
    )


def believe_that_doubt_is_done(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Delivery, "find", lambda _self, actions: [_done(a) for a in actions])


def forget_the_touch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(touching, "remember", lambda *_: None)


def skip_the_drift_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Desk, "changed", lambda *_: [])


def blame_the_whole_batch(patch: pytest.MonkeyPatch) -> None:
    def deliver(self: Any, actions: Sequence[Action]) -> Iterator[list[Receipt]]:
        try:
            yield delivery.proven(actions, self.call_patiently(actions))
        except delivery.RefusedError as refusal:
            yield [delivery.refused(a, refusal) for a in actions]

    patch.setattr(Delivery, "deliver", deliver)


def send_all_again_on_resume(patch: pytest.MonkeyPatch) -> None:
    real = intents.batches

    def batches(store: Any, run: str, states: Sequence[ReceiptState], size: int) -> Any:
        return real(store, run, [*states, ReceiptState.DONE], size)

    patch.setattr(intents, "batches", batches)
    patch.setattr(intents, "_sending", _sending_anything)


def commit_before_the_receipt_is_whole(patch: pytest.MonkeyPatch) -> None:
    """The state and its touch in two transactions: a crash between them loses the touch."""

    def settle(self: Any, lease: Any, run: str, receipts: Sequence[Receipt]) -> None:
        pair = self.store.write("settle", lambda c: self._settle(c, lease, run, receipts))
        self.store.write("touch", lambda c: touching.remember(self.store, c, *pair))

    patch.setattr(sql.SqlLedger, "settle", settle)


def undo_what_a_person_changed(patch: pytest.MonkeyPatch) -> None:
    from tests.chaos.crm import Crm

    real = Crm.undo

    def undo(self: Crm, actions: Sequence[Action]) -> Sequence[Receipt]:
        blind = [replace(a, payload={**a.payload, "expect": {}}) if "expect" in a.payload else a for a in actions]
        return real(self, blind)

    patch.setattr(Crm, "undo", undo)


def _done(action: Action) -> Receipt:
    return Receipt(key=action.key, state=ReceiptState.DONE, proof="hope")


def _sending_anything(row: Any, token: int, now: Any) -> dict[str, object]:
    sent = {"state": "sent", "attempts": row.attempts + 1, "token": token, "sent_at": now, "payload_hash": "0"}
    return {"the_id": row.id, **{f"the_{name}": value for name, value in sent.items()}}


BUGS: dict[Callable[[pytest.MonkeyPatch], None], Scenario] = {
    drop_the_intent: ordeal.a_crash_at_any_point,
    mark_done_before_the_write: ordeal.a_crash_at_any_point,
    ignore_fencing: ordeal.a_zombie_wakes,
    resend_doubt_blindly: ordeal.an_answer_is_lost,
    trust_a_receipt_without_proof: ordeal.a_sink_lies,
    believe_that_doubt_is_done: ordeal.a_call_is_lost,
    forget_the_touch: ordeal.an_answer_is_lost,
    skip_the_drift_check: ordeal.two_deals_change,
    blame_the_whole_batch: ordeal.one_record_is_poison,
    send_all_again_on_resume: ordeal.a_finished_run_is_done_again,
    commit_before_the_receipt_is_whole: ordeal.a_crash_at_any_point,
    undo_what_a_person_changed: ordeal.a_run_is_undone,
}
"""Each with the scenario that must notice it; others may notice it too."""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_seeded_bug_is_caught(
    bug: Callable[[pytest.MonkeyPatch], None], make: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    assert _fails(BUGS[bug], make), f"{BUGS[bug].__name__} does not notice {bug.__name__}"


def _fails(scenario: Scenario, make: Callable[[], World]) -> bool:
    try:
        scenario(make)
    except (Exception, pytest.fail.Exception, Crash):  # noqa: BLE001  # however it is caught, it is caught
        return True
    return False

"""Undoing: what still is ours goes back; what a person changed since stays."""

from __future__ import annotations

from recyclekit.connectors.manifest import Capability
from recyclekit.models.run import ReceiptState
from recyclekit.testing.bench import Edits, Looks
from recyclekit.testing.factories import create_task, enrol, set_fields, undoing
from recyclekit.testing.proving import Tier, proves
from recyclekit.testing.stand import Stand
from recyclekit.testing.suite.room import Room

FIELDS, TASKS, ENROL, UNDO = Capability.WRITE_FIELDS, Capability.WRITE_TASKS, Capability.ENROL, Capability.UNDO


class Undoing(Room):
    """Tests of `undo`."""

    @proves(Tier.GOLD, FIELDS, witness=UNDO, needs=(Looks,))
    def test_fields_go_back_to_what_they_held(self, stand: Stand) -> None:
        deal, before = stand.seed_one(), {"recycle_track": "no_budget", "recycle_cycle": 1}
        stand.done([set_fields(deal, before, run="r0")])
        action = set_fields(deal, _two(2), before=before)
        receipt = stand.done([action])[action.key]
        (undone,) = stand.undo([undoing(action, receipt.remote_id)]).values()
        assert undone.state is ReceiptState.DONE, undone
        there = stand.view.fields(deal)
        assert (there["recycle_track"], there["recycle_cycle"]) == ("no_budget", "1")

    @proves(Tier.GOLD, FIELDS, UNDO, needs=(Looks,))
    def test_fields_that_were_empty_are_empty_again(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = set_fields(deal, stand.own())
        receipt = stand.done([action])[action.key]
        stand.undo([undoing(action, receipt.remote_id)])
        assert set(stand.view.fields(deal).values()) <= {None}

    @proves(Tier.GOLD, FIELDS, UNDO, needs=(Looks, Edits))
    def test_what_a_person_changed_since_stays(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = set_fields(deal, _two(1))
        receipt = stand.done([action])[action.key]
        stand.people.edit(deal, {"recycle_track": "competitor"})
        (undone,) = stand.undo([undoing(action, receipt.remote_id)]).values()
        there = stand.view.fields(deal)
        assert there["recycle_track"] == "competitor", "undo wrote over what a person typed"
        assert there["recycle_cycle"] == "1", "of a deal that a person changed, all stays: half an undo helps nobody"
        assert undone.state is ReceiptState.SKIPPED, f"say that it was left, and why: {undone}"
        assert undone.reason

    @proves(Tier.GOLD, FIELDS, UNDO, needs=(Looks,))
    def test_undoing_twice_has_one_effect(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = set_fields(deal, _two(1))
        back = undoing(action, stand.done([action])[action.key].remote_id)
        for _ in range(2):
            assert stand.undo([back])[back.key].state is ReceiptState.DONE
        assert stand.view.fields(deal)["recycle_track"] is None

    @proves(Tier.GOLD, TASKS, UNDO, needs=(Looks,))
    def test_a_task_that_nobody_touched_is_removed_and_no_other(self, stand: Stand) -> None:
        deal = stand.seed_one()
        first, second = (create_task(deal, stand.bench.owner, step) for step in ("first", "second"))
        receipts = stand.done([first, second])
        back = undoing(first, receipts[first.key].remote_id)
        for _ in range(2):
            assert stand.undo([back])[back.key].state is ReceiptState.DONE, "what is gone already is done"
            assert list(stand.view.tasks(deal)) == [second.key]

    @proves(Tier.GOLD, TASKS, UNDO, needs=(Looks, Edits))
    def test_a_task_that_somebody_finished_stays(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = create_task(deal, stand.bench.owner)
        back = undoing(action, stand.done([action])[action.key].remote_id)
        stand.people.finish(deal, action.key)
        undone = stand.undo([back])[back.key]
        assert list(stand.view.tasks(deal)) == [action.key], "undo removed what a person had worked on"
        assert undone.state is ReceiptState.SKIPPED
        assert undone.reason

    @proves(Tier.GOLD, ENROL, UNDO, needs=(Looks,))
    def test_an_enrolment_is_taken_back(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = enrol(deal, stand.bench.track, stand.bench.owner)
        back = undoing(action, stand.done([action])[action.key].remote_id)
        for _ in range(2):
            assert stand.undo([back])[back.key].state is ReceiptState.DONE
            assert stand.view.enrolments(deal) == 0


def _two(cycle: int) -> dict[str, object]:
    return {"recycle_track": "timing", "recycle_cycle": cycle}

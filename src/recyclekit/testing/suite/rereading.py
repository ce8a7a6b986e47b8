"""Re-reading: what a run looks up about single deals just before it writes, and after an answer was lost."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from recyclekit.connectors.manifest import Capability
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import LINE
from recyclekit.models.tables import Table
from recyclekit.testing.bench import Edits, Looks
from recyclekit.testing.factories import create_task, set_fields
from recyclekit.testing.proving import Tier, proves
from recyclekit.testing.stand import Stand
from recyclekit.testing.suite.room import Room
from recyclekit.testing.suite.writing import one_of_each

READS, BACK, FIND = Capability.READ_DEALS, Capability.READ_BACK, Capability.FIND_BY_KEY


class Rereading(Room):
    """Tests of `read_back` and `find`."""

    @proves(Tier.GOLD, READS, witness=BACK)
    def test_exactly_the_deals_asked_for_are_read_back(self, stand: Stand) -> None:
        asked, wanted = stand.seed_deals(4)[1:3], stand.columns(Table.DEALS)
        frame = stand.reads_back().read_back(asked, {Table.DEALS: wanted})[Table.DEALS]
        assert sorted(frame[stand.column(Table.DEALS, "deal_id")]) == sorted(asked)
        wrong = {name: str(frame.schema[name]) for name in wanted if frame.schema.get(name) != pl.String}
        assert not wrong, f"String columns, as in Page.records: {wrong}"
        assert frame.schema.get(LINE) == pl.UInt64

    @proves(Tier.GOLD, READS, BACK)
    def test_a_deal_reads_back_as_its_page_showed_it(self, stand: Stand) -> None:
        asked = stand.seed_deals(3)
        now = stand.prints(stand.read_back(asked))
        assert now == {deal: now.get(deal) for deal in asked}
        assert now == {deal: print_ for deal, print_ in stand.prints(stand.snapshot()).items() if deal in now}

    @proves(Tier.GOLD, READS, BACK, needs=(Edits,))
    def test_an_edit_is_seen_at_once(self, stand: Stand) -> None:
        edited, left = stand.seed_deals(2)
        sink = stand.reads_back()
        before = stand.prints(stand.read_back([edited, left], sink))
        stand.people.edit(edited, {"lost_reason": "Price"})
        after = stand.prints(stand.read_back([edited, left], sink))
        assert before[edited] != after[edited], "a change by a person was not seen: it would be written over"
        assert before[left] == after[left]

    @proves(Tier.GOLD, READS, BACK, needs=(Edits,))
    def test_a_deal_that_is_gone_is_absent(self, stand: Stand) -> None:
        gone, left = stand.seed_deals(2)
        stand.people.delete(gone)
        assert list(stand.prints(stand.read_back([gone, left]))) == [left]

    @proves(Tier.GOLD, READS, BACK, Capability.WRITE_FIELDS, needs=(Edits, Looks))
    def test_a_deal_that_a_person_changed_is_not_written(self, stand: Stand) -> None:
        deals = stand.seed_deals(3)
        planned = stand.prints(stand.snapshot())
        actions = [set_fields(deal, stand.own()) for deal in deals]
        stand.people.edit(deals[1], {"lost_reason": "Price"})
        outcome = stand.run(actions, planned)
        assert [deal for deal, _ in outcome.skipped] == [deals[1]], outcome
        assert outcome.applied == 2
        assert stand.view.fields(deals[1])["recycle_track"] is None

    @proves(Tier.GOLD, READS, BACK, Capability.WRITE_FIELDS, needs=(Edits, Looks))
    def test_a_deal_that_is_gone_since_the_plan_is_skipped_and_harms_no_other(self, stand: Stand) -> None:
        deals = stand.seed_deals(3)
        planned = stand.prints(stand.snapshot())
        stand.people.delete(deals[1])
        outcome = stand.run([set_fields(deal, stand.own()) for deal in deals], planned)
        assert [deal for deal, _ in outcome.skipped] == [deals[1]], outcome
        assert outcome.applied == 2
        assert [stand.view.fields(deal)["recycle_track"] for deal in (deals[0], deals[2])] == ["timing"] * 2

    @proves(Tier.GOLD, witness=FIND)
    def test_find_tells_done_from_absent(self, stand: Stand) -> None:
        deal, other = stand.seed_deals(2)
        written, absent = one_of_each(stand, deal), one_of_each(stand, other)
        found = {receipt.key: receipt for receipt in stand.finds().find([*written, *absent])}
        assert {r.state for r in found.values()} == {ReceiptState.PLANNED}, f"nothing was written yet: {_said(found)}"
        stand.done(written)
        found = {receipt.key: receipt for receipt in stand.finds().find([*written, *absent])}
        assert {found[a.key].state for a in written} == {ReceiptState.DONE}, f"all of it was written: {_said(found)}"
        assert {found[a.key].state for a in absent} == {ReceiptState.PLANNED}, f"none of it was written: {_said(found)}"
        assert all(found[a.key].proof for a in written), "say what proves it"

    @proves(Tier.GOLD, FIND, Capability.WRITE_FIELDS)
    def test_fields_with_other_values_are_not_taken_for_ours(self, stand: Stand) -> None:
        deal = stand.seed_one()
        stand.done([set_fields(deal, stand.own())])
        (receipt,) = stand.finds().find([set_fields(deal, stand.own(recycle_track="no_budget"), run="r2")])
        assert receipt.state is ReceiptState.PLANNED, "other values stand there, so this write did not take effect"

    @proves(Tier.GOLD, FIND, Capability.WRITE_TASKS)
    def test_a_task_is_found_by_its_key_not_by_its_deal(self, stand: Stand) -> None:
        deal = stand.seed_one()
        stand.done([create_task(deal, stand.bench.owner, "first")])
        (receipt,) = stand.finds().find([create_task(deal, stand.bench.owner, "second")])
        assert receipt.state is ReceiptState.PLANNED, "another task of the deal was taken for this one"


def _said(receipts: Mapping[str, Receipt]) -> dict[str, str]:
    return {key: str(receipt.state) for key, receipt in receipts.items()}

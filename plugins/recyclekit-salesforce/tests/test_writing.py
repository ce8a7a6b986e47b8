"""Writing: what Salesforce does to those who write to it, and what is said of each record afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from recyclekit.errors import ConnectorError, QuotaError, RetryableError, SignInError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.tables import Table
from recyclekit.testing import create_task, enrol, set_fields
from recyclekit.testing.factories import OWN, undoing
from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.salesforce.fields import pick
from recyclekit_salesforce.sink import SalesforceSink
from recyclekit_salesforce.sink.ingest import to_csv
from recyclekit_salesforce.sink.rows import Row, chunks

from .conftest import Sink

DONE, FAILED, SKIPPED = ReceiptState.DONE, ReceiptState.FAILED, ReceiptState.SKIPPED
PLANNED, IN_DOUBT = ReceiptState.PLANNED, ReceiptState.IN_DOUBT
COLLECTION = "*/composite/sobjects*"


def seed(crm: SalesforceSandbox, count: int, **values: Any) -> list[str]:
    return list(
        crm.load(deals=[{"deal_id": f"d{n}", "crm_state": "lost", **values} for n in range(count)]).deals.values()
    )


def fields(deals: Sequence[str], **own: object) -> list[Action]:
    return [set_fields(deal, {**OWN, **own}) for deal in deals]


def track(crm: SalesforceSandbox, deal: str) -> object:
    return crm.objects["Opportunity"][deal].get("Recycle_Track__c")


def states(receipts: Sequence[Receipt]) -> dict[str, int]:
    listed = [receipt.state.value for receipt in receipts]
    return {state: listed.count(state) for state in sorted(set(listed))}


def by_key(receipts: Sequence[Receipt]) -> dict[str, Receipt]:
    return {receipt.key: receipt for receipt in receipts}


def tasks(crm: SalesforceSandbox) -> list[Any]:
    return [one for one in crm.org.store.living("Task") if one.get("Recycle_Key__c")]


# -- one row among many ------------------------------------------------------------------------------------------------


def test_a_200_with_a_failed_row_is_done_for_all_but_that_row(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 250)
    crm.faults.add(
        Fault(kind=FaultKind.POISON, record=deals[7], code="FIELD_CUSTOM_VALIDATION_EXCEPTION", field="Recycle_Hook__c")
    )
    receipts = by_key(sink().write(actions := fields(deals)))
    assert states([*receipts.values()]) == {"done": 249, "failed": 1}
    bad = receipts[actions[7].key]
    assert (bad.state, bad.code, bad.field) == (FAILED, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Recycle_Hook__c")
    assert crm.journal.count(COLLECTION) == 2


def test_a_locked_row_is_sent_again_alone_until_it_is_free(
    crm: SalesforceSandbox, sink: Sink, waits: list[float]
) -> None:
    deals = seed(crm, 30)
    crm.faults.add(Fault(kind=FaultKind.LOCK_ROW, record=deals[3], times=2))
    assert states(sink().write(fields(deals))) == {"done": 30}
    sizes = [len(call.json()["records"]) for call in crm.journal.calls(COLLECTION)]
    assert sizes == [30, 1, 1]
    assert len(waits) == 2


def test_a_row_that_stays_locked_is_left_for_later_and_not_called_dead(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 30)
    crm.faults.add(Fault(kind=FaultKind.LOCK_ROW, record=deals[3], times=None))
    receipts = by_key(sink().write(actions := fields(deals)))
    assert states([*receipts.values()]) == {"done": 29, "planned": 1}
    assert receipts[actions[3].key].code == "UNABLE_TO_LOCK_ROW"


def test_rows_that_fail_by_chance_are_each_told(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 50)
    crm.faults.add(
        Fault(kind=FaultKind.PARTIAL, path=COLLECTION, rows=9, code="STRING_TOO_LONG", field="Recycle_Hook__c")
    )
    receipts = by_key(sink().write(actions := fields(deals)))
    assert states([*receipts.values()]) == {"done": 41, "failed": 9}
    for deal, action in zip(deals, actions, strict=True):
        assert (receipts[action.key].state is DONE) == (track(crm, deal) == "timing")


def test_a_deal_that_is_gone_is_told_as_gone(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 20)
    crm.delete("Opportunity", deals[0])
    receipts = by_key(sink().write(actions := fields(deals)))
    assert (receipts[actions[0].key].state, receipts[actions[0].key].code) == (FAILED, "gone")


def test_a_value_that_a_restricted_picklist_lacks_is_one_dead_letter(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.org.type("Opportunity").add(pick("Recycle_Channel__c", "phone", "mail", restricted=True))
    one, other = seed(crm, 2)
    receipts = by_key(sink().write([*fields([one]), *(actions := fields([other], recycle_channel="pigeon"))]))
    bad = receipts[actions[0].key]
    assert (bad.state, bad.code) == (FAILED, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    assert track(crm, one) == "timing"


def test_a_field_that_may_not_be_written_stops_the_run_with_its_name(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.lock_fields("Opportunity", "Recycle_Hook__c")
    with pytest.raises(SignInError, match="Recycle_Hook__c"):
        sink().write(fields(seed(crm, 20)))


# -- whole calls -------------------------------------------------------------------------------------------------------


def test_an_answer_that_is_lost_leaves_doubt_only_where_repeating_is_not_safe(
    crm: SalesforceSandbox, sink: Sink
) -> None:
    deals = seed(crm, 20)
    crm.faults.add(Fault(kind=FaultKind.LOST_ANSWER, path="*/composite/sobjects"))
    assert states(sink().write(fields(deals))) == {"done": 20}, "the same values twice have one effect"
    crm.faults.add(Fault(kind=FaultKind.LOST_ANSWER, path="*/Recycle_Key__c"))
    writer, made = sink(), [create_task(deal, crm.org.person) for deal in deals]
    assert states(writer.write(made)) == {"in_doubt": 20}
    assert states(writer.find(made)) == {"done": 20}
    assert len(tasks(crm)) == 20


def test_a_lying_200_is_never_done(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 20)
    made = [create_task(deal, crm.org.person) for deal in deals]
    for body in (None, "[]", "{}", '[{"id": "00T000000000000", "success": true}]', '{"hasErrors": false}'):
        crm.faults.add(Fault(kind=FaultKind.LYING_200, path="*/Recycle_Key__c", body=body))
        assert states(sink().write(made)) == {"in_doubt": 20}, body
    assert not tasks(crm)
    assert states(sink().find(made)) == {"planned": 20}


def test_an_echo_of_another_id_proves_nothing(crm: SalesforceSandbox, sink: Sink) -> None:
    one, other = seed(crm, 2)
    body = f'[{{"id": "{other}", "success": true, "errors": []}}]'
    crm.faults.add(Fault(kind=FaultKind.LYING_200, path=COLLECTION, body=body))
    (receipt,) = sink(conditional_up_to=0).write(fields([one]))
    assert receipt.state is IN_DOUBT


def test_one_call_that_fails_does_not_touch_the_others(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 800)
    made = [create_task(deal, crm.org.person) for deal in deals]
    crm.faults.add(Fault(kind=FaultKind.LOST_ANSWER, path="*/Recycle_Key__c", skip=1))
    receipts = sink().write(made)
    assert states(receipts) == {"done": 600, "in_doubt": 200}
    assert crm.journal.count("*/Recycle_Key__c") == 4


def test_a_server_that_falls_silent_while_it_writes_leaves_doubt(crm: SalesforceSandbox, sink: Sink) -> None:
    (deal,) = seed(crm, 1)
    writer = sink(timeout=0.3)
    crm.faults.add(Fault(kind=FaultKind.LOST_ANSWER, how="silence", path="*/Recycle_Key__c"))
    (receipt,) = writer.write([action := create_task(deal, crm.org.person)])
    assert receipt.state is IN_DOUBT
    assert states(writer.find([action])) == {"done": 1}


def test_no_call_lets_one_bad_record_undo_the_others(crm: SalesforceSandbox, sink: Sink) -> None:
    (deal,) = seed(crm, 1)
    writer, action = sink(conditional_up_to=0), create_task(deal, crm.org.person)
    receipts = by_key(writer.write([*fields([deal]), action]))
    writer.undo([undoing(action, receipts[action.key].remote_id)])
    for call in crm.journal.calls(COLLECTION):
        assert b'"allOrNone": false' in call.body or "allOrNone=false" in call.query, call


def test_html_of_the_gateway_is_doubt_where_a_write_is_not_repeatable(crm: SalesforceSandbox, sink: Sink) -> None:
    (deal,) = seed(crm, 1)
    crm.faults.add(Fault(kind=FaultKind.HTML, status=502, path="*/Recycle_Key__c"))
    (receipt,) = sink().write([create_task(deal, crm.org.person)])
    assert receipt.state is IN_DOUBT


def test_a_spent_quota_stops_and_a_full_lane_waits(crm: SalesforceSandbox, sink: Sink, waits: list[float]) -> None:
    deals = seed(crm, 20)
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=403, policy="concurrent", path=COLLECTION, times=2))
    assert states(sink().write(fields(deals))) == {"done": 20}
    assert len(waits) == 2
    crm.faults.add(Fault(kind=FaultKind.DAILY_QUOTA, path=COLLECTION, times=None))
    with pytest.raises(QuotaError, match="24 hours"):
        sink().write(fields(deals))
    assert len(waits) == 2


def test_a_server_that_stays_away_raises_only_if_nothing_was_applied(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 300)
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=503, path=COLLECTION, times=None))
    with pytest.raises(RetryableError):
        sink().write(fields(deals))
    crm.faults.clear()
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=503, path=COLLECTION, times=None, skip=1))
    assert states(sink(parallel=1).write(fields(deals))) == {"done": 200, "planned": 100}


# -- somebody was faster -----------------------------------------------------------------------------------------------


def test_an_edit_between_the_check_and_the_write_is_not_written_over(crm: SalesforceSandbox, sink: Sink) -> None:
    (deal,) = seed(crm, 1, created_on=None)
    crm.touch("Opportunity", deal, LastModifiedDate="2026-01-01T00:00:00.000+0000")
    writer = sink()
    writer.read_back([deal], {Table.DEALS: ["Id"]})
    crm.edit("Opportunity", deal, NextStep="called them")
    (receipt,) = writer.write(fields([deal]))
    assert (receipt.state, receipt.code) == (SKIPPED, "changed")
    assert track(crm, deal) is None


def test_the_condition_survives_a_token_that_dies_on_the_way(crm: SalesforceSandbox, sink: Sink) -> None:
    """The SDK's own replay drops the header, and would write over the edit."""
    (deal,) = seed(crm, 1)
    crm.touch("Opportunity", deal, LastModifiedDate="2026-01-01T00:00:00.000+0000")
    writer = sink()
    writer.read_back([deal], {Table.DEALS: ["Id"]})
    crm.edit("Opportunity", deal, NextStep="called them")
    crm.faults.add(Fault(kind=FaultKind.TOKEN_EXPIRED, method="PATCH"))
    (receipt,) = writer.write(fields([deal]))
    assert [call.status for call in crm.journal.calls(method="PATCH")] == [401, 412]
    assert receipt.state is SKIPPED
    assert track(crm, deal) is None


def test_a_lost_answer_to_a_conditional_write_is_looked_up_not_repeated(crm: SalesforceSandbox, sink: Sink) -> None:
    (deal,) = seed(crm, 1)
    crm.touch("Opportunity", deal, LastModifiedDate="2026-01-01T00:00:00.000+0000")
    writer = sink()
    writer.read_back([deal], {Table.DEALS: ["Id"]})
    crm.faults.add(Fault(kind=FaultKind.LOST_ANSWER, method="PATCH"))
    (receipt,) = writer.write(actions := fields([deal]))
    assert receipt.state is IN_DOUBT
    assert crm.journal.count(method="PATCH") == 1
    assert states(writer.find(actions)) == {"done": 1}


# -- parents -----------------------------------------------------------------------------------------------------------


def test_rows_of_one_parent_stay_in_one_call() -> None:
    rows = [Row(set_fields(f"x{n}", {}), parent=f"p{n % 7}") for n in range(70)]
    calls = list(chunks(rows, most=25))
    assert sum(map(len, calls)) == 70
    homes = [{row.parent for row in call} for call in calls]
    assert sum(map(len, homes)) == 7, "a parent in two calls locks against itself"


def test_a_parent_with_more_rows_than_a_call_takes_is_split_and_nothing_is_lost() -> None:
    rows = [Row(set_fields(f"x{n}", {}), parent="a" if n < 60 else "b") for n in range(70)]
    calls = list(chunks(rows, most=25))
    assert [len(call) for call in calls] == [25, 25, 20]
    assert {row.action.deal_id for call in calls for row in call} == {f"x{n}" for n in range(70)}


# -- tasks -------------------------------------------------------------------------------------------------------------


def test_a_task_has_what_its_owner_needs_and_our_key(crm: SalesforceSandbox, sink: Sink) -> None:
    (deal,) = seed(crm, 1)
    (receipt,) = sink().write([action := create_task(deal, crm.org.person, subject="x" * 300)])
    task = crm.objects["Task"][str(receipt.remote_id)]
    assert (task.get("WhatId"), task.get("OwnerId"), task.get("ActivityDate")) == (deal, crm.org.person, "2027-04-01")
    assert (task.get("Status"), task.get("Priority"), len(task.get("Subject"))) == ("Not Started", "Normal", 255)
    assert task.get("Recycle_Key__c") == action.key
    assert "hook: the date that was named" in task.get("Description")


def test_owners_who_are_no_active_users_have_a_deputy_or_are_told(crm: SalesforceSandbox, sink: Sink) -> None:
    (deal,) = seed(crm, 1)
    left = crm.org.add_user("Left", active=False)
    made = [
        create_task(deal, owner, step) for step, owner in (("a", left), ("b", "inside_sales"), ("c", crm.org.person))
    ]
    receipts = sink().write(made)
    assert {r.key: r.code for r in receipts if r.state is FAILED} == {
        made[0].key: "unknown_owner",
        made[1].key: "unknown_owner",
    }
    assert states(sink(fallback_owner=crm.org.robot).write(made)) == {"done": 3}
    assert crm.journal.count("*/query") == 2


def test_a_task_is_removed_only_as_we_made_it(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 4)
    writer, made = sink(), [create_task(deal, crm.org.person) for deal in deals]
    ids = [str(receipt.remote_id) for receipt in writer.write(made)]
    crm.edit("Task", ids[0], Status="Completed")
    crm.edit("Task", ids[1], ActivityDate="2027-05-01")
    crm.delete("Task", ids[2])
    back = by_key(writer.undo(undo := [undoing(one, id_) for one, id_ in zip(made, ids, strict=True)]))
    assert [back[one.key].state for one in undo] == [SKIPPED, SKIPPED, DONE, DONE]
    assert [back[one.key].field for one in undo[:2]] == ["Status", "LastModifiedById"]
    assert {one.id for one in tasks(crm)} == set(ids[:2])
    assert [r.state for r in writer.undo(undo[2:])] == [DONE, DONE]


# -- fields, back ------------------------------------------------------------------------------------------------------


def test_fields_return_to_what_they_were_unless_a_person_changed_one(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 15)
    writer, actions = sink(), fields(deals)
    writer.write(actions)
    crm.edit("Opportunity", deals[0], Recycle_Hook__c="my own words")
    undo = [undoing(action, None) for action in actions]
    back = by_key(writer.undo(undo))
    assert [back[one.key].state for one in undo] == [SKIPPED, *[DONE] * 14]
    assert (track(crm, deals[0]), track(crm, deals[1])) == ("timing", None)
    assert states(writer.undo(undo[1:])) == {"done": 14}


# -- campaigns ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def enrolled(crm: SalesforceSandbox) -> tuple[str, str, str]:
    """A campaign, a deal and its contact."""
    loaded = crm.load(contacts=[{"contact_id": "c"}], deals=[{"deal_id": "d", "contact_id": "c", "crm_state": "lost"}])
    return crm.create("Campaign", Name="News", IsActive=True), loaded.deals["d"], loaded.contacts["c"]


def members(crm: SalesforceSandbox) -> list[Any]:
    return list(crm.org.store.living("CampaignMember"))


def test_who_is_a_member_already_stays_one_through_undo(
    crm: SalesforceSandbox, sink: Sink, enrolled: tuple[str, str, str]
) -> None:
    campaign, deal, contact = enrolled
    crm.create("CampaignMember", CampaignId=campaign, ContactId=contact)
    writer = sink(campaigns={"default": campaign})
    (receipt,) = writer.write([action := enrol(deal, "news")])
    assert (receipt.state, receipt.remote_id) == (DONE, None)
    (back,) = writer.undo([undoing(action, receipt.remote_id)])
    assert back.state is SKIPPED
    assert len(members(crm)) == 1


def test_an_opt_out_of_this_minute_is_heeded(
    crm: SalesforceSandbox, sink: Sink, enrolled: tuple[str, str, str]
) -> None:
    campaign, deal, contact = enrolled
    writer = sink(campaigns={"news": campaign})
    crm.edit("Contact", contact, HasOptedOutOfEmail=True)
    (receipt,) = writer.write([enrol(deal, "news")])
    assert (receipt.state, receipt.code) == (SKIPPED, "opted_out")
    assert not members(crm)


def test_an_enrolment_whose_answer_is_lost_is_found_and_not_doubled(
    crm: SalesforceSandbox, sink: Sink, enrolled: tuple[str, str, str]
) -> None:
    campaign, deal, _ = enrolled
    crm.faults.add(Fault(kind=FaultKind.LOST_ANSWER, path="*/composite/sobjects", method="POST"))
    writer = sink(campaigns={"news": campaign})
    (receipt,) = writer.write([action := enrol(deal, "news")])
    assert receipt.state is IN_DOUBT
    (found,) = writer.find([action])
    assert (found.state, found.remote_id) == (DONE, members(crm)[0].id)
    (back,) = writer.undo([undoing(action, found.remote_id)])
    assert back.state is DONE
    assert not members(crm)


def test_a_list_without_a_campaign_and_a_deal_without_a_contact_are_told(
    crm: SalesforceSandbox, sink: Sink, enrolled: tuple[str, str, str]
) -> None:
    campaign, deal, _ = enrolled
    (alone,) = seed(crm, 1)
    receipts = sink(campaigns={"news": campaign}).write([enrol(deal, "other"), enrol(alone, "news")])
    assert [receipt.code for receipt in receipts] == ["no_campaign", "no_contact"]


# -- Bulk API 2.0 ------------------------------------------------------------------------------------------------------


def bulk_sink(sink: Sink, **settings: Any) -> SalesforceSink:
    return sink(bulk_write_from=10, **settings)


def test_many_rows_go_in_one_bulk_job_and_each_has_its_fate(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 40)
    crm.faults.add(Fault(kind=FaultKind.POISON, record=deals[5], code="STRING_TOO_LONG", field="Recycle_Hook__c"))
    hook = 'two\nlines, "quoted" and 日本語'
    receipts = by_key(bulk_sink(sink).write(actions := fields(deals, recycle_hook=hook)))
    assert states([*receipts.values()]) == {"done": 39, "failed": 1}
    bad = receipts[actions[5].key]
    assert (bad.code, bad.field) == ("STRING_TOO_LONG", "Recycle_Hook__c")
    assert crm.objects["Opportunity"][deals[0]].get("Recycle_Hook__c") == hook
    assert crm.journal.count("*/jobs/ingest", method="POST") == 1
    assert not crm.journal.count(COLLECTION)


def test_bulk_clears_what_is_none_and_leaves_alone_what_is_not_named(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 20)
    writer = bulk_sink(sink)
    writer.write(fields(deals))
    changed = [set_fields(deal, {"recycle_hook": None, "recycle_cycle": 2}, run="r2") for deal in deals]
    assert states(writer.write(changed)) == {"done": 20}
    deal = crm.objects["Opportunity"][deals[0]]
    assert (deal.get("Recycle_Hook__c"), deal.get("Recycle_Cycle__c")) == (None, 2)
    assert deal.get("Recycle_Track__c") == "timing"


def test_rows_with_different_fields_leave_each_others_alone() -> None:
    rows = [
        Row(set_fields("a", {}), {"id": "a", "X__c": None, "Y__c": "1,2"}),
        Row(set_fields("b", {}), {"id": "b", "Z__c": "two\nlines"}),
    ]
    assert to_csv(rows, "Id").decode() == 'Id,X__c,Y__c,Z__c\na,#N/A,"1,2",\nb,,,"two\nlines"\n'


def test_tasks_are_upserted_in_bulk_by_key(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 20)
    made = [create_task(deal, crm.org.person) for deal in deals]
    writer = bulk_sink(sink)
    assert states(writer.write(made)) == {"done": 20}
    assert states(writer.write(made)) == {"done": 20}
    assert sorted(one.get("Recycle_Key__c") for one in tasks(crm)) == sorted(one.key for one in made)


def test_rows_that_bulk_found_locked_go_again_in_small_calls(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 20)
    crm.faults.add(Fault(kind=FaultKind.LOCK_ROW, record=deals[3], times=1))
    assert states(bulk_sink(sink).write(fields(deals))) == {"done": 20}
    assert [len(call.json()["records"]) for call in crm.journal.calls(COLLECTION)] == [1]


@pytest.mark.parametrize("path", ["*/jobs/ingest", "*/batches", "*/jobs/ingest/750*", "*Results*"])
@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.STATUS, FaultKind.LYING_200, FaultKind.CUT_OFF])
def test_a_bulk_job_survives_any_single_fault_on_its_way(
    crm: SalesforceSandbox, sink: Sink, path: str, kind: FaultKind
) -> None:
    deals = seed(crm, 20)
    crm.faults.add(Fault(kind=kind, path=path))
    writer, actions = bulk_sink(sink), fields(deals)
    receipts = by_key(writer.write(actions))
    doubtful = [one for one in actions if receipts[one.key].state is IN_DOUBT]
    assert {receipt.state for receipt in receipts.values()} <= {DONE, IN_DOUBT}
    found = by_key(writer.find(doubtful))
    for deal, action in zip(deals, actions, strict=True):
        told = found.get(action.key, receipts[action.key]).state
        assert (told is DONE) == (track(crm, deal) == "timing")


def test_a_bulk_job_that_fails_is_told_row_by_row_from_what_it_did(crm: SalesforceSandbox, sink: Sink) -> None:
    deals = seed(crm, 20)
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=500, path="*/successfulResults*", times=None))
    receipts = bulk_sink(sink).write(fields(deals))
    assert states(receipts) == {"in_doubt": 20}


# -- calls -------------------------------------------------------------------------------------------------------------


def test_what_is_left_of_the_quota_leaves_others_their_share(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.quota.limit = 1_000
    assert sink(keep_calls=0.5).calls_left() == pytest.approx(499, abs=3)


def test_a_hidden_limit_page_is_made_up_for_by_the_header(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.quota.limit = 1_000
    writer = sink()
    writer.preflight([])
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=403, path="*/limits", code="INSUFFICIENT_ACCESS", times=None))
    assert writer.calls_left() == pytest.approx(898, abs=12)


def test_reading_stops_before_it_eats_the_share_of_others(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.quota.limit = 10
    writer = sink(keep_calls=0.5)
    asked = (writer.calls_left() for _ in range(10))
    with pytest.raises(QuotaError, match="left to others"):
        list(asked)
    assert crm.journal.count("/services/data/*") <= 5


def test_a_batch_that_is_too_large_is_a_fault_of_the_caller(sink: Sink) -> None:
    with pytest.raises(ConnectorError):
        sink(batch_size=2).write(fields(["a", "b", "c"]))


def test_an_unknown_fate_of_a_later_kind_does_not_hide_what_was_done_before(crm: SalesforceSandbox, sink: Sink) -> None:
    (deal,) = seed(crm, 1)
    crm.faults.add(Fault(kind=FaultKind.DAILY_QUOTA, path="*/Recycle_Key__c", times=None))
    receipts = by_key(sink().write([*(first := fields([deal])), second := create_task(deal, crm.org.person)]))
    assert receipts[first[0].key].state is DONE
    assert receipts[second.key].state is PLANNED


def test_a_field_that_is_not_ours_is_never_written(crm: SalesforceSandbox, sink: Sink) -> None:
    (deal,) = seed(crm, 1)
    action = replace(set_fields(deal, {}), payload={"amount": 5})
    (receipt,) = sink().write([action])
    assert (receipt.state, receipt.code) == (FAILED, "unknown_field")
    assert not crm.journal.count(method="PATCH")

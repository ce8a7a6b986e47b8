"""Writing: proof for each action, one effect for each key, and a way back that overrules no person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from recyclekit.connectors import FindsByKey, KnowsQuota, ReadsBack, SetsUp, Sink, Undoes
from recyclekit.errors import RefusedError, RetryableError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.tables import Table
from recyclekit.testing.factories import OWN, create_task, enrol, set_fields, undoing
from recyclekit.testing.sandbox.faults import Fault, FaultKind
from recyclekit_hubspot.answers import Answer
from recyclekit_hubspot.columns import ID
from recyclekit_hubspot.transport import Call, Transport

from .conftest import Opener, Portal

KINDS = (ActionKind.SET_FIELDS, ActionKind.CREATE_TASK, ActionKind.ENROL)


@pytest.fixture
def owner(portal: Portal) -> str:
    portal.crm.load(deals=[{"deal_id": "owned", "crm_state": "won", "owner": "sato"}])
    return next(iter(portal.crm.portal.owners))


def states(receipts: Sequence[Receipt]) -> list[str]:
    return [str(receipt.state) for receipt in receipts]


def by_key(receipts: Sequence[Receipt]) -> dict[str, Receipt]:
    return {receipt.key: receipt for receipt in receipts}


def fields_of(portal: Portal, deal: str) -> dict[str, str | None]:
    properties = portal.crm.objects["deals"][deal].properties
    return {name: properties.get(name) for name in OWN}


def tasks_of(portal: Portal, deal: str) -> list[str]:
    tasks = portal.crm.portal.links.of("deals", deal, "tasks")
    return [one for one in tasks if portal.crm.objects["tasks"].live(one)]


def test_the_sink_keeps_every_protocol(portal: Portal) -> None:
    sink = portal.sink()
    for protocol in (Sink, ReadsBack, FindsByKey, Undoes, KnowsQuota, SetsUp):
        assert isinstance(sink, protocol)
    assert sink.batch_size == 800


# -- fields -------------------------------------------------------------------------------------------------------


def test_own_fields_are_written_a_hundred_together_and_proven_by_id(portal: Portal) -> None:
    deals = portal.deals(250)
    receipts = portal.sink().write([set_fields(deal, OWN) for deal in deals])
    assert set(states(receipts)) == {"done"}
    assert {r.remote_id for r in receipts} == set(deals)
    assert portal.crm.journal.count("*/deals/batch/update") == 3
    expected = {name: "" if value is None else str(value) for name, value in OWN.items()}
    assert all({k: v or "" for k, v in fields_of(portal, deal).items()} == expected for deal in deals)


def test_nothing_clears_a_field(portal: Portal) -> None:
    [deal] = portal.deals(1)
    sink = portal.sink()
    sink.write([set_fields(deal, OWN)])
    sink.write([set_fields(deal, dict.fromkeys(OWN), run="r2")])
    assert not any(fields_of(portal, deal).values())


def test_only_our_own_fields_are_written(portal: Portal) -> None:
    [deal] = portal.deals(1)
    [receipt] = portal.sink().write([set_fields(deal, {"amount": "1"})])
    assert (receipt.state, receipt.code, receipt.field) == (ReceiptState.FAILED, "unknown_field", "amount")


def test_a_deal_that_is_gone_does_not_hold_up_the_others(portal: Portal) -> None:
    deals = portal.deals(5)
    portal.crm.archive("deals", deals[2])
    receipts = by_key(portal.sink().write([set_fields(deal, OWN) for deal in deals]))
    gone = receipts[set_fields(deals[2], OWN).key]
    assert (gone.state, gone.code) == (ReceiptState.FAILED, "gone")
    assert sorted(states(receipts.values())) == ["done"] * 4 + ["failed"]


def test_one_deal_written_twice_in_a_batch_ends_as_the_second_says(portal: Portal) -> None:
    [deal] = portal.deals(1)
    first, second = set_fields(deal, {"recycle_track": "a"}), set_fields(deal, {"recycle_track": "b"}, run="r2")
    assert states(portal.sink().write([first, second])) == ["done", "done"]
    assert fields_of(portal, deal)["recycle_track"] == "b"


def test_a_poisoned_record_is_set_aside_with_code_and_field_in_one_call(portal: Portal) -> None:
    deals = portal.deals(100)
    portal.crm.faults.add(
        Fault(kind=FaultKind.POISON, record=deals[41], code="INVALID_LONG_STRING", field="recycle_hook")
    )
    receipts = portal.sink().write([set_fields(deal, OWN) for deal in deals])
    [bad] = [r for r in receipts if r.state is ReceiptState.FAILED]
    assert (bad.key, bad.code, bad.field) == (set_fields(deals[41], OWN).key, "INVALID_LONG_STRING", "recycle_hook")
    assert states(receipts).count("done") == 99
    assert portal.crm.journal.count("*/deals/batch/update") == 1


def test_what_is_locked_is_sent_again_until_it_is_free(portal: Portal) -> None:
    deals = portal.deals(10)
    portal.crm.faults.add(Fault(kind=FaultKind.LOCK_ROW, record=deals[3], times=2))
    assert set(states(portal.sink().write([set_fields(deal, OWN) for deal in deals]))) == {"done"}
    assert [len(c.json()["inputs"]) for c in portal.crm.journal.calls("*/batch/update")] == [10, 1, 1]


def test_what_stays_locked_is_unsent_and_not_refused(portal: Portal) -> None:
    deals = portal.deals(2)
    portal.crm.faults.add(Fault(kind=FaultKind.LOCK_ROW, record=deals[0], times=None))
    receipts = by_key(portal.sink().write([set_fields(deal, OWN) for deal in deals]))
    locked = receipts[set_fields(deals[0], OWN).key]
    assert (locked.state, locked.code) == (ReceiptState.PLANNED, "RECORD_LOCKED")


def test_a_partial_answer_is_completed(portal: Portal) -> None:
    deals = portal.deals(50)
    portal.crm.faults.add(Fault(kind=FaultKind.PARTIAL, rows=7))
    assert set(states(portal.sink().write([set_fields(deal, OWN) for deal in deals]))) == {"done"}


def test_one_part_that_fails_does_not_take_the_others_with_it(portal: Portal) -> None:
    deals = portal.deals(300)
    sink = portal.sink(tries=1, threads=1)
    portal.crm.faults.add(Fault(kind=FaultKind.STATUS, status=429, path="*/batch/update", skip=1, retry_after=1))
    receipts = sink.write([set_fields(deal, OWN) for deal in deals])
    assert states(receipts) == ["done"] * 100 + ["planned"] * 100 + ["done"] * 100


def test_where_nothing_was_applied_the_error_itself_is_raised(portal: Portal) -> None:
    deals = portal.deals(300)
    portal.crm.faults.add(Fault(kind=FaultKind.STATUS, status=429, path="*/batch/update", times=None, retry_after=3))
    with pytest.raises(RetryableError) as raised:
        portal.sink(tries=2).write([set_fields(deal, OWN) for deal in deals])
    assert raised.value.retry_after == 3


def test_other_names_for_our_fields_are_used_everywhere(portal: Portal) -> None:
    portal.crm.portal.definitions["deals"].define("our_track", type="string")
    [deal] = portal.deals(1)
    sink = portal.sink(own_fields={"recycle_track": "our_track"})
    action = set_fields(deal, {"recycle_track": "timing"})
    assert states(sink.write([action])) == ["done"]
    assert portal.crm.objects["deals"][deal].properties["our_track"] == "timing"
    assert states(sink.find([action])) == ["done"]
    fields = portal.source(own_fields={"recycle_track": "our_track"}).mapped().fields[Table.DEALS]
    assert fields["recycle_track"].column == "our_track"


# -- tasks --------------------------------------------------------------------------------------------------------


def test_a_task_has_our_key_its_deal_its_contact_and_is_due_in_the_morning_of_the_business(
    portal: Portal, owner: str
) -> None:
    made = portal.crm.load(contacts=[{"contact_id": "P"}], deals=[{"deal_id": "D", "contact_id": "P"}])
    deal, person = made.deals["D"], made.contacts["P"]
    action = create_task(deal, owner, rule="<b>")
    [receipt] = portal.sink().write([action])
    assert receipt.state is ReceiptState.DONE
    [task] = tasks_of(portal, deal)
    properties = portal.crm.objects["tasks"][task].properties
    assert receipt.remote_id == task
    assert properties["recycle_key"] == action.key
    assert properties["hs_timestamp"] == "2027-04-01T00:00:00Z"  # nine in the morning in Tokyo
    assert properties["hs_task_subject"] == "失注案件の再アプローチ"
    assert properties["hs_task_type"] == "CALL"
    assert properties["hubspot_owner_id"] == owner
    assert "the date that was named" in str(properties["hs_task_body"])
    assert "&lt;b&gt;" in str(properties["hs_task_body"]), "what the policy says is text, not HTML"
    assert list(portal.crm.portal.links.of("tasks", task, "contacts")) == [person]


def test_the_same_task_twice_is_one_task(portal: Portal, owner: str) -> None:
    deals = portal.deals(120)
    actions = [create_task(deal, owner) for deal in deals]
    sink = portal.sink()
    first, second = by_key(sink.write(actions)), by_key(sink.write(actions))
    assert set(states(second.values())) == {"done"}
    assert {k: r.remote_id for k, r in first.items()} == {k: r.remote_id for k, r in second.items()}
    assert len(portal.crm.objects["tasks"]) == 120


def test_of_tasks_that_are_half_there_only_the_others_are_made(portal: Portal, owner: str) -> None:
    deals = portal.deals(10)
    actions = [create_task(deal, owner) for deal in deals]
    sink = portal.sink()
    sink.write(actions[::2])
    assert set(states(sink.write(actions))) == {"done"}
    assert len(portal.crm.objects["tasks"]) == 10


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_task_whose_answer_is_lost_is_looked_up_and_not_made_twice(portal: Portal, owner: str, how: str) -> None:
    deals = portal.deals(30)
    portal.crm.faults.add(Fault(kind=FaultKind.LOST_ANSWER, path="*/tasks/batch/create", how=how))
    assert set(states(portal.sink().write([create_task(deal, owner) for deal in deals]))) == {"done"}
    assert len(portal.crm.objects["tasks"]) == 30
    assert portal.crm.journal.count("*/tasks/batch/create") == 1


def test_a_task_that_was_never_made_is_sent_again(portal: Portal, owner: str) -> None:
    [deal] = portal.deals(1)
    portal.crm.faults.add(
        Fault(kind=FaultKind.LYING_200, path="*/tasks/batch/create"),
        Fault(kind=FaultKind.LYING_200, path="*/tasks/batch/create", body='{"status":"COMPLETE","results":[]}'),
    )
    assert states(portal.sink().write([create_task(deal, owner)])) == ["done"]
    assert portal.crm.journal.count("*/tasks/batch/create") == 3
    assert len(tasks_of(portal, deal)) == 1


def test_where_nobody_can_look_a_task_stays_in_doubt(portal: Portal, owner: str) -> None:
    [deal] = portal.deals(1)
    portal.crm.faults.add(
        Fault(kind=FaultKind.LOST_ANSWER, path="*/tasks/batch/create"),
        Fault(kind=FaultKind.STATUS, status=503, path="*/tasks/batch/read", times=None),
    )
    assert states(portal.sink().write([create_task(deal, owner)])) == ["in_doubt"]


def test_a_poisoned_task_is_set_aside(portal: Portal, owner: str) -> None:
    deals = portal.deals(20)
    actions = [create_task(deal, owner) for deal in deals]
    portal.crm.faults.add(
        Fault(kind=FaultKind.POISON, record=actions[5].key, code="INVALID_DATE", field="hs_timestamp")
    )
    receipts = by_key(portal.sink().write(actions))
    bad = receipts[actions[5].key]
    assert (bad.state, bad.code, bad.field) == (ReceiptState.FAILED, "INVALID_DATE", "hs_timestamp")
    assert states(receipts.values()).count("done") == 19


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[int]]:
    """Let a call that would create a certain task be refused as a whole; return the sizes of all that were sent."""

    def refuse(key: str) -> list[int]:
        sent: list[int] = []
        real = Transport.ask

        def ask(self: Transport, call: Call, read: Callable[[Answer], object]) -> object:
            if not call.path.endswith("/tasks/batch/create"):
                return real(self, call, read)
            assert isinstance(call.body, dict)
            keys = [key for one in call.body["inputs"] for key in one["properties"].values()]
            sent.append(len(call.body["inputs"]))
            if key in keys:
                raise RefusedError("Property values were not valid.", code="INVALID_DATE")
            return real(self, call, read)

        monkeypatch.setattr(Transport, "ask", ask)
        return sent

    return refuse


@pytest.mark.parametrize("poisoned", [0, 37, 99])
def test_a_task_that_sinks_its_call_is_found_by_halving(
    portal: Portal, owner: str, refusing: Callable[[str], list[int]], poisoned: int
) -> None:
    actions = [create_task(deal, owner) for deal in portal.deals(100)]
    sent = refusing(actions[poisoned].key)
    receipts = portal.sink().write(actions)
    assert [receipt.key for receipt in receipts] == [action.key for action in actions]
    bad = receipts[poisoned]
    assert (bad.state, bad.code) == (ReceiptState.FAILED, "INVALID_DATE")
    assert states(receipts).count("done") == len(portal.crm.objects["tasks"]) == 99
    assert len(sent) <= 15  # 1, and 2 for each of 7 halvings


def test_halves_share_what_is_sent_again_after_doubt(
    portal: Portal, owner: str, refusing: Callable[[str], list[int]]
) -> None:
    """All that is not refused is answered with rubbish, and nothing is made: no half tries so often for itself."""
    actions = [create_task(deal, owner) for deal in portal.deals(100)]
    sent = refusing(actions[99].key)
    portal.crm.faults.add(Fault(kind=FaultKind.LYING_200, path="*/tasks/batch/create", times=None))
    receipts = portal.sink().write(actions)
    assert states(receipts) == ["planned"] * 99 + ["failed"], "looked up and absent: left to the next attempt"
    assert len(sent) <= 15 + 5  # six tries are five times again


def test_what_is_done_when_the_day_ends_is_not_forgotten(
    portal: Portal, owner: str, refusing: Callable[[str], list[int]]
) -> None:
    actions = [create_task(deal, owner) for deal in portal.deals(10)]
    refusing(actions[9].key)
    portal.crm.faults.add(Fault(kind=FaultKind.DAILY_QUOTA, path="*/tasks/batch/create", skip=1, times=None))
    assert states(portal.sink().write(actions)) == ["done"] * 5 + ["planned"] * 5


def test_a_task_is_not_given_to_somebody_who_left_or_never_was(portal: Portal, owner: str) -> None:
    [deal] = portal.deals(1)
    portal.crm.portal.owners[owner].archived = True
    sink = portal.sink()
    left, never = sink.write([create_task(deal, owner), create_task(deal, "inside_sales", step="second")])
    assert (left.code, never.code) == ("inactive_owner", "unknown_owner")
    assert not tasks_of(portal, deal)


# -- enrolments ---------------------------------------------------------------------------------------------------


@pytest.fixture
def enrolled(portal: Portal) -> tuple[str, str, str]:
    """Return a deal, its contact and a list."""
    made = portal.crm.load(
        contacts=[{"contact_id": "p@example.com", "lifecyclestage": "opportunity"}],
        deals=[{"deal_id": "D", "contact_id": "p@example.com"}],
    )
    return made.deals["D"], made.contacts["p@example.com"], portal.crm.add_list("nurture")


def test_a_contact_joins_the_list_of_its_track(portal: Portal, enrolled: tuple[str, str, str]) -> None:
    deal, person, members = enrolled
    action = enrol(deal, "newsletter")
    sink = portal.sink(lists={"newsletter": members})
    [receipt] = sink.write([action])
    assert (receipt.state, receipt.remote_id) == (ReceiptState.DONE, f"{members}/{person}")
    assert list(portal.crm.portal.lists[members].members) == [person]
    assert states(sink.find([action])) == ["done"]
    assert states(sink.undo([undoing(action, receipt.remote_id)])) == ["done"]
    assert not portal.crm.portal.lists[members].members
    assert states(sink.find([action])) == ["planned"]


def test_who_was_on_the_list_before_stays_on_it(portal: Portal, enrolled: tuple[str, str, str]) -> None:
    deal, person, members = enrolled
    portal.crm.portal.lists[members].put([person], "2026-01-01T00:00:00Z")
    action, sink = enrol(deal, "newsletter"), portal.sink(lists={"newsletter": members})
    [receipt] = sink.write([action])
    assert receipt.state is ReceiptState.DONE
    assert states(sink.undo([undoing(action, receipt.remote_id)])) == ["skipped"]
    assert portal.crm.portal.lists[members].members


def test_who_opted_out_since_the_plan_is_not_enrolled(portal: Portal, enrolled: tuple[str, str, str]) -> None:
    deal, _, members = enrolled
    portal.crm.unsubscribe("p@example.com")
    [receipt] = portal.sink(lists={"newsletter": members}).write([enrol(deal, "newsletter")])
    assert (receipt.state, receipt.code) == (ReceiptState.SKIPPED, "opted_out")
    assert not portal.crm.portal.lists[members].members


def test_without_a_list_or_a_contact_nobody_is_enrolled(portal: Portal, enrolled: tuple[str, str, str]) -> None:
    deal, _, members = enrolled
    [alone] = portal.deals(1)
    sink = portal.sink(lists={"newsletter": members})
    receipts = by_key(sink.write([enrol(deal, "other"), enrol(alone, "newsletter")]))
    assert {r.code for r in receipts.values()} == {"no_list", "no_contact"}


def test_a_lifecycle_stage_goes_back_by_being_cleared_first(portal: Portal, enrolled: tuple[str, str, str]) -> None:
    deal, person, members = enrolled
    sink = portal.sink(lists={"newsletter": members}, lifecycle_stage="lead")
    assert states(sink.write([enrol(deal, "newsletter")])) == ["done"]
    assert portal.crm.objects["contacts"][person].properties["lifecyclestage"] == "lead"
    calls = [call.json()["inputs"][0]["properties"] for call in portal.crm.journal.calls("*/contacts/batch/update")]
    assert calls == [{"lifecyclestage": ""}, {"lifecyclestage": "lead"}]


def test_a_lifecycle_stage_is_left_alone_unless_it_is_asked_for(portal: Portal, enrolled: tuple[str, str, str]) -> None:
    deal, person, members = enrolled
    portal.sink(lists={"newsletter": members}).write([enrol(deal, "newsletter")])
    assert portal.crm.objects["contacts"][person].properties["lifecyclestage"] == "opportunity"


# -- looking, and taking back -------------------------------------------------------------------------------------


def test_what_took_effect_is_found_and_what_did_not_is_proven_absent(portal: Portal, owner: str) -> None:
    one, other = portal.deals(2)
    sink = portal.sink()
    written = [set_fields(one, OWN), create_task(one, owner)]
    absent = [set_fields(other, OWN), create_task(other, owner)]
    sink.write(written)
    assert states(sink.find(written)) == ["done", "done"]
    assert states(sink.find(absent)) == ["planned", "planned"]


def test_undo_puts_back_what_nobody_touched(portal: Portal, owner: str) -> None:
    one, other = portal.deals(2)
    sink = portal.sink()
    old = {"recycle_track": "before", "recycle_cycle": 1}
    sink.write([set_fields(one, old, run="r0")])
    new = {"recycle_track": "after", "recycle_cycle": 2, "recycle_next_on": "2027-05-01"}
    action = set_fields(one, new, before={**dict.fromkeys(new), **old})
    task = create_task(other, owner)
    receipts = by_key(sink.write([action, task]))
    undo = [undoing(action, receipts[action.key].remote_id), undoing(task, receipts[task.key].remote_id)]
    assert states(sink.undo(undo)) == ["done", "done"]
    assert fields_of(portal, one) == {**dict.fromkeys(OWN), "recycle_track": "before", "recycle_cycle": "1"}
    assert not tasks_of(portal, other)
    assert states(sink.undo(undo)) == ["done", "done"], "the same undo twice has one effect"


def test_undo_leaves_what_a_person_changed(portal: Portal, owner: str) -> None:
    deal, other = portal.deals(2)
    sink = portal.sink()
    action, task = set_fields(deal, OWN), create_task(other, owner)
    receipts = by_key(sink.write([action, task]))
    portal.crm.edit("deals", deal, {"recycle_next_on": "2030-01-01"})
    [made] = tasks_of(portal, other)
    portal.crm.edit("tasks", made, {"hs_task_status": "COMPLETED"})
    undo = [undoing(a, receipts[a.key].remote_id) for a in (action, task)]
    found = by_key(sink.undo(undo))
    assert set(states(found.values())) == {"skipped"}
    assert found[undo[0].key].field == "recycle_next_on"
    assert fields_of(portal, deal)["recycle_track"] == "timing"
    assert tasks_of(portal, other)


@pytest.mark.parametrize(
    "change",
    [{"hs_timestamp": "2027-06-01T00:00:00Z"}, {"hs_task_subject": "Mine"}, {"hubspot_owner_id": "1"},
     {"hs_task_status": "IN_PROGRESS"}],
)  # fmt: skip
def test_a_task_that_somebody_moved_renamed_or_took_stays(portal: Portal, owner: str, change: dict[str, str]) -> None:
    [deal] = portal.deals(1)
    sink, action = portal.sink(), create_task(deal, owner)
    [receipt] = sink.write([action])
    portal.crm.edit("tasks", str(receipt.remote_id), change)
    [undone] = sink.undo([undoing(action, receipt.remote_id)])
    assert (undone.state, undone.code) == (ReceiptState.SKIPPED, "changed")


def test_a_task_is_removed_by_the_key_that_a_later_plan_names(portal: Portal, owner: str) -> None:
    [deal] = portal.deals(1)
    sink, made = portal.sink(), create_task(deal, owner)
    sink.write([made])
    payload = {
        "key": made.key,
        "due_on": "2027-04-01",
        "channel": "phone",
        "owner": owner,
        "step": "first",
        "track": "x",
    }
    removal = replace(made, key=f"{made.key}:remove:r2", kind=ActionKind.REMOVE_TASK, payload=payload)
    assert states(sink.undo([removal])) == ["done"]
    assert not tasks_of(portal, deal)


# -- reading back -------------------------------------------------------------------------------------------------


def test_deals_are_read_back_with_all_that_decides_on_them(portal: Portal) -> None:
    made = portal.crm.load(
        contacts=[{"contact_id": "P"}],
        accounts=[{"account_id": "A", "country": "JP"}],
        deals=[{"deal_id": "D", "crm_state": "lost", "contact_id": "P", "account_id": "A"}, {"deal_id": "E"}],
        activities=[
            {"activity_id": "1", "deal_id": "D", "kind": "call", "at": "2026-05-01T01:00:00Z"},
            {"activity_id": "2", "contact_id": "P", "kind": "email", "at": "2026-05-02T01:00:00Z"},
            {"activity_id": "3", "deal_id": "E", "kind": "note", "at": "2026-05-03T01:00:00Z"},
        ],
    )
    wanted = {
        Table.DEALS: [ID, "dealstage", "contacts.id"],
        Table.CONTACTS: [ID, "hs_email_optout"],
        Table.ACTIVITIES: ["id", "deal_id", "contact_id", "kind"],
        Table.ACCOUNTS: [ID],
    }
    found = portal.sink().read_back([made.deals["D"], "12345"], wanted)
    assert found[Table.DEALS].select(ID, "contacts.id").rows() == [(made.deals["D"], made.contacts["P"])]
    assert found[Table.CONTACTS][ID].to_list() == [made.contacts["P"]]
    assert found[Table.ACCOUNTS][ID].to_list() == [made.accounts["A"]]
    assert sorted(found[Table.ACTIVITIES].select("id", "deal_id").rows()) == sorted(
        [(made.activities["1"], made.deals["D"]), (made.activities["2"], None)]
    )


def test_a_deal_that_one_answer_leaves_out_is_not_taken_for_gone(portal: Portal) -> None:
    deals = portal.deals(5)
    portal.crm.faults.add(Fault(kind=FaultKind.PARTIAL, rows=2, path="*/deals/batch/read"))
    found = portal.sink().read_back(deals, {Table.DEALS: [ID]})
    assert sorted(found[Table.DEALS][ID]) == sorted(deals)


def test_reading_back_sees_at_once_what_search_does_not_know_yet(portal: Portal) -> None:
    [deal] = portal.deals(1)
    portal.crm.fall_behind(3_600)
    portal.crm.edit("deals", deal, {"dealname": "just now"})
    found = portal.sink().read_back([deal], {Table.DEALS: [ID, "dealname"]})
    assert found[Table.DEALS]["dealname"].to_list() == ["just now"]
    assert not portal.crm.journal.calls("*/search")


# -- before the first write ---------------------------------------------------------------------------------------


def test_what_is_missing_is_listed_created_and_then_there(opened: Opener) -> None:
    portal = opened(own_fields=False)
    portal.crm.load(deals=[{"deal_id": "1", "crm_state": "won", "owner": "sato"}])
    sink = portal.sink()
    listed = sink.missing(KINDS)
    assert len(listed) == 9
    assert "The property recycle_next_on (date) on deals is missing." in {one.what for one in listed}
    made = sink.set_up(KINDS)
    assert len(made) == 9
    assert {one.level for one in made} == {"note"}
    assert not sink.missing(KINDS)
    assert not sink.set_up(KINDS)
    definitions = portal.crm.portal.definitions
    assert definitions["tasks"]["recycle_key"].unique
    assert definitions["deals"]["recycle_cycle"].type == "number"
    assert states(sink.write([set_fields("1", OWN)])) == ["done"]


def test_half_a_set_up_is_completed(opened: Opener) -> None:
    portal = opened(own_fields=False)
    sink = portal.sink()
    sink.set_up([ActionKind.SET_FIELDS])
    assert [one.what for one in sink.missing(KINDS)] == ["The property recycle_key (string) on tasks is missing."]
    # Somebody else creates it between our look and our call.
    portal.crm.define_own_fields()
    assert sink.set_up(KINDS) == []


def test_a_property_of_another_type_or_without_unique_values_stands_in_the_way(opened: Opener) -> None:
    portal = opened(own_fields=False)
    portal.crm.portal.definitions["deals"].define("recycle_next_on", type="string")
    portal.crm.portal.definitions["tasks"].define("recycle_key", type="string")
    said = {one.where: one for one in portal.sink().preflight(KINDS)}
    assert "of type string, not date" in said["hubspot deals.recycle_next_on"].what
    assert "unique" in said["hubspot tasks.recycle_key"].what


def test_a_list_that_is_missing_or_not_static_stands_in_the_way(portal: Portal, owner: str) -> None:
    dynamic, static = portal.crm.add_list("d", processing="DYNAMIC"), portal.crm.add_list("s")
    deals = portal.crm.add_list("deals", kind="deals")
    sink = portal.sink(lists={"a": dynamic, "b": static, "c": "99", "d": deals})
    said = {one.where: one.what for one in sink.preflight([ActionKind.ENROL])}
    assert set(said) == {"hubspot lists.a", "hubspot lists.c", "hubspot lists.d"}
    assert "not static" in said["hubspot lists.a"]
    assert [one.where for one in portal.sink().preflight([ActionKind.ENROL])] == ["hubspot lists"]


def test_without_anybody_to_give_tasks_to_there_is_a_finding(portal: Portal) -> None:
    portal.crm.portal.owners.clear()
    assert [one.where for one in portal.sink().preflight([ActionKind.CREATE_TASK])] == ["hubspot owners"]


def test_a_missing_scope_is_named_before_the_first_write(portal: Portal) -> None:
    portal.crm.sign_in.scopes.discard("crm.objects.owners.read")
    found = portal.sink().preflight(KINDS)
    assert any("crm.objects.owners.read" in one.what for one in found)


@pytest.mark.parametrize("scope", ["crm.objects.deals.write", "crm.objects.contacts.write", "crm.lists.write"])
def test_a_missing_right_to_write_is_found_without_writing(portal: Portal, owner: str, scope: str) -> None:
    portal.crm.sign_in.scopes.discard(scope)
    sink = portal.sink(lists={"newsletter": portal.crm.add_list("n")})
    [found] = sink.preflight(KINDS)
    assert (found.level, scope in found.what) == ("error", True)
    portal.crm.sign_in.scopes.add(scope)
    assert not sink.preflight(KINDS)
    assert not portal.crm.objects["tasks"]


def test_the_calls_of_the_day_that_are_left_are_known_less_what_others_need(opened: Opener) -> None:
    portal = opened(daily=10_000)
    left = portal.sink(keep_calls=500).calls_left()
    assert left == 10_000 - 500 - 1


def test_the_forecast_is_no_less_than_what_fields_take(portal: Portal) -> None:
    deals = portal.deals(450)
    sink = portal.sink()
    before = len(portal.crm.journal)
    sink.read_back(deals, {Table.DEALS: [ID]})
    sink.write([set_fields(deal, OWN) for deal in deals])
    assert len(portal.crm.journal) - before <= sink.calls({ActionKind.SET_FIELDS: 450})
    assert sink.calls({}) == 0


def test_an_action_of_each_kind_goes_in_one_batch(portal: Portal, owner: str, enrolled: tuple[str, str, str]) -> None:
    deal, _, members = enrolled
    actions: list[Action] = [set_fields(deal, OWN), create_task(deal, owner), enrol(deal, "newsletter")]
    receipts = portal.sink(lists={"newsletter": members}).write(actions)
    assert {r.key for r in receipts} == {a.key for a in actions}
    assert set(states(receipts)) == {"done"}
    paths = [call.path.rsplit("/", 3)[1:] for call in portal.crm.journal if call.method != "GET"]
    assert paths[-1] == ["deals", "batch", "update"], "the fields tell of what is there by then"

"""Writing: whole batches that fail, trace ids, conflicts, upserts, what values must be, and what follows by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import urllib3

from recyclekit.testing.sandbox import Fault, FaultKind, StillClock
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.testing.sandbox.hubspot.conftest import OBJECTS, Api, some_deals


@pytest.fixture
def deals(crm: HubSpotSandbox) -> dict[str, str]:
    return crm.load(deals=some_deals(8)).deals


def track(deal: str, value: str = "timing", **more: Any) -> dict[str, Any]:
    return {"id": deal, "properties": {"recycle_track": value}, **more}


def test_one_bad_input_fails_the_whole_batch(crm: HubSpotSandbox, api: Api, deals: dict[str, str]) -> None:
    first, second, *_ = deals.values()
    bad = {"id": second, "properties": {"nope": "1", "hs_is_closed": "true"}}
    answer = api.batch("deals", "update", [track(first), bad])
    assert (answer.status, answer.body["category"]) == (400, "VALIDATION_ERROR")
    assert [one["code"] for one in answer.body["errors"]] == ["PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"]
    assert answer.body["message"].startswith('Property values were not valid: [{"isValid":false,')
    assert answer.body["correlationId"]
    assert "recycle_track" not in crm.objects["deals"][first].properties


def test_with_a_trace_id_on_every_input_only_the_bad_ones_fail(
    crm: HubSpotSandbox, api: Api, deals: dict[str, str]
) -> None:
    inputs = [track(deal, objectWriteTraceId=f"t-{deal}") for deal in deals.values()]
    inputs[2]["properties"] = {"nope": "1"}
    answer = api.batch("deals", "update", inputs)
    assert answer.status == 207
    assert answer.body["numErrors"] == 1
    assert answer.body["errors"][0]["context"] == {"objectWriteTraceId": [inputs[2]["objectWriteTraceId"]]}
    assert len(answer.ids) == 7
    assert answer.ids != [one["id"] for one in inputs if one is not inputs[2]]
    assert {one["objectWriteTraceId"] for one in answer.body["results"]} == {f"t-{one}" for one in answer.ids}


def test_one_input_without_a_trace_id_takes_it_from_all(api: Api, deals: dict[str, str]) -> None:
    first, second, *_ = deals.values()
    inputs = [track(first, objectWriteTraceId="a"), {"id": second, "properties": {"nope": "1"}}]
    assert api.batch("deals", "update", inputs).status == 400


def test_a_record_that_is_gone_is_told_apart(api: Api, deals: dict[str, str]) -> None:
    answer = api.batch("deals", "update", [track(deals["D-0001"]), track("1")])
    assert (answer.status, answer.ids) == (207, [deals["D-0001"]])
    assert answer.body["errors"][0]["context"] == {"ids": ["1"]}


def test_the_same_record_twice_in_a_batch_is_refused(api: Api, deals: dict[str, str]) -> None:
    assert api.batch("deals", "update", [track(deals["D-0001"]), track(deals["D-0001"])]).status == 400


def test_a_conflict_fails_the_batch_and_names_only_one(crm: HubSpotSandbox, api: Api) -> None:
    ids = crm.load(contacts=[{"contact_id": "c1"}, {"contact_id": "c2"}]).contacts
    inputs = [{"properties": {"email": f"{name}@example.com"}} for name in ("new", "C1", "c2")]
    answer = api.batch("contacts", "create", inputs)
    assert (answer.status, answer.body["category"]) == (409, "CONFLICT")
    assert answer.body["message"] == f"Contact already exists. Existing ID: {ids['c1']}"
    assert len(crm.objects["contacts"]) == 2


def test_the_second_task_of_a_key_is_a_conflict_and_an_upsert_is_not(crm: HubSpotSandbox, api: Api) -> None:
    task = {"properties": {"hs_timestamp": "2027-01-01T00:00:00Z", "recycle_key": "k"}}
    assert api.batch("tasks", "create", [task]).status == 201
    assert api.batch("tasks", "create", [task]).status == 409
    upsert = {"id": "k", "idProperty": "recycle_key", "properties": {"hs_task_subject": "s"}}
    assert api.batch("tasks", "upsert", [upsert]).body["results"][0]["new"] is False
    crm.archive("tasks", next(iter(crm.objects["tasks"])))
    assert api.batch("tasks", "create", [task]).status == 201  # what is in the bin does not count


def test_two_of_a_key_in_one_batch_are_a_conflict(crm: HubSpotSandbox, api: Api) -> None:
    task = {"properties": {"hs_timestamp": "2027-01-01T00:00:00Z", "recycle_key": "k"}}
    assert api.batch("tasks", "create", [task, task]).status == 409
    assert not crm.objects["tasks"]
    traced = [{**task, "objectWriteTraceId": name} for name in ("a", "b")]
    answer = api.batch("tasks", "create", traced)
    assert (answer.status, len(answer.ids), answer.body["errors"][0]["category"]) == (207, 1, "CONFLICT")
    assert len(crm.objects["tasks"]) == 1


@pytest.mark.parametrize("verb", ["update", "upsert"])
def test_only_unique_properties_identify(api: Api, deals: dict[str, str], verb: str) -> None:
    for name in ("hs_object_id", "dealname", "nope"):
        given = track(deals["D-0001"], idProperty=name)
        answer = api.batch("deals", verb, [given])
        assert answer.status == 400
        assert "non-unique" in answer.body["message"]


@pytest.mark.parametrize(
    ("kind", "name", "value", "code"),
    [
        ("deals", "amount", "much", "INVALID_INTEGER"),
        ("deals", "recycle_next_on", "2026-02-30", "INVALID_DATE"),
        ("deals", "recycle_next_on", "1767225600001", "INVALID_DATE"),
        ("deals", "closedate", "yesterday", "INVALID_LONG"),
        ("deals", "dealstage", "Closed Lost", "INVALID_OPTION"),
        ("deals", "pipeline", "nope", "INVALID_OPTION"),
        ("deals", "dealtype", "NewBusiness", "INVALID_OPTION"),
        ("deals", "hubspot_owner_id", "1", "INVALID_OWNER_ID"),
        ("contacts", "email", "nobody", "INVALID_EMAIL"),
        ("contacts", "hs_email_optout", "true", "READ_ONLY_VALUE"),
        ("tasks", "hs_task_type", "Call", "INVALID_OPTION"),
        ("notes", "hs_note_body", "x" * 65_537, "VALUE_TOO_LONG"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_its_code(
    api: Api, *, kind: str, name: str, value: str, code: str
) -> None:
    required = {"hs_timestamp": "2027-01-01T00:00:00Z"} if kind in {"tasks", "notes"} else {}
    answer = api.post(f"{OBJECTS}/{kind}", {"properties": {name: value, **required}})
    assert answer.status == 400
    assert [(one["code"], one["context"]["propertyName"]) for one in answer.body["errors"]] == [(code, [name])]


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("recycle_next_on", "1767225600000", "2026-01-01"),
        ("recycle_next_on", "2026-01-01", "2026-01-01"),
        ("closedate", "2026-01-01T09:00:00+09:00", "2026-01-01T00:00:00Z"),
        ("closedate", 1767225600000, "2026-01-01T00:00:00Z"),
        ("recycle_cycle", 2, "2"),
        ("recycle_track", "", ""),
        ("recycle_track", None, ""),
    ],
)
def test_values_are_kept_in_hubspots_form(api: Api, *, name: str, value: Any, kept: str) -> None:
    answer = api.post(f"{OBJECTS}/deals", {"properties": {name: value}})
    assert (answer.status, answer.body["properties"][name]) == (201, kept)


def test_a_task_needs_its_time(api: Api) -> None:
    answer = api.post(f"{OBJECTS}/tasks", {"properties": {"hs_task_subject": "s"}})
    assert (answer.status, answer.body["errors"][0]["context"]["propertyName"]) == (400, ["hs_timestamp"])


def test_an_archived_owner_keeps_what_is_theirs_and_takes_no_more(
    crm: HubSpotSandbox, api: Api, deals: dict[str, str]
) -> None:
    owner = crm.objects["deals"][deals["D-0001"]].properties["hubspot_owner_id"]
    crm.portal.owners[owner].archived = True
    keep = {"id": deals["D-0001"], "properties": {"hubspot_owner_id": owner, "amount": "1"}}
    take = {"id": deals["D-0002"], "properties": {"hubspot_owner_id": owner}}
    assert api.batch("deals", "update", [keep]).status == 200
    assert api.batch("deals", "update", [take]).status == 400
    assert owner not in api.get("/crm/v3/owners").ids
    assert api.get("/crm/v3/owners", archived="true").ids == [owner]


def test_a_lifecycle_stage_goes_back_only_after_it_was_cleared(crm: HubSpotSandbox, api: Api) -> None:
    contact = crm.load(contacts=[{"contact_id": "c", "lifecyclestage": "opportunity"}]).contacts["c"]

    def move(stage: str) -> int:
        return api.batch("contacts", "update", [{"id": contact, "properties": {"lifecyclestage": stage}}]).status

    assert move("lead") == 400
    assert move("customer") == 200
    assert (move(""), move("lead")) == (200, 200)
    assert crm.objects["contacts"][contact].properties["lifecyclestage"] == "lead"


def test_a_stage_may_ask_for_properties_and_may_be_closed_to_the_api(
    crm: HubSpotSandbox, api: Api, deals: dict[str, str]
) -> None:
    crm.portal.required_by_stage["closedlost"] = ("closed_lost_reason",)
    crm.portal.pipelines["default"].stages["contractsent"].read_only = True
    lost = {"id": deals["D-0001"], "properties": {"dealstage": "closedlost"}}
    assert api.batch("deals", "update", [lost]).body["errors"][0]["context"]["propertyName"] == ["closed_lost_reason"]
    lost["properties"]["closed_lost_reason"] = "price"
    assert api.batch("deals", "update", [lost]).status == 200
    assert api.batch("deals", "update", [{**lost, "properties": {"dealstage": "contractsent"}}]).status == 400


def test_closing_a_deal_sets_its_date_and_flags(
    crm: HubSpotSandbox, api: Api, clock: StillClock, deals: dict[str, str]
) -> None:
    clock.advance(3600)
    api.batch("deals", "update", [{"id": deals["D-0001"], "properties": {"dealstage": "closedlost"}}])
    now = crm.objects["deals"][deals["D-0001"]].properties
    assert (now["hs_is_closed"], now["hs_is_closed_lost"], now["hs_is_closed_won"]) == ("true", "true", "false")
    assert now["closedate"] == now["hs_v2_date_entered_current_stage"] == now["hs_lastmodifieddate"]


def test_our_own_task_moves_the_last_update_and_not_the_last_contact(
    crm: HubSpotSandbox, api: Api, clock: StillClock, deals: dict[str, str]
) -> None:
    deal = deals["D-0001"]
    modified = crm.objects["deals"][deal].properties["hs_lastmodifieddate"]
    clock.advance(60)

    def log(kind: str, number: int, at: str) -> None:
        link = {"to": {"id": deal}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]}
        assert api.post(f"{OBJECTS}/{kind}", {"properties": {"hs_timestamp": at}, "associations": [link]}).status == 201

    log("tasks", 216, "2027-04-01T00:00:00Z")
    values = crm.objects["deals"][deal].properties
    assert values["notes_last_updated"] == crm.portal.now()
    assert values["notes_next_activity_date"] == "2027-04-01T00:00:00Z"
    assert "notes_last_contacted" not in values
    log("notes", 214, "2026-11-01T00:00:00Z")
    assert "notes_last_contacted" not in values
    log("calls", 206, "2026-11-02T00:00:00Z")
    log("emails", 210, "2026-10-02T00:00:00Z")
    assert values["notes_last_contacted"] == "2026-11-02T00:00:00Z"
    assert (values["num_notes"], values["num_contacted_notes"]) == ("4", "2")
    assert values["hs_lastmodifieddate"] == modified


def test_an_association_of_a_new_record_must_fit(crm: HubSpotSandbox, api: Api, deals: dict[str, str]) -> None:
    kind = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}]  # a task to a contact
    task = {"properties": {"hs_timestamp": "2027-01-01T00:00:00Z"}}
    for link in ({"to": {"id": deals["D-0001"]}, "types": kind}, {"to": {"id": "1"}, "types": kind}):
        assert api.batch("tasks", "create", [{**task, "associations": [link]}]).status == 400
    assert not crm.objects["tasks"]


def test_poison_partial_and_locks_fail_single_records(crm: HubSpotSandbox, api: Api, deals: dict[str, str]) -> None:
    poisoned, locked, *rest = deals.values()
    crm.faults.add(
        Fault(kind=FaultKind.POISON, record=poisoned, code="INVALID_OPTION", field="recycle_track"),
        Fault(kind=FaultKind.LOCK_ROW, record=locked, times=1),
    )
    inputs = [track(deal, objectWriteTraceId=deal) for deal in deals.values()]
    answer = api.batch("deals", "update", inputs)
    codes = {one["context"]["objectWriteTraceId"][0]: one["errors"][0]["code"] for one in answer.body["errors"]}
    assert codes == {poisoned: "INVALID_OPTION", locked: "RECORD_LOCKED"}
    assert {one["context"]["objectWriteTraceId"][0] for one in api.batch("deals", "update", inputs).body["errors"]} == {
        poisoned
    }
    crm.faults.clear()
    crm.faults.add(Fault(kind=FaultKind.PARTIAL, rows=3))
    assert api.batch("deals", "update", [track(deal) for deal in rest]).body["numErrors"] == 3


def test_a_lost_answer_is_applied_and_a_lie_is_not(crm: HubSpotSandbox, api: Api, deals: dict[str, str]) -> None:
    first, second, *_ = deals.values()
    crm.faults.add(Fault(kind=FaultKind.LOST_ANSWER), Fault(kind=FaultKind.LYING_200))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api.batch("deals", "update", [track(first)])
    assert api.batch("deals", "update", [track(second)]).status == 200
    assert crm.objects["deals"][first].properties["recycle_track"] == "timing"
    assert "recycle_track" not in crm.objects["deals"][second].properties


def test_calls_from_many_threads_are_done_one_at_a_time(crm: HubSpotSandbox, api: Api) -> None:
    ids = list(crm.load(deals=some_deals(40)).deals.values())
    tasks = [{"properties": {"hs_timestamp": "2027-01-01T00:00:00Z", "recycle_key": f"k{n % 20}"}} for n in range(40)]
    with ThreadPoolExecutor(8) as threads:
        updates = list(threads.map(lambda deal: api.batch("deals", "update", [track(deal, deal)]).status, ids))
        creates = list(threads.map(lambda task: api.batch("tasks", "create", [task]).status, tasks))
    assert updates == [200] * 40
    assert (creates.count(201), creates.count(409), len(crm.objects["tasks"])) == (20, 20, 20)
    assert [crm.objects["deals"][deal].properties["recycle_track"] for deal in ids] == ids
    assert [call.number for call in crm.journal] == list(range(1, 81))

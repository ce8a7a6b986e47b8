"""Single records: by id and by external id, only if unmodified, and what the system writes by itself."""

from __future__ import annotations

from email.utils import format_datetime

from recyclekit.testing.sandbox import Fault, FaultKind, StillClock
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.salesforce.fields import text
from tests.testing.sandbox.salesforce.conftest import Rest


def _deal(crm: SalesforceSandbox, **more: object) -> str:
    return crm.load(deals=[{"deal_id": "D1", "crm_state": "open", **more}]).deals["D1"]


def test_a_record_is_created_read_changed_and_deleted(crm: SalesforceSandbox, rest: Rest) -> None:
    values = {"Name": "X", "StageName": "Prospecting", "CloseDate": "2027-01-31"}
    made = rest.call("POST", "/sobjects/Opportunity", json=values)
    assert made.status_code == 201
    deal = made.json()["id"]
    assert rest.get(f"/sobjects/Opportunity/{deal}")["Probability"] == 10.0
    assert rest.call("PATCH", f"/sobjects/opportunity/{deal[:15]}", json={"NextStep": "call"}).status_code == 204
    assert rest.get(f"/sobjects/Opportunity/{deal}", fields="Id,NextStep")["NextStep"] == "call"
    assert rest.call("DELETE", f"/sobjects/Opportunity/{deal}").status_code == 204
    gone = rest.call("GET", f"/sobjects/Opportunity/{deal}")
    assert (gone.status_code, gone.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


def test_what_is_missing_is_told_with_its_fields(rest: Rest) -> None:
    answer = rest.call("POST", "/sobjects/Opportunity", json={"Name": "X"})
    [error] = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, "REQUIRED_FIELD_MISSING")
    assert error["fields"] == ["StageName", "CloseDate"]
    assert rest.call("GET", "/sobjects/Opportunity/0065e00000000zz").json()[0]["errorCode"] == "NOT_FOUND"


def test_a_conditional_change_is_refused_after_a_person_edited(
    crm: SalesforceSandbox, clock: StillClock, rest: Rest
) -> None:
    deal = _deal(crm)
    read_at = {"If-Unmodified-Since": format_datetime(clock(), usegmt=True)}
    path = f"/sobjects/Opportunity/{deal}"
    assert rest.call("PATCH", path, json={"NextStep": "a"}, headers=read_at).status_code == 204
    clock.advance(1.5)
    crm.edit("Opportunity", deal, NextStep="mine")
    answer = rest.call("PATCH", path, json={"NextStep": "b"}, headers=read_at)
    assert answer.status_code == 412
    assert crm.objects["Opportunity"][deal].get("NextStep") == "mine"
    assert rest.call("PATCH", path, json={}, headers={"If-Unmodified-Since": "soon"}).status_code == 400


def test_the_system_moves_its_stamp_without_a_modification(
    crm: SalesforceSandbox, clock: StillClock, rest: Rest
) -> None:
    deal = _deal(crm)
    before = dict(crm.objects["Opportunity"][deal].properties)
    clock.advance(60)
    crm.create("Task", WhatId=deal, Status="Completed", ActivityDate="2026-11-20")
    after = crm.objects["Opportunity"][deal].properties
    assert after["LastActivityDate"] == "2026-11-20"
    assert after["SystemModstamp"] > before["SystemModstamp"]
    assert after["LastModifiedDate"] == before["LastModifiedDate"]
    since = f"SELECT Id FROM Opportunity WHERE SystemModstamp > {before['SystemModstamp'].replace('+0000', 'Z')}"
    assert [row["Id"] for row in rest.rows(since)] == [deal]


def test_last_activity_may_lie_in_the_future_and_open_tasks_do_not_count(crm: SalesforceSandbox) -> None:
    deal = _deal(crm)
    crm.create("Task", WhatId=deal, ActivityDate="2026-12-24")
    record = crm.objects["Opportunity"][deal]
    assert (record.get("LastActivityDate"), record.get("HasOpenActivity")) == (None, True)
    task = crm.create("Task", WhatId=deal, ActivityDate="2027-06-01", Status="Completed")
    assert record.get("LastActivityDate") == "2027-06-01"
    crm.create("Event", WhatId=deal, StartDateTime="2027-07-01T09:00:00Z")
    assert record.get("LastActivityDate") == "2027-07-01"
    crm.edit("Task", task, Status="Not Started")
    assert record.get("HasOverdueTask") is False


def test_a_stage_carries_its_flags_and_leaves_a_trace_in_the_history(
    crm: SalesforceSandbox, clock: StillClock, rest: Rest
) -> None:
    deal = _deal(crm)
    clock.advance(60)
    rest.call("PATCH", f"/sobjects/Opportunity/{deal}", json={"StageName": "Closed Lost"})
    record = crm.objects["Opportunity"][deal]
    assert (record.get("IsClosed"), record.get("IsWon"), record.get("Probability")) == (True, False, 0.0)
    assert record.get("LastStageChangeDate") == "2026-11-22T03:01:00.000+0000"
    history = rest.rows(f"SELECT StageName FROM OpportunityHistory WHERE OpportunityId = '{deal}'")
    assert [row["StageName"] for row in history] == ["Closed Lost"]


def test_an_amount_is_ignored_without_a_word_where_products_exist(crm: SalesforceSandbox, rest: Rest) -> None:
    deal = _deal(crm, amount=100.0)
    crm.touch("Opportunity", deal, HasOpportunityLineItem=True)
    assert rest.call("PATCH", f"/sobjects/Opportunity/{deal}", json={"Amount": 5}).status_code == 204
    assert crm.objects["Opportunity"][deal].get("Amount") == 100.0


def test_a_contact_given_at_creation_becomes_the_primary_role(crm: SalesforceSandbox, rest: Rest) -> None:
    first, second = crm.load(contacts=[{"contact_id": "C1"}, {"contact_id": "C2"}]).contacts.values()
    deal = crm.create("Opportunity", Name="X", StageName="Prospecting", CloseDate="2027-01-01", ContactId=first)
    crm.create("OpportunityContactRole", OpportunityId=deal, ContactId=second, IsPrimary=True)
    roles = rest.rows("SELECT ContactId, IsPrimary FROM OpportunityContactRole ORDER BY Id")
    assert [(row["ContactId"], row["IsPrimary"]) for row in roles] == [(first, False), (second, True)]
    assert crm.objects["Opportunity"][deal].get("ContactId") == second


def test_a_record_is_upserted_read_and_deleted_by_its_external_id(crm: SalesforceSandbox, rest: Rest) -> None:
    path = "/sobjects/Task/Recycle_Key__c/p%3AD1%3A1%3A1"
    first, second = (rest.call("PATCH", path, json={"Subject": subject}) for subject in ("a", "b"))
    assert (first.status_code, second.status_code) == (201, 200)
    assert (first.json()["created"], second.json()["created"]) == (True, False)
    assert rest.get(path)["Subject"] == "b"
    assert rest.call("DELETE", path).status_code == 204
    assert rest.call("GET", path).status_code == 404


def test_an_external_id_that_is_not_unique_may_fit_several(crm: SalesforceSandbox, rest: Rest) -> None:
    crm.org.add_field("Campaign", text("Ref__c", 20, external_id=True))
    for _ in range(2):
        crm.create("Campaign", Name="X", Ref__c="r1")
    answer = rest.call("PATCH", "/sobjects/Campaign/Ref__c/r1", json={"Name": "Y"})
    assert answer.status_code == 300
    assert len(answer.json()) == 2


def test_updated_and_deleted_ids_are_listed_by_the_systems_stamp(
    crm: SalesforceSandbox, clock: StillClock, rest: Rest
) -> None:
    kept, dropped = crm.load(deals=[{"deal_id": "D1"}, {"deal_id": "D2"}]).deals.values()
    clock.advance(60)
    crm.edit("Opportunity", kept, NextStep="x")
    crm.delete("Opportunity", dropped)
    span = {"start": "2026-11-22T03:00:30Z", "end": "2026-11-22T04:00:00+00:00"}
    assert rest.get("/sobjects/Opportunity/updated", **span)["ids"] == [kept]
    assert [row["id"] for row in rest.get("/sobjects/Opportunity/deleted", **span)["deletedRecords"]] == [dropped]


def test_a_locked_record_answers_with_the_row_lock(crm: SalesforceSandbox, rest: Rest) -> None:
    deal = _deal(crm)
    crm.faults.add(Fault(kind=FaultKind.LOCK_ROW, record=deal, times=1))
    answers = [rest.call("PATCH", f"/sobjects/Opportunity/{deal}", json={"NextStep": "x"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 204]
    assert answers[0].json()[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"

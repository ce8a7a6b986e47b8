"""Describe, limits, and making fields through the Tooling API, with the permission that a new field needs."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from recyclekit.testing.sandbox import StillClock
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.salesforce.custom import OWN
from tests.testing.sandbox.salesforce.conftest import Rest


def _fields(rest: Rest, name: str) -> dict[str, Any]:
    return {field["name"]: field for field in rest.get(f"/sobjects/{name}/describe")["fields"]}


def _make(rest: Rest, full_name: str, **metadata: Any) -> requests.Response:
    more = {"type": "Text", "label": "X", "length": 80, **metadata}
    return rest.call("POST", "/tooling/sobjects/CustomField", json={"FullName": full_name, "Metadata": more})


def test_describe_tells_what_may_be_written_and_which_values_there_are(crm: SalesforceSandbox, rest: Rest) -> None:
    crm.lock_fields("Opportunity", "NextStep")
    fields = _fields(rest, "Opportunity")
    assert (fields["IsWon"]["createable"], fields["IsWon"]["updateable"]) == (False, False)
    assert (fields["ContactId"]["createable"], fields["ContactId"]["updateable"]) == (True, False)
    assert fields["NextStep"]["updateable"] is False
    assert "Closed Lost" in [value["value"] for value in fields["StageName"]["picklistValues"]]
    assert set(OWN_NAMES) <= set(fields)
    tasks = _fields(rest, "Task")
    assert (tasks["Recycle_Key__c"]["externalId"], tasks["Recycle_Key__c"]["unique"]) == (True, True)
    assert tasks["TaskSubtype"]["restrictedPicklist"] is True
    assert tasks["WhatId"]["referenceTo"] == ["Account", "Opportunity", "Campaign"]


OWN_NAMES = [field.name for field in OWN.values()]


def test_describe_names_the_children_of_an_object(rest: Rest) -> None:
    children = rest.get("/sobjects/Opportunity/describe")["childRelationships"]
    found = {(child["childSObject"], child["field"], child["relationshipName"]) for child in children}
    assert ("OpportunityContactRole", "OpportunityId", "OpportunityContactRoles") in found


def test_objects_are_listed_without_those_of_tooling(rest: Rest) -> None:
    names = {each["name"] for each in rest.get("/sobjects")["sobjects"]}
    assert {"Opportunity", "Task", "CampaignMember"} <= names
    assert "CustomField" not in names
    assert rest.call("GET", "/sobjects/CustomField/describe").status_code == 404
    assert rest.call("GET", "/sobjects/Nope/describe").json()[0]["errorCode"] == "NOT_FOUND"
    assert rest.get("/sobjects/opportunity")["objectDescribe"]["keyPrefix"] == "006"


@pytest.fixture
def bare(clock: StillClock) -> Any:
    with SalesforceSandbox(seed=1, clock=clock, own_fields=False) as crm:
        client = Rest(crm)
        yield client
        client.session.close()


def test_a_new_field_is_hidden_until_a_permission_set_gives_it(bare: Rest) -> None:
    made = _make(bare, "Opportunity.Recycle_Track__c")
    assert (made.status_code, made.json()["success"]) == (201, True)
    assert "Recycle_Track__c" not in _fields(bare, "Opportunity")
    assert bare.refused("SELECT Recycle_Track__c FROM Opportunity")[0] == "INVALID_FIELD"
    mine = f"SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = '{bare.crm.org.robot}'"
    grant = {
        "ParentId": bare.rows(mine)[0]["PermissionSetId"], "SobjectType": "Opportunity",
        "Field": "Opportunity.Recycle_Track__c", "PermissionsRead": True, "PermissionsEdit": True,
    }  # fmt: skip
    assert bare.call("POST", "/sobjects/FieldPermissions", json=grant).status_code == 201
    assert _fields(bare, "Opportunity")["Recycle_Track__c"]["updateable"] is True
    assert bare.rows("SELECT Recycle_Track__c FROM Opportunity") == []


def test_reading_may_be_given_without_writing(bare: Rest) -> None:
    _make(bare, "Opportunity.Note__c")
    grant = {"ParentId": bare.crm.org.permission_set, "SobjectType": "Opportunity", "Field": "Opportunity.Note__c"}
    bare.call("POST", "/sobjects/FieldPermissions", json={**grant, "PermissionsRead": True})
    assert _fields(bare, "Opportunity")["Note__c"]["updateable"] is False


def test_fields_of_tasks_are_made_on_activity(bare: Rest) -> None:
    refused = _make(bare, "Task.Recycle_Key__c", externalId=True, unique=True)
    assert refused.json()[0]["message"] == "Entity Enumeration Or ID: bad value for restricted picklist field: Task"
    assert _make(bare, "Activity.Recycle_Key__c", externalId=True, unique=True).status_code == 201
    assert all(bare.crm.org.type(name).find("Recycle_Key__c") for name in ("Task", "Event"))
    query = {"q": "SELECT Id, FullName FROM CustomField WHERE DeveloperName = 'Recycle_Key'"}
    assert bare.get("/tooling/query", **query)["records"][0]["FullName"] == "Activity.Recycle_Key__c"


@pytest.mark.parametrize(
    ("name", "metadata", "code"),
    [
        ("Opportunity.Recycle", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Opportunity.X__c", {"type": "Magic"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Opportunity.X__c", {"length": None}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Opportunity.X__c", {"type": "Number"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Opportunity.X__c", {"label": ""}, "REQUIRED_FIELD_MISSING"),
        ("Opportunity.Hook__c", {}, "DUPLICATE_DEVELOPER_NAME"),
        ("Nope.X__c", {}, "INVALID_TYPE"),
    ],
)
def test_a_field_that_cannot_be_made_is_refused(bare: Rest, name: str, metadata: dict[str, Any], code: str) -> None:
    answer = _make(bare, name, **metadata)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_making_fields_needs_the_right_to(bare: Rest) -> None:
    bare.crm.tooling.may = False
    assert _make(bare, "Opportunity.X__c").status_code == 403


def test_several_calls_go_in_one_and_a_later_one_uses_an_earlier(crm: SalesforceSandbox, rest: Rest) -> None:
    calls = [
        {"method": "POST", "url": f"{rest.path}/sobjects/Account", "referenceId": "a", "body": {"Name": "Acme"}},
        {"method": "POST", "url": f"{rest.path}/sobjects/Contact", "referenceId": "c",
         "body": {"LastName": "Y", "AccountId": "@{a.id}"}},
        {"method": "GET", "url": f"{rest.path}/query?q=SELECT+Account.Name+FROM+Contact", "referenceId": "q"},
    ]  # fmt: skip
    answer = rest.call("POST", "/composite", json={"allOrNone": True, "compositeRequest": calls}).json()
    assert [each["httpStatusCode"] for each in answer["compositeResponse"]] == [201, 201, 200]
    assert answer["compositeResponse"][2]["body"]["records"][0]["Account"]["Name"] == "Acme"
    assert len(crm.journal) == 1


def test_a_failure_halts_what_depends_on_it_and_all_or_none_takes_all_back(crm: SalesforceSandbox, rest: Rest) -> None:
    calls = [
        {"method": "POST", "url": f"{rest.path}/sobjects/Account", "referenceId": "a", "body": {"Name": "Acme"}},
        {"method": "POST", "url": f"{rest.path}/sobjects/Contact", "referenceId": "c", "body": {}},
        {"method": "GET", "url": f"{rest.path}/sobjects/Contact/@{{c.id}}", "referenceId": "g"},
    ]
    loose = rest.call("POST", "/composite", json={"compositeRequest": calls}).json()["compositeResponse"]
    assert [each["httpStatusCode"] for each in loose] == [201, 400, 400]
    assert loose[2]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    strict = rest.call("POST", "/composite", json={"allOrNone": True, "compositeRequest": calls}).json()
    codes = [each["body"][0]["errorCode"] for each in strict["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert len(crm.objects["Account"]) == 1
    assert rest.call("POST", "/composite", json={"compositeRequest": calls[:1] * 26}).status_code == 400

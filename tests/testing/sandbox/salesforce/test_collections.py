"""sObject collections: a row for each record, 200 even where rows fail, all or none, and upsert by external id."""

from __future__ import annotations

from typing import Any

import pytest

from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from tests.testing.sandbox.salesforce.conftest import Rest

DEAL = {"type": "Opportunity"}


@pytest.fixture
def deals(crm: SalesforceSandbox) -> list[str]:
    return list(crm.load(deals=[{"deal_id": f"D{n}", "crm_state": "lost"} for n in range(5)]).deals.values())


def _write(rest: Rest, records: list[dict[str, Any]], *, method: str = "PATCH", all_or_none: bool = False) -> Any:
    answer = rest.call(method, "/composite/sobjects", json={"allOrNone": all_or_none, "records": records})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _codes(rows: list[dict[str, Any]]) -> list[str]:
    return [row["errors"][0]["statusCode"] if row["errors"] else "" for row in rows]


def test_each_record_has_its_row_in_the_order_asked(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    records = [{"attributes": DEAL, "id": each, "Recycle_Track__c": "nurture"} for each in reversed(deals)]
    rows = _write(rest, records)
    assert rows == [{"id": each, "success": True, "errors": []} for each in reversed(deals)]
    assert {crm.objects["Opportunity"][each].get("Recycle_Track__c") for each in deals} == {"nurture"}


def test_null_empties_a_field_and_what_is_left_out_stays(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    crm.edit("Opportunity", deals[0], NextStep="call", Hook__c="new budget")
    _write(rest, [{"attributes": DEAL, "id": deals[0], "Hook__c": None}])
    record = crm.objects["Opportunity"][deals[0]]
    assert (record.get("Hook__c"), record.get("NextStep")) == (None, "call")


@pytest.mark.parametrize(
    ("values", "code", "fields"),
    [
        ({"Foo__c": 1}, "INVALID_FIELD", ["Foo__c"]),
        ({"IsWon": True}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["IsWon"]),
        ({"NextStep": "x" * 256}, "STRING_TOO_LONG", ["NextStep"]),
        ({"OwnerId": "0055e00000000zz"}, "INVALID_CROSS_REFERENCE_KEY", []),
        ({"OwnerId": "nobody"}, "MALFORMED_ID", ["OwnerId"]),
        ({"AccountId": "0055e0000000001"}, "MALFORMED_ID", ["AccountId"]),
        ({"StageName": None}, "REQUIRED_FIELD_MISSING", ["StageName"]),
    ],
)
def test_a_row_that_is_not_taken_says_why_and_the_others_are_done(
    rest: Rest, deals: list[str], values: dict[str, Any], code: str, fields: list[str]
) -> None:
    crm = rest.crm
    bad, good = {"attributes": DEAL, "id": deals[0], **values}, {"attributes": DEAL, "id": deals[1], "NextStep": "y"}
    refused, done = _write(rest, [bad, good])
    assert refused["success"] is False
    assert (refused["errors"][0]["statusCode"], refused["errors"][0]["fields"]) == (code, fields)
    assert done["success"] is True
    assert crm.objects["Opportunity"][deals[1]].get("NextStep") == "y"


def test_a_field_without_the_permission_cannot_be_written(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    crm.hide("Opportunity", "Hook__c")
    crm.lock_fields("Opportunity", "NextStep")
    for field in ("Hook__c", "NextStep"):
        rows = _write(rest, [{"attributes": DEAL, "id": deals[0], field: "x"}])
        assert _codes(rows) == ["INVALID_FIELD_FOR_INSERT_UPDATE"]
        assert "security settings of this field" in rows[0]["errors"][0]["message"]


def test_all_or_none_takes_back_what_was_done(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    good = {"attributes": DEAL, "id": deals[0], "NextStep": "y"}
    bad = {"attributes": DEAL, "id": deals[1], "NextStep": "x" * 256}
    rows = _write(rest, [good, bad], all_or_none=True)
    assert _codes(rows) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"]
    assert crm.objects["Opportunity"][deals[0]].get("NextStep") is None
    made = [{"attributes": {"type": "Task"}, "WhatId": deals[0]}, {"attributes": {"type": "Task"}, "WhatId": "x"}]
    assert _codes(_write(rest, made, method="POST", all_or_none=True))[0] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert not crm.objects["Task"]


def test_json_of_a_wrong_type_refuses_the_whole_call_and_nothing_is_done(
    crm: SalesforceSandbox, rest: Rest, deals: list[str]
) -> None:
    good = {"attributes": DEAL, "id": deals[0], "NextStep": "y"}
    bad = {"attributes": DEAL, "id": deals[1], "CloseDate": "soon"}
    answer = rest.call("PATCH", "/composite/sobjects", json={"records": [good, bad]})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert crm.objects["Opportunity"][deals[0]].get("NextStep") is None


def test_more_than_200_records_more_than_ten_chunks_and_one_id_twice_are_refused(rest: Rest, deals: list[str]) -> None:
    many = [{"attributes": DEAL, "id": deals[0]}] * 201
    answer = rest.call("PATCH", "/composite/sobjects", json={"records": many})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    mixed = [{"attributes": {"type": kind}, "id": deals[0]} for kind in ("Opportunity", "Task") * 6]
    assert rest.call("PATCH", "/composite/sobjects", json={"records": mixed}).status_code == 400
    twice = [{"attributes": DEAL, "id": deals[0]}, {"attributes": DEAL, "id": deals[0][:15]}]
    assert _codes(_write(rest, twice)) == ["DUPLICATE_VALUE", "DUPLICATE_VALUE"]


def test_upsert_by_external_id_creates_once_and_then_changes(
    crm: SalesforceSandbox, rest: Rest, deals: list[str]
) -> None:
    task = {"attributes": {"type": "Task"}, "Recycle_Key__c": "p:D0:1:1", "WhatId": deals[0], "Subject": "call"}
    body = {"allOrNone": False, "records": [task]}
    first = rest.call("PATCH", "/composite/sobjects/Task/Recycle_Key__c", json=body).json()
    second = rest.call("PATCH", "/composite/sobjects/Task/Recycle_Key__c", json=body).json()
    assert (first[0]["created"], second[0]["created"]) == (True, False)
    assert first[0]["id"] == second[0]["id"]
    assert len(crm.objects["Task"]) == 1
    task_of_other_case = {**task, "Recycle_Key__c": "P:D0:1:1"}  # the key is case-sensitive
    made = rest.call("PATCH", "/composite/sobjects/Task/Recycle_Key__c", json={"records": [task_of_other_case]}).json()
    assert made[0]["created"] is True


def test_upsert_refuses_a_key_twice_in_one_call_and_a_field_that_is_no_external_id(rest: Rest) -> None:
    task = {"attributes": {"type": "Task"}, "Recycle_Key__c": "k"}
    rows = rest.call("PATCH", "/composite/sobjects/Task/Recycle_Key__c", json={"records": [task, task]}).json()
    assert _codes(rows) == ["DUPLICATE_VALUE", "DUPLICATE_VALUE"]
    answer = rest.call("PATCH", "/composite/sobjects/Task/Subject", json={"records": [task]})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_unique_value_that_is_taken_names_its_holder(crm: SalesforceSandbox, rest: Rest) -> None:
    held = crm.create("Task", Recycle_Key__c="k1")
    [row] = _write(rest, [{"attributes": {"type": "Task"}, "Recycle_Key__c": "k1"}], method="POST")
    assert row["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    assert held in row["errors"][0]["message"]
    crm.delete("Task", held)
    assert _write(rest, [{"attributes": {"type": "Task"}, "Recycle_Key__c": "k1"}], method="POST")[0]["success"]


def test_a_person_is_a_member_of_a_campaign_once(crm: SalesforceSandbox, rest: Rest) -> None:
    contact = crm.load(contacts=[{"contact_id": "C1"}]).contacts["C1"]
    campaign = crm.create("Campaign", Name="Nurture")
    member = {"attributes": {"type": "CampaignMember"}, "CampaignId": campaign, "ContactId": contact}
    first, second = (_write(rest, [member], method="POST")[0] for _ in range(2))
    assert first["success"]
    assert second["errors"] == [
        {"statusCode": "DUPLICATE_VALUE", "message": "Already a campaign member.", "fields": []}
    ]
    assert crm.objects["CampaignMember"][first["id"]].get("Status") == "Sent"
    statuses = rest.rows(
        f"SELECT Label, HasResponded, IsDefault FROM CampaignMemberStatus WHERE CampaignId = '{campaign}'"
    )
    assert [(row["Label"], row["IsDefault"]) for row in statuses] == [("Sent", True), ("Responded", False)]


def test_deleting_puts_rows_into_the_recycle_bin_and_a_second_time_says_so(
    crm: SalesforceSandbox, rest: Rest, deals: list[str]
) -> None:
    ids = ",".join(deals[:2])
    assert all(row["success"] for row in rest.call("DELETE", "/composite/sobjects", params={"ids": ids}).json())
    rows = rest.call("DELETE", "/composite/sobjects", params={"ids": ids}).json()
    assert _codes(rows) == ["ENTITY_IS_DELETED"] * 2
    assert _codes(_write(rest, [{"attributes": DEAL, "id": deals[0], "NextStep": "x"}])) == ["ENTITY_IS_DELETED"]
    assert crm.objects["Opportunity"][deals[0]].deleted


def test_records_are_read_by_ids_with_null_for_those_that_are_not_there(rest: Rest, deals: list[str]) -> None:
    body = {"ids": [deals[1], "0065e00000000zz", deals[0]], "fields": ["Id", "Name"]}
    rows = rest.call("POST", "/composite/sobjects/Opportunity", json=body).json()
    assert [row and row["Name"] for row in rows] == ["D1", None, "D0"]


def test_restricted_picklists_refuse_and_open_ones_take_other_values(rest: Rest) -> None:
    [row] = _write(rest, [{"attributes": {"type": "Task"}, "TaskSubtype": "Fax"}], method="POST")
    assert row["errors"][0]["statusCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert row["errors"][0]["message"] == "Task Subtype: bad value for restricted picklist field: Fax"
    assert _write(rest, [{"attributes": {"type": "Task"}, "Priority": "Urgent"}], method="POST")[0]["success"]


def test_an_inactive_owner_and_a_rule_of_the_org_refuse_rows(
    crm: SalesforceSandbox, rest: Rest, deals: list[str]
) -> None:
    gone = crm.org.add_user("Gone", active=False)
    assert _codes(_write(rest, [{"attributes": DEAL, "id": deals[0], "OwnerId": gone}])) == ["INACTIVE_OWNER_OR_USER"]
    with crm.validation(lambda _, values: ("Hook__c", "say more") if values.get("Hook__c") == "hi" else None):
        [row] = _write(rest, [{"attributes": DEAL, "id": deals[0], "Hook__c": "hi"}])
    error = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "say more", "fields": ["Hook__c"]}
    assert row["errors"] == [error]


def test_a_locked_row_is_free_after_a_few_tries_and_a_poisoned_one_never(
    crm: SalesforceSandbox, rest: Rest, deals: list[str]
) -> None:
    crm.faults.add(Fault(kind=FaultKind.LOCK_ROW, record=deals[0], times=2))
    crm.faults.add(Fault(kind=FaultKind.POISON, record=deals[1], code="CANNOT_EXECUTE_FLOW_TRIGGER", field="Hook__c"))
    records = [{"attributes": DEAL, "id": each, "NextStep": "y"} for each in deals[:3]]
    codes = [_codes(_write(rest, records)) for _ in range(3)]
    poisoned = "CANNOT_EXECUTE_FLOW_TRIGGER"
    assert codes == [["UNABLE_TO_LOCK_ROW", poisoned, ""], ["UNABLE_TO_LOCK_ROW", poisoned, ""], ["", poisoned, ""]]


def test_a_record_that_is_new_is_struck_by_the_id_that_it_belongs_to(
    crm: SalesforceSandbox, rest: Rest, deals: list[str]
) -> None:
    crm.faults.add(Fault(kind=FaultKind.POISON, record=deals[1], code="CANNOT_EXECUTE_FLOW_TRIGGER"))
    records = [{"attributes": {"type": "Task"}, "WhatId": each} for each in deals[:2]]
    assert _codes(_write(rest, records, method="POST")) == ["", "CANNOT_EXECUTE_FLOW_TRIGGER"]


def test_a_partial_result_fails_as_many_rows_as_told(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    crm.faults.add(Fault(kind=FaultKind.PARTIAL, rows=2, code="UNABLE_TO_LOCK_ROW", path="*/composite/sobjects"))
    records = [{"attributes": DEAL, "id": each, "NextStep": "y"} for each in deals]
    assert sorted(_codes(_write(rest, records))) == ["", "", "", "UNABLE_TO_LOCK_ROW", "UNABLE_TO_LOCK_ROW"]
    assert _codes(_write(rest, records)) == [""] * 5

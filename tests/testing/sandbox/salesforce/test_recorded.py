"""What real orgs answered once, beside what the sandbox answers to the same call: the same keys, kinds and headings."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.salesforce.fields import Field, text
from tests.testing.sandbox.salesforce.conftest import Rest

API = Path(__file__).parents[5] / "shared" / "data" / "api"
OURS_MAY_LACK = {"Address", "recentlyViewed"}
pytestmark = pytest.mark.skipif(
    not API.exists(), reason="the recorded answers are not beside this checkout (../shared)"
)


@cache
def _exchanges() -> list[dict[str, Any]]:
    with gzip.open(API / "salesforce_rest.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


@cache
def _bodies() -> dict[str, Any]:
    bodies: dict[str, Any] = json.loads((API / "salesforce_bodies.json").read_text())
    return bodies


def _recorded(method: str, path: str, status: int, *, holding: str = "") -> dict[str, Any]:
    """The last exchange of this method, with this in its path and this in its answer."""
    return [
        each
        for each in _exchanges()
        if each["method"] == method and path in each["path"] and each["status"] == status
        and holding in json.dumps(each["response_body"])
    ][-1]  # fmt: skip


def _shape(value: Any) -> Any:
    """Keys and kinds of a JSON value; null fits everything, and a list is what its first element is."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return type(value).__name__ if value is not None else None


def _assert_alike(ours: Any, theirs: Any, where: str = "") -> None:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        assert set(ours) == set(theirs), where
        for key, value in theirs.items():
            _assert_alike(ours[key], value, f"{where}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        for one, other in zip(ours, theirs, strict=False):
            _assert_alike(one, other, f"{where}[]")
    elif ours is not None and theirs is not None:
        assert ours == theirs, where


@pytest.fixture
def lead(crm: SalesforceSandbox) -> str:
    return crm.create("Lead", LastName="Smith", Company="SmithCorp", Email="leadbrian@demo.com")


def test_a_query_with_and_without_rows(rest: Rest, lead: str) -> None:
    statement = "SELECT Id, Email FROM Lead WHERE Email IN ('leadbrian@demo.com', 'leadbrian2@demo.com')"
    theirs = _recorded("GET", "/query", 200, holding='"Email"')
    _assert_alike(_shape(rest.query(statement)), _shape(theirs["response_body"]))
    empty = _recorded("GET", "/query", 200, holding='"totalSize": 0')
    assert rest.query("SELECT Id FROM Lead WHERE Email = 'nobody@demo.com'") == empty["response_body"]


def test_a_record_has_the_same_system_fields(rest: Rest, lead: str) -> None:
    ours, theirs = rest.get(f"/sobjects/Lead/{lead}"), _recorded("GET", "/sobjects/Lead/", 200)["response_body"]
    shared = set(ours) & set(theirs)
    assert shared >= {"attributes", "Id", "IsDeleted", "LastName", "Name", "Company", "Email", "Status", "OwnerId",
                      "IsConverted", "CreatedDate", "CreatedById", "LastModifiedDate", "SystemModstamp"}  # fmt: skip
    for name in shared:
        _assert_alike(_shape(ours[name]), _shape(theirs[name]), name)
    assert len(ours["SystemModstamp"]) == len(theirs["SystemModstamp"])
    assert ours["SystemModstamp"][-5:] == theirs["SystemModstamp"][-5:] == "+0000"


def test_what_is_not_there(rest: Rest) -> None:
    theirs = _recorded("GET", "/sobjects/", 404)
    ours = rest.call("GET", "/sobjects/Lead/00Q4S000002sSacUAE")
    assert ours.status_code == 404
    assert ours.json() == theirs["response_body"]


def test_rows_of_a_collection_that_were_done(crm: SalesforceSandbox, rest: Rest) -> None:
    for method in ("POST", "PATCH", "DELETE"):
        theirs = _recorded(method, "/composite/sobjects", 200)
        ours = _replay(crm, rest, method, theirs)
        _assert_alike(_shape(ours[0]), _shape(theirs["response_body"][0]), method)


def _replay(crm: SalesforceSandbox, rest: Rest, method: str, exchange: dict[str, Any]) -> Any:
    """Send a recorded call again, with ids of this org instead of those of the recorded one."""
    crm.org.add_field("Account", text("Custom_External_ID__c", external_id=True))
    made = crm.create("Account", Name="Smith")
    if method == "DELETE":
        return rest.call("DELETE", "/composite/sobjects", params={"ids": made, "allOrNone": "true"}).json()
    records = [{**record, **({"id": made} if "id" in record else {})} for record in exchange["request_body"]["records"]]
    return rest.call(method, "/composite/sobjects", json={"allOrNone": False, "records": records[:1]}).json()


def test_a_row_that_was_refused_for_its_mail_address(crm: SalesforceSandbox, rest: Rest) -> None:
    theirs = _recorded("PATCH", "/composite/sobjects", 200, holding="INVALID_EMAIL_ADDRESS")["response_body"]
    crm.org.add_field("Account", Field(name="email_field__c", type="email", length=80, label="email_field"))
    made = crm.create("Account", Name="Smith")
    record = {"attributes": {"type": "Account"}, "id": made, "email_field__c": "badone"}
    ours = rest.call("PATCH", "/composite/sobjects", json={"records": [record]}).json()
    assert ours == [row for row in theirs if not row["success"]]


def test_a_record_that_was_created_alone(rest: Rest) -> None:
    theirs = _recorded("POST", "/sobjects/", 201)
    ours = rest.call("POST", "/sobjects/Campaign", json={"Name": "x"})
    _assert_alike(_shape(ours.json()), _shape(theirs["response_body"]))


def test_the_limit_header_has_the_same_form(rest: Rest) -> None:
    theirs = _exchanges()[0]["response_headers"]
    ours = rest.call("GET", "/limits").headers
    assert ours["Sforce-Limit-Info"].split("=")[0] == theirs["Sforce-Limit-Info"].split("=")[0] == "api-usage"
    assert ours["Content-Type"] == theirs["Content-Type"]


def _field_keys(fields: Iterable[dict[str, Any]]) -> set[str]:
    return {key for field in fields for key in field}


@pytest.mark.parametrize("name", ["Lead", "Account"])
def test_describe_says_of_a_field_what_the_real_one_says(rest: Rest, name: str) -> None:
    theirs = _recorded("GET", f"/sobjects/{name}/describe", 200)["response_body"]
    ours = rest.get(f"/sobjects/{name}/describe")
    for key in ("name", "label", "keyPrefix", "createable", "updateable", "queryable"):
        _assert_alike(_shape(ours[key]), _shape(theirs[key]), key)
    assert ours["keyPrefix"] == theirs["keyPrefix"]
    assert set(ours["urls"]) <= set(theirs["urls"])
    mine, real = ({field["name"]: field for field in side["fields"]} for side in (ours, theirs))
    for field in set(mine) & set(real):
        for key in set(mine[field]) & set(real[field]):
            _assert_alike(_shape(mine[field][key]), _shape(real[field][key]), f"{field}.{key}")
        assert mine[field]["type"] == real[field]["type"], field
    read_by_us = {"name", "type", "createable", "updateable", "picklistValues", "restrictedPicklist", "externalId",
                  "unique", "length", "nillable", "referenceTo", "relationshipName", "defaultedOnCreate", "custom",
                  "filterable", "sortable", "caseSensitive", "calculated", "idLookup"}  # fmt: skip
    assert read_by_us <= _field_keys(ours["fields"])
    assert _field_keys(ours["fields"]) - _field_keys(theirs["fields"]) <= OURS_MAY_LACK
    children = _shape(ours["childRelationships"])
    _assert_alike(children, _shape(theirs["childRelationships"]))


def test_errors_have_the_keys_of_the_recorded_ones(rest: Rest) -> None:
    for ours, theirs in (
        (rest.call("GET", "/query", params={"q": "SELECT x FROM Lead"}).json(), _bodies()["query_error_response"]),
        (rest.call("GET", "/sobjects/Nope/describe").json(), _bodies()["sobject_describe_error_response"]),
        (rest.call("DELETE", "/sobjects/Lead/rid").json(), _bodies()["delete_error_response"]),
    ):
        assert [set(error) for error in ours] == [set(error) for error in theirs]
        assert ours[0]["errorCode"] == theirs[0]["errorCode"]


def test_updated_and_deleted_answers(crm: SalesforceSandbox, rest: Rest, lead: str) -> None:
    crm.delete("Lead", lead)
    span = {"start": "2026-11-22T00:00:00+00:00", "end": "2026-11-23T00:00:00+00:00"}
    _assert_alike(_shape(rest.get("/sobjects/Lead/deleted", **span)), _shape(_bodies()["get_deleted_success_response"]))
    _assert_alike(_shape(rest.get("/sobjects/Lead/updated", **span)), _shape(_bodies()["get_updated_success_response"]))


def test_lists_of_versions_and_objects(rest: Rest) -> None:
    theirs = _bodies()["list_sobjects_success_response"]
    ours = rest.get("/sobjects")
    assert set(ours) == set(theirs)
    assert set(theirs["sobjects"][0]) <= set(ours["sobjects"][0])
    versions = rest.call("GET", "/services/data").json()
    _assert_alike(_shape(versions), _shape(_bodies()["services_data_success_response"]))


def test_a_sign_in_that_was_refused(crm: SalesforceSandbox, rest: Rest) -> None:
    form = {"grant_type": "password", "client_id": crm.sessions.consumer_key, "username": "x", "password": "y"}
    ours = rest.call("POST", "/services/oauth2/token", data={**form, "client_secret": crm.sessions.consumer_secret})
    theirs = _bodies()["auth_error_response"]
    assert set(ours.json()) == set(theirs)
    assert ours.json()["error"] == theirs["error"]


def test_bulk_jobs_and_their_results(crm: SalesforceSandbox, rest: Rest) -> None:
    theirs = json.loads((API / "salesforce_bulk2.json").read_text())
    body = {"object": "Contact", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"}
    job = rest.call("POST", "/jobs/ingest", json=body).json()
    opened = theirs["ingest_job"][0]
    for key in set(opened) - {"jobType"}:
        assert type(job[key]) is type(opened[key]), key
    upload = b"LastName,FirstName,Email\nx,Bob,contact1@example.com\ny,Alice,none\n"
    rest.call("PUT", f"/jobs/ingest/{job['id']}/batches", data=upload, headers={"Content-Type": "text/csv"})
    states = [rest.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": "UploadComplete"}).json()["state"]]
    states += [rest.get(f"/jobs/ingest/{job['id']}")["state"] for _ in range(2)]
    assert ["Open", *states] == [each["state"] for each in theirs["ingest_job"]]
    done = rest.get(f"/jobs/ingest/{job['id']}")
    assert set(theirs["ingest_job"][-1]) <= set(done)
    text_ = rest.call("GET", f"/jobs/ingest/{job['id']}/successfulResults").text
    real = theirs["successful_results_csv"]
    assert text_.startswith('"sf__Id","sf__Created",')
    assert [row["sf__Created"] for row in csv.DictReader(io.StringIO(text_))] == ["true"]
    assert real.startswith('"sf__Id","sf__Created",')

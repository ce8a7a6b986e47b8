"""Associations, properties, pipelines, owners, lists and consent: what surrounds the records."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.testing.sandbox.hubspot.conftest import OBJECTS, Api, some_deals

PROPERTIES = "/crm/v3/properties/deals"
MINE = {"name": "mine", "label": "Mine", "groupName": "dealinformation", "type": "string", "fieldType": "text"}


def test_associations_have_a_paging_of_their_own() -> None:
    with HubSpotSandbox(association_page=2) as crm:
        api = Api(crm)
        people = [f"c{n}" for n in range(5)]
        loaded = crm.load(deals=some_deals(2), contacts=[{"contact_id": one} for one in people])
        deal = loaded.deals["D-0000"]
        for one in people:
            crm.link("deals", deal, "contacts", loaded.contacts[one])
        seen: list[str] = []
        wanted: dict[str, str] = {"id": deal}
        while True:
            body = api.post("/crm/v4/associations/deals/contacts/batch/read", {"inputs": [wanted]}).body
            seen += [str(one["toObjectId"]) for one in body["results"][0]["to"]]
            if "paging" not in body["results"][0]:
                break
            wanted["after"] = body["results"][0]["paging"]["next"]["after"]
        assert seen == [loaded.contacts[one] for one in people]
        assert crm.journal.count("*/batch/read") == 3
        api.pool.clear()


def test_ids_are_numbers_in_v4_and_text_in_the_dated_versions(crm: HubSpotSandbox, api: Api) -> None:
    loaded = crm.load(contacts=[{"contact_id": "c"}], deals=[{"deal_id": "d", "contact_id": "c"}])
    inputs = {"inputs": [{"id": loaded.deals["d"]}]}
    for stem, kind in (("/crm/v4/associations", int), ("/crm/associations/2026-03", str)):
        body = api.post(f"{stem}/deals/contacts/batch/read", inputs).body
        end = body["results"][0]["to"][0]
        assert isinstance(end["toObjectId"], kind)
        assert end["associationTypes"] == [{"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}]


def test_a_thousand_ids_at_most_and_none_means_none(crm: HubSpotSandbox, api: Api) -> None:
    path = "/crm/v4/associations/deals/contacts/batch/read"
    assert api.post(path, {"inputs": [{"id": str(n)} for n in range(1001)]}).status == 400
    answer = api.post(path, {"inputs": [{"id": "1"}, {"id": "2"}]})
    assert (answer.status, answer.body["numErrors"], answer.body["results"]) == (207, 2, [])
    error = answer.body["errors"][0]
    assert (error["category"], error["subCategory"]) == (
        "OBJECT_NOT_FOUND",
        "crm.associations.NO_ASSOCIATIONS_FOUND",
    )


def test_associations_are_made_and_ended_one_by_one(crm: HubSpotSandbox, api: Api) -> None:
    loaded = crm.load(contacts=[{"contact_id": "c"}], deals=some_deals(1))
    deal, contact = loaded.deals["D-0000"], loaded.contacts["c"]
    stem = f"/crm/v4/objects/deals/{deal}/associations"
    assert api("PUT", f"{stem}/default/contacts/{contact}").status == 200
    assert [one["toObjectId"] for one in api.get(f"{stem}/contacts").body["results"]] == [int(contact)]
    assert api("DELETE", f"{stem}/contacts/{contact}").status == 204
    assert api.get(f"{stem}/contacts").body["results"] == []


def test_a_label_is_made_first_and_then_stands_beside_the_unlabelled_one(crm: HubSpotSandbox, api: Api) -> None:
    loaded = crm.load(contacts=[{"contact_id": "c"}, {"contact_id": "d"}], deals=some_deals(1))
    deal, ids = loaded.deals["D-0000"], loaded.contacts
    stem = f"/crm/v4/objects/deals/{deal}/associations"
    labelled = [{"associationCategory": "USER_DEFINED", "associationTypeId": 30}]
    assert api("PUT", f"{stem}/contacts/{ids['c']}", labelled).status == 400
    number = crm.add_label("contacts", "deals", "Decision maker")
    labelled[0]["associationTypeId"] = number
    assert api("PUT", f"{stem}/contacts/{ids['c']}", labelled).status == 201
    crm.link("deals", deal, "contacts", ids["d"], label="Decision maker")
    for one in api.get(f"{stem}/contacts").body["results"]:
        kinds = {(kind["category"], kind["typeId"], kind["label"]) for kind in one["associationTypes"]}
        assert kinds == {("HUBSPOT_DEFINED", 3, None), ("USER_DEFINED", number, "Decision maker")}
    told = api.get("/crm/v4/associations/contacts/deals/labels").body["results"]
    assert [(one["typeId"], one["label"]) for one in told] == [(4, None), (number, "Decision maker")]


def test_associations_are_ended_in_batches(crm: HubSpotSandbox, api: Api) -> None:
    loaded = crm.load(contacts=[{"contact_id": "c"}], deals=[{"deal_id": "d", "contact_id": "c"}])
    ends = {"from": {"id": loaded.deals["d"]}, "to": [{"id": loaded.contacts["c"]}]}
    path = "/crm/v4/associations/deals/contacts/batch/archive"
    assert [api.post(path, {"inputs": [ends]}).status for _ in range(2)] == [204, 204]
    assert not crm.portal.links.of("deals", loaded.deals["d"], "contacts")


def test_the_first_company_is_the_primary_one(crm: HubSpotSandbox, api: Api) -> None:
    loaded = crm.load(
        accounts=[{"account_id": "a"}, {"account_id": "b"}],
        deals=[{"deal_id": "d", "account_id": "a"}],
    )
    crm.link("deals", loaded.deals["d"], "companies", loaded.accounts["b"])
    ends = api.get(f"/crm/v4/objects/deals/{loaded.deals['d']}/associations/companies").body["results"]
    numbers = {str(one["toObjectId"]): [kind["typeId"] for kind in one["associationTypes"]] for one in ends}
    assert numbers == {loaded.accounts["a"]: [5, 341], loaded.accounts["b"]: [341]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Mine"},
        {"name": ""},
        {"groupName": "nope"},
        {"fieldType": "select"},
        {"type": "nope"},
        {"label": ""},
    ],
    ids=str,
)
def test_a_property_that_cannot_be_is_refused(api: Api, wrong: dict[str, Any]) -> None:
    assert api.post(PROPERTIES, {**MINE, **wrong}).status == 400


def test_a_property_is_made_once_in_a_group_that_is_there(api: Api) -> None:
    assert api.post(f"{PROPERTIES}/groups", {"name": "ours", "label": "Ours"}).status == 201
    assert api.post(f"{PROPERTIES}/groups", {"name": "ours", "label": "Ours"}).status == 409
    assert api.post(PROPERTIES, {**MINE, "groupName": "ours"}).status == 201
    assert api.post(PROPERTIES, {**MINE, "groupName": "ours"}).status == 409
    assert api.get(f"{PROPERTIES}/mine").body["groupName"] == "ours"
    assert "ours" in {one["name"] for one in api.get(f"{PROPERTIES}/groups").body["results"]}


def test_ten_unique_properties_and_no_more(crm: HubSpotSandbox, api: Api) -> None:
    unique = [{**MINE, "name": f"u{n}", "hasUniqueValue": True} for n in range(11)]
    assert api.post(f"{PROPERTIES}/batch/create", {"inputs": unique[:10]}).status == 201
    assert api.post(PROPERTIES, unique[10]).status == 400


def test_stage_metadata_are_words(crm: HubSpotSandbox, api: Api) -> None:
    crm.load(deals=[{"deal_id": "d", "deal_pipeline": "新規", "deal_stage": "失注", "crm_state": "lost"}])
    default, ours = api.get("/crm/v3/pipelines/deals").body["results"]
    assert [(one["label"], one["metadata"]) for one in ours["stages"]] == [
        ("失注", {"isClosed": "true", "probability": "0.0"})
    ]
    assert {one["writePermissions"] for one in default["stages"]} == {"CRM_PERMISSIONS_ENFORCEMENT"}
    assert api.get(f"/crm/v3/pipelines/deals/{ours['id']}/stages").body["results"] == ours["stages"]


def test_owners_page_and_go_by_mail_or_user(crm: HubSpotSandbox, api: Api) -> None:
    ids = [crm.add_owner(name) for name in ("a", "b", "c")]
    assert [page.ids for page in api.pages("/crm/v3/owners", limit=2)] == [ids[:2], ids[2:]]
    assert api.get("/crm/v3/owners", email="b@example.com").ids == [ids[1]]
    owner = api.get(f"/crm/v3/owners/{ids[0]}").body
    assert owner["id"] != str(owner["userId"])
    assert api.get(f"/crm/v3/owners/{owner['userId']}", idProperty="userId").body["id"] == ids[0]


@pytest.mark.parametrize(("processing", "status"), [("MANUAL", 200), ("SNAPSHOT", 200), ("DYNAMIC", 400)])
def test_only_lists_by_hand_take_members(crm: HubSpotSandbox, api: Api, *, processing: str, status: int) -> None:
    contact = crm.load(contacts=[{"contact_id": "c"}]).contacts["c"]
    path = f"/crm/v3/lists/{crm.add_list('One', processing=processing)}/memberships"
    assert api("PUT", f"{path}/add", [contact]).status == status


def test_members_come_and_go(crm: HubSpotSandbox, api: Api) -> None:
    ids = list(crm.load(contacts=[{"contact_id": f"c{n}"} for n in range(4)]).contacts.values())
    path = f"/crm/v3/lists/{crm.add_list('One')}/memberships"
    first = api("PUT", f"{path}/add", [*ids, "99"]).body
    assert (sorted(first["recordsIdsAdded"]), first["recordIdsMissing"]) == (sorted(ids), ["99"])
    assert api("PUT", f"{path}/add", ids[:1]).body["recordsIdsAdded"] == []
    assert api("PUT", f"{path}/remove", ids[:1]).body["recordIdsRemoved"] == ids[:1]
    members = [one["recordId"] for page in api.pages(path, limit=2) for one in page.body["results"]]
    assert members == sorted(ids[1:], key=int)
    assert api("PUT", "/crm/v3/lists/1/memberships/add", ids).status == 404


def test_consent_is_told_in_both_words(crm: HubSpotSandbox, api: Api) -> None:
    crm.load(contacts=[{"contact_id": "c", "opted_out": True}, {"contact_id": "d"}])

    def told(name: str) -> tuple[set[str], set[str]]:
        old = api.get(f"/communication-preferences/v3/status/email/{name}@example.com").body["subscriptionStatuses"]
        new = api.get(f"/communication-preferences/v4/statuses/{name}@example.com", channel="EMAIL").body["results"]
        return {one["status"] for one in old}, {one["status"] for one in new}

    assert told("c") == ({"NOT_SUBSCRIBED"}, {"UNSUBSCRIBED"})
    assert told("d") == ({"SUBSCRIBED"}, {"SUBSCRIBED"})


def test_frames_and_dicts_load_alike(crm: HubSpotSandbox, api: Api) -> None:
    row = {
        "deal_id": "77",
        "name": "N",
        "amount": 5.5,
        "closed_on": date(2026, 5, 1),
        "last_activity_at": datetime(2026, 4, 1, 3, tzinfo=UTC),
        "next_approach_on": date(2026, 12, 1),
        "hook": "h",
        "owner": "900",
        "crm_state": "lost",
        "deal_stage": "closedlost",
    }
    assert crm.load(deals=[row]).deals == {"77": "77"}
    first = dict(crm.objects["deals"]["77"].properties)
    with HubSpotSandbox(clock=crm.clock) as other:
        assert other.load(deals=pl.DataFrame([row])).owners == {"900": "900"}
        assert other.objects["deals"]["77"].properties == first
    assert first["closedate"] == "2026-05-01T12:00:00Z"
    assert first["notes_last_contacted"] == "2026-04-01T03:00:00Z"
    assert (first["amount"], first["next_approach_on"], first["hubspot_owner_id"]) == ("5.5", "2026-12-01", "900")
    assert api.get(f"{OBJECTS}/deals/77", idProperty="external_id").body["id"] == "77"


def test_what_was_logged_lands_on_deal_and_contact(crm: HubSpotSandbox) -> None:
    moments = [datetime(2026, 3, day, 2, tzinfo=UTC) for day in (1, 2, 3, 4)]
    loaded = crm.load(
        contacts=[{"contact_id": "c"}],
        deals=[{"deal_id": "d", "contact_id": "c"}],
        activities=[
            {"activity_id": "1", "deal_id": "d", "kind": "call", "at": moments[0]},
            {"activity_id": "2", "contact_id": "c", "kind": "email", "at": moments[1]},
            {"activity_id": "3", "deal_id": "d", "kind": "email", "at": moments[2], "automatic": True},
            {"activity_id": "4", "deal_id": "d", "kind": "task", "at": moments[3], "done": False, "key": "k"},
        ],
        signals=[
            {"contact_id": "c", "kind": "click", "at": moments[0]},
            {"contact_id": "c", "kind": "question", "at": moments[1]},
        ],
    )
    deal = crm.objects["deals"][loaded.deals["d"]].properties
    contact = crm.objects["contacts"][loaded.contacts["c"]].properties
    assert deal["notes_last_contacted"] == "2026-03-01T02:00:00Z"
    assert deal["notes_last_updated"] == "2026-03-04T02:00:00Z"
    assert contact["notes_last_contacted"] == "2026-03-02T02:00:00Z"
    assert contact["hs_email_last_click_date"] == "2026-03-01T02:00:00Z"
    assert loaded.signals == 1
    task = crm.objects["tasks"][loaded.activities["4"]].properties
    assert (task["recycle_key"], task["hs_task_status"]) == ("k", "NOT_STARTED")

"""HubSpot's own new SDK, with strict validation of every answer, on the dated API: a client that we did not write."""

from __future__ import annotations

from collections.abc import Iterator

import hubspot_sdk
import pytest
from hubspot.crm.deals.configuration import Configuration
from hubspot.crm.deals.models import Error
from hubspot_sdk import HubSpot
from hubspot_sdk.types.shared import StandardError

from recyclekit.testing.sandbox import Fault, FaultKind, StillClock
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox, Loaded
from tests.testing.sandbox.hubspot.conftest import Api, some_deals

FILLED = ["dealname", "amount", "dealstage"]  # the SDK's own types do not know null, which HubSpot answers


@pytest.fixture
def loaded(crm: HubSpotSandbox) -> Loaded:
    people = [{"contact_id": f"C-{n}", "account_id": "A-1"} for n in range(4)]
    deals = [{**deal, "contact_id": f"C-{n % 4}", "account_id": "A-1"} for n, deal in enumerate(some_deals(25))]
    return crm.load(accounts=[{"account_id": "A-1", "country": "JP"}], contacts=people, deals=deals)


@pytest.fixture
def sdk(crm: HubSpotSandbox, loaded: Loaded) -> Iterator[HubSpot]:
    with HubSpot(
        access_token=crm.token, base_url=crm.url, max_retries=0, timeout=5, _strict_response_validation=True
    ) as client:
        yield client


def test_a_list_is_read_page_by_page(sdk: HubSpot, loaded: Loaded) -> None:
    found = list(sdk.crm.objects.deals.list(limit=10, properties=FILLED, associations=["contacts"]))
    assert sorted(deal.id for deal in found) == sorted(loaded.deals.values())
    assert found[3].properties["dealname"] == "Deal 3"
    assert found[3].associations
    assert found[3].associations["contacts"].results[0].type == "deal_to_contact"


def test_one_record_is_read_with_its_history(sdk: HubSpot, crm: HubSpotSandbox, loaded: Loaded) -> None:
    deal_id = loaded.deals["D-0001"]
    crm.edit("deals", deal_id, {"amount": "7"})
    deal = sdk.crm.objects.deals.get(deal_id, properties=["dealname"], properties_with_history=["amount"])
    assert deal.properties_with_history
    assert [change.value for change in deal.properties_with_history["amount"]] == ["7", "1000"]
    assert deal.properties_with_history["amount"][0].source_type == "CRM_UI"


def test_a_record_that_is_not_there_is_the_sdks_own_error(sdk: HubSpot) -> None:
    with pytest.raises(hubspot_sdk.NotFoundError):
        sdk.crm.objects.deals.get("1")


def test_batches_are_created_updated_upserted_read_and_archived(sdk: HubSpot, crm: HubSpotSandbox) -> None:
    tasks = sdk.crm.objects.tasks
    one = {"hs_timestamp": "2027-04-01T00:00:00Z", "hs_task_subject": "a", "recycle_key": "k1"}
    made = tasks.batch.create(inputs=[{"associations": [], "properties": one, "object_write_trace_id": "t1"}])
    task_id = made.results[0].id
    done = tasks.batch.update(inputs=[{"id": task_id, "properties": {"hs_task_status": "COMPLETED"}}])
    assert done.results[0].properties["hs_task_status"] == "COMPLETED"
    both = tasks.batch.upsert(
        inputs=[
            {"id": "k1", "id_property": "recycle_key", "properties": {"hs_task_subject": "b"}},
            {"id": "k2", "id_property": "recycle_key", "properties": {**one, "recycle_key": "k2"}},
        ]
    )
    assert {task.id == task_id: task.new for task in both.results} == {True: False, False: True}
    read = tasks.batch.get(
        inputs=[{"id": "k2"}], id_property="recycle_key", properties=["hs_task_subject"], properties_with_history=[]
    )
    assert read.results[0].properties["hs_task_subject"] == "a"
    tasks.batch.delete(inputs=[{"id": task_id}])
    assert crm.objects["tasks"][task_id].archived


def test_search_finds_and_pages(sdk: HubSpot, loaded: Loaded) -> None:
    found = sdk.crm.objects.deals.search(
        after="0",
        limit=10,
        properties=FILLED,
        sorts=["hs_object_id"],
        filter_groups=[{"filters": [{"property_name": "dealstage", "operator": "EQ", "value": "closedlost"}]}],
    )
    assert (found.total, len(found.results)) == (13, 10)
    assert found.paging
    assert found.paging.next
    assert found.paging.next.after == "10"


def test_associations_are_read_in_batches(sdk: HubSpot, loaded: Loaded) -> None:
    deal_id = loaded.deals["D-0002"]
    answer = sdk.crm.associations.batch.get("contacts", from_object_type="deals", inputs=[{"id": deal_id}])
    assert answer.results[0].to[0].to_object_id == loaded.contacts["C-2"]
    assert answer.results[0].to[0].association_types[0].type_id == 3


def test_the_portal_describes_itself(sdk: HubSpot, crm: HubSpotSandbox) -> None:
    named = {one.name: one for one in sdk.crm.properties.list("deals").results}
    assert named["recycle_track"].group_name == "recyclekit"
    metadata = named["hs_is_closed_lost"].modification_metadata
    assert metadata
    assert metadata.read_only_value
    sdk.crm.properties.groups.create("contacts", name="ours", label="Ours")
    made = sdk.crm.properties.create(
        "contacts", name="tier", label="Tier", group_name="ours", type="enumeration", field_type="select",
        options=[{"label": "A", "value": "a", "hidden": False}],
    )  # fmt: skip
    assert made.options[0].value == "a"
    stages = {stage.id: stage.metadata for stage in sdk.crm.pipelines.list("deals").results[0].stages}
    assert stages["closedlost"] == {"isClosed": "true", "probability": "0.0"}
    assert {owner.email for owner in sdk.crm.owners.list()} == {f"fs-{n}@example.com" for n in range(3)}
    assert sdk.account.get().time_zone == "Asia/Tokyo"
    assert sdk.account.get_daily_private_apps_usage().results[0].current_usage > 1


def test_lists_take_members(sdk: HubSpot, loaded: Loaded) -> None:
    made = sdk.crm.lists.create(name="Nurture", object_type_id="0-1", processing_type="MANUAL").list
    contact = loaded.contacts["C-1"]
    changed = sdk.crm.lists.add_memberships(made.list_id, body=[contact, "99"])
    assert (changed.records_ids_added, changed.record_ids_missing) == ([contact], ["99"])
    assert [one.record_id for one in sdk.crm.lists.list_memberships(made.list_id)] == [contact]
    assert sdk.crm.lists.get(made.list_id).list.name == "Nurture"
    found = sdk.crm.lists.list_by_search(list_ids=[], offset=0, processing_types=["MANUAL"], query="nurt")
    assert [one.list_id for one in found.lists] == [made.list_id]


def test_consent_is_told_by_subscription(sdk: HubSpot, crm: HubSpotSandbox, loaded: Loaded) -> None:
    crm.unsubscribe("c-1@example.com")
    told = sdk.communication_preferences.get_statuses("c-1@example.com", channel="EMAIL")
    assert {one.status for one in told.results} == {"UNSUBSCRIBED"}
    assert crm.objects["contacts"][loaded.contacts["C-1"]].properties["hs_email_optout"] == "true"


def test_a_refresh_token_becomes_an_access_token(sdk: HubSpot, crm: HubSpotSandbox) -> None:
    answer = sdk.auth.oauth.create_token(
        grant_type="refresh_token",
        client_id=crm.oauth.client_id,
        client_secret=crm.oauth.client_secret,
        refresh_token=crm.oauth.refresh_token,
    )
    assert answer.expires_in == 1800
    with HubSpot(access_token=answer.access_token, base_url=crm.url, max_retries=0) as client:
        assert client.crm.owners.list(limit=1).results


def test_the_sdks_own_retries_overcome_what_passes(
    crm: HubSpotSandbox, clock: StillClock, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubspot_sdk._base_client.time.sleep", clock.sleep)
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=429, retry_after=3), Fault(kind=FaultKind.RESET))
    with HubSpot(access_token=crm.token, base_url=crm.url, max_retries=3, _strict_response_validation=True) as client:
        assert len(client.crm.objects.deals.list(limit=5, properties=FILLED).results) == 5
    assert [call.status for call in crm.journal] == [429, 0, 200]
    assert clock.slept >= 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind=FaultKind.STATUS, status=429), hubspot_sdk.RateLimitError),
        (Fault(kind=FaultKind.TOKEN_EXPIRED), hubspot_sdk.AuthenticationError),
        (Fault(kind=FaultKind.HTML, status=502), hubspot_sdk.InternalServerError),
        (Fault(kind=FaultKind.CUT_OFF), hubspot_sdk.APIConnectionError),
        (Fault(kind=FaultKind.SILENCE), hubspot_sdk.APITimeoutError),
        (Fault(kind=FaultKind.LYING_200), hubspot_sdk.APIResponseValidationError),
    ],
    ids=lambda one: one.kind if isinstance(one, Fault) else "",
)
def test_each_fault_is_the_error_that_the_sdk_knows_it_by(
    crm: HubSpotSandbox, loaded: Loaded, fault: Fault, error: type[Exception]
) -> None:
    crm.faults.add(fault)
    patience = 0.3 if fault.kind is FaultKind.SILENCE else 5
    with (
        HubSpot(
            access_token=crm.token,
            base_url=crm.url,
            max_retries=0,
            timeout=patience,
            _strict_response_validation=True,
        ) as client,
        pytest.raises(error),
    ):
        client.crm.objects.deals.get(loaded.deals["D-0001"], properties=FILLED)


def test_the_errors_inside_an_answer_have_the_declared_shape(crm: HubSpotSandbox, api: Api, loaded: Loaded) -> None:
    deal = loaded.deals["D-0001"]
    bad = {"id": deal, "objectWriteTraceId": "t", "properties": {"nope": "1"}}
    answers = [
        api.batch("deals", "update", [bad]),
        api.batch("deals", "read", [{"id": "1"}]),
        api.post("/crm/v4/associations/tasks/deals/batch/read", {"inputs": [{"id": "1"}]}),
    ]
    errors = [error for answer in answers for error in answer.body["errors"]]
    assert [answer.status for answer in answers] == [207] * 3
    assert [StandardError.model_validate(error).category for error in errors] == [
        "VALIDATION_ERROR",
        "OBJECT_NOT_FOUND",
        "OBJECT_NOT_FOUND",
    ]


def test_refusals_have_the_declared_shape(crm: HubSpotSandbox, api: Api) -> None:
    strict = Configuration()
    strict.client_side_validation = True
    crm.sign_in.scopes.discard("crm.lists.read")
    refused = [
        api.post("/crm/v3/objects/deals", {"properties": {"nope": "1"}}),
        api.get("/crm/v3/objects/deals/1"),
        api.get("/crm/v3/lists/101"),
        api.get("/crm/v3/objects/deals", limit="x"),
    ]
    api.token = "pat-na1-of-somebody-else"
    refused.append(api.get("/crm/v3/owners"))
    assert [answer.status for answer in refused] == [400, 404, 403, 400, 401]
    for answer in refused:
        body = {name: answer.body.get(name) for name in ("message", "category")}
        Error(correlation_id=answer.body["correlationId"], **body, local_vars_configuration=strict)

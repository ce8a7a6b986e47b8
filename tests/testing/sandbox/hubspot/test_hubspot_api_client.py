"""HubSpot's SDK of today, hubspot-api-client 12, with validation on its side: v3 and v4 paths, as the plugin speaks."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.deals import (
    ApiException,
    BatchInputSimplePublicObjectBatchInput,
    BatchResponseSimplePublicObjectWithErrors,
    PublicObjectSearchRequest,
)
from hubspot.crm.objects import (
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchReadInputSimplePublicObjectId,
)

from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox, Loaded
from tests.testing.sandbox.hubspot.conftest import some_deals


@pytest.fixture
def loaded(crm: HubSpotSandbox) -> Loaded:
    deals = [{**deal, "contact_id": "C-1"} for deal in some_deals(25)]
    return crm.load(contacts=[{"contact_id": "C-1"}], deals=deals)


@pytest.fixture
def sdk(crm: HubSpotSandbox, loaded: Loaded) -> Iterator[Any]:
    yield HubSpot(access_token=crm.token, host=crm.url, retry=False, client_side_validation=True).crm
    gc.collect()  # it closes its pools only then


def test_a_list_is_read_page_by_page(sdk: Any, loaded: Loaded) -> None:
    found = sdk.deals.get_all(properties=["dealname", "closed_lost_reason"])
    assert sorted(deal.id for deal in found) == sorted(loaded.deals.values())
    assert {deal.properties["closed_lost_reason"] for deal in found} == {"No budget", None}
    assert found[0].created_at.tzinfo


def test_search_takes_what_the_sdk_builds(sdk: Any) -> None:
    lost = {"propertyName": "hs_is_closed_lost", "operator": "EQ", "value": "true"}
    request = PublicObjectSearchRequest(filter_groups=[{"filters": [lost]}], limit=5, properties=["dealname"])
    found = sdk.deals.search_api.do_search(public_object_search_request=request)
    assert (found.total, len(found.results), found.paging.next.after) == (13, 5, "5")


def test_a_batch_without_trace_ids_fails_as_a_whole_and_with_them_only_where_it_must(
    sdk: Any, crm: HubSpotSandbox, loaded: Loaded
) -> None:
    good, bad = loaded.deals["D-0001"], loaded.deals["D-0002"]
    inputs = [
        {"id": good, "properties": {"amount": "1"}},
        {"id": bad, "properties": {"no_such_property": "1"}},
    ]
    with pytest.raises(ApiException) as refused:
        sdk.deals.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=inputs))
    assert refused.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in refused.value.body
    assert crm.objects["deals"][good].properties["amount"] == "1000"
    for number, given in enumerate(inputs):
        given["objectWriteTraceId"] = f"t{number}"
    answer = sdk.deals.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=inputs))
    assert isinstance(answer, BatchResponseSimplePublicObjectWithErrors)
    assert answer.num_errors == 1
    assert answer.errors[0].context == {"objectWriteTraceId": ["t1"]}
    assert [one.id for one in answer.results] == [good]
    assert crm.objects["deals"][good].properties["amount"] == "1"


def test_tasks_are_created_with_associations_and_found_by_key(sdk: Any, crm: HubSpotSandbox, loaded: Loaded) -> None:
    deal = loaded.deals["D-0003"]
    task = {
        "objectWriteTraceId": "t",
        "properties": {"hs_timestamp": "2027-04-01T00:00:00Z", "hs_task_subject": "Call", "recycle_key": "k"},
        "associations": [
            {"to": {"id": deal}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 216}]}
        ],
    }
    objects = sdk.objects.batch_api
    made = objects.create("tasks", BatchInputSimplePublicObjectBatchInputForCreate(inputs=[task])).results[0]
    assert list(crm.portal.links.of("deals", deal, "tasks")) == [made.id]
    again = BatchInputSimplePublicObjectBatchInputUpsert(
        inputs=[{"id": "k", "idProperty": "recycle_key", "properties": {"hs_task_subject": "Mail"}}]
    )
    upserted = objects.upsert("tasks", again).results[0]
    assert (upserted.id, upserted.new) == (made.id, False)
    read = objects.read(
        "tasks",
        BatchReadInputSimplePublicObjectId(
            inputs=[{"id": "k"}, {"id": "none"}],
            id_property="recycle_key",
            properties=["hs_task_subject"],
            properties_with_history=[],
        ),
    )
    assert (read.results[0].properties["hs_task_subject"], read.num_errors) == ("Mail", 1)


def test_no_associations_is_a_207_that_means_none(sdk: Any, crm: HubSpotSandbox, loaded: Loaded) -> None:
    alone = crm.load(deals=[{"deal_id": "alone"}]).deals["alone"]
    ids = [{"id": loaded.deals["D-0001"]}, {"id": alone}]
    request = BatchInputPublicFetchAssociationsBatchRequest(inputs=ids)
    answer = sdk.associations.v4.batch_api.get_page("deals", "contacts", request)
    assert [one.to[0].to_object_id for one in answer.results] == [loaded.contacts["C-1"]]
    assert [error.sub_category for error in answer.errors] == ["crm.associations.NO_ASSOCIATIONS_FOUND"]


def test_the_portal_describes_itself(sdk: Any) -> None:
    assert "dealstage" in {one.name for one in sdk.properties.core_api.get_all("deals").results}
    stages = sdk.pipelines.pipelines_api.get_all("deals").results[0].stages
    assert [stage.metadata["probability"] for stage in stages if stage.metadata["isClosed"] == "true"] == ["1.0", "0.0"]
    assert len(sdk.owners.get_all()) == 3


def test_lists_take_members(sdk: Any, crm: HubSpotSandbox, loaded: Loaded) -> None:
    nurture, contact = crm.add_list("Nurture"), loaded.contacts["C-1"]
    changed = sdk.lists.memberships_api.add(nurture, [contact])
    assert (changed.records_ids_added, changed.record_ids_missing) == ([contact], [])
    dynamic = crm.add_list("Everybody", processing="DYNAMIC")
    lists = importlib.import_module("hubspot.crm.lists")
    with pytest.raises(lists.ApiException, match="DYNAMIC"):
        sdk.lists.memberships_api.add(dynamic, [contact])


def test_a_success_of_an_unexpected_code_is_silently_nothing(sdk: Any, crm: HubSpotSandbox, loaded: Loaded) -> None:
    crm.faults.add(Fault(kind=FaultKind.LYING_200, status=202, body=""))
    inputs = [{"id": loaded.deals["D-0001"], "properties": {"amount": "1"}}]
    assert sdk.deals.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=inputs)) is None
    assert crm.objects["deals"][loaded.deals["D-0001"]].properties["amount"] == "1000"


def test_the_validation_is_on(sdk: Any, crm: HubSpotSandbox) -> None:
    crm.faults.add(Fault(kind=FaultKind.LYING_200, body='{"results":[{"id":"1"}]}'))
    with pytest.raises(ValueError, match="must not be `None`"):
        sdk.deals.basic_api.get_page()

"""Lists and batch reads: cursors, what an answer holds, what is missing, history, and what is in the bin."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.testing.sandbox.hubspot.conftest import OBJECTS, Api, some_deals

DEALS = f"{OBJECTS}/deals"


def test_the_cursor_of_a_list_is_the_next_id_so_ranges_can_be_read(crm: HubSpotSandbox, api: Api) -> None:
    ids = sorted(crm.load(deals=some_deals(30)).deals.values(), key=int)
    first = api.get(DEALS, limit=10)
    assert first.ids == ids[:10]
    assert first.body["paging"]["next"]["after"] == str(int(ids[9]) + 1)
    assert api.get(DEALS, limit=10, after=ids[20]).ids == ids[20:]
    assert "paging" not in api.get(DEALS, limit=10, after=ids[20]).body


def test_a_cursor_is_stable_while_records_change(crm: HubSpotSandbox, api: Api) -> None:
    ids = sorted(crm.load(deals=some_deals(30)).deals.values(), key=int)
    after = api.get(DEALS, limit=10).body["paging"]["next"]["after"]
    crm.edit("deals", ids[2], {"amount": "1"})
    crm.archive("deals", ids[3])
    assert api.get(DEALS, limit=10, after=after).ids == ids[10:20]


def test_opaque_cursors_allow_no_ranges() -> None:
    with HubSpotSandbox(opaque_cursors=True) as crm:
        crm.load(deals=some_deals(25))
        api = Api(crm)
        pages = api.pages(DEALS, limit=10)
        assert [len(page.ids) for page in pages] == [10, 10, 5]
        assert not pages[0].body["paging"]["next"]["after"].isdigit()
        assert api.get(DEALS, after=pages[1].ids[0]).status == 400
        api.pool.clear()


@pytest.mark.parametrize(
    "query", [{"limit": "101"}, {"limit": "51", "propertiesWithHistory": "amount"}, {"after": "x"}]
)
def test_a_page_has_its_limits(api: Api, query: dict[str, str]) -> None:
    assert api.get(DEALS, **query).status == 400


def test_every_value_is_text_or_null_and_what_nobody_knows_is_left_out(crm: HubSpotSandbox, api: Api) -> None:
    crm.load(deals=some_deals(2))
    asked = ["amount", "closed_lost_reason", "no_such_property", "hs_is_closed_lost"]
    first, second = (one["properties"] for one in api.get(DEALS, properties=asked).body["results"])
    assert first["amount"] == "0"
    assert (first["hs_is_closed_lost"], second["hs_is_closed_lost"]) == ("true", "false")
    assert second["closed_lost_reason"] is None
    assert "no_such_property" not in first
    assert list(first) == sorted(first)
    assert {"createdate", "hs_lastmodifieddate", "hs_object_id"} <= first.keys()


def test_a_property_hidden_by_permission_is_as_if_it_were_not_there(crm: HubSpotSandbox, api: Api) -> None:
    loaded = crm.load(deals=some_deals(1))
    crm.portal.definitions["deals"]["amount"].forbidden = True
    assert "amount" not in api.get(DEALS, properties="amount").body["results"][0]["properties"]
    assert "amount" not in {one["name"] for one in api.get("/crm/v3/properties/deals").body["results"]}
    written = api.batch("deals", "update", [{"id": loaded.deals["D-0000"], "properties": {"amount": "1"}}])
    assert (written.status, written.body["errors"][0]["code"]) == (400, "PROPERTY_DOESNT_EXIST")


def test_a_batch_read_answers_out_of_order_and_tells_what_is_missing(crm: HubSpotSandbox, api: Api) -> None:
    ids = list(crm.load(deals=some_deals(20)).deals.values())
    answer = api.batch("deals", "read", [{"id": one} for one in [*ids, "1"]], properties=["dealname"])
    assert answer.status == 207
    assert sorted(answer.ids) == sorted(ids)
    assert answer.ids != ids
    assert answer.body["numErrors"] == 1
    assert answer.body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert answer.body["errors"][0]["context"] == {"ids": ["1"]}
    dated = "/crm/objects/2026-09/deals/batch/read"
    assert api.post(dated, {"inputs": [{"id": "1"}]}).status == 200


def test_more_than_a_hundred_inputs_are_refused(api: Api) -> None:
    assert api.batch("deals", "read", [{"id": str(one)} for one in range(101)]).status == 400


def test_what_is_in_the_bin_is_a_pass_of_its_own(crm: HubSpotSandbox, api: Api) -> None:
    ids = list(crm.load(deals=some_deals(3)).deals.values())
    crm.archive("deals", ids[1])
    assert api.get(DEALS).ids == [ids[0], ids[2]]
    binned = api.get(DEALS, archived="true").body["results"]
    assert [(one["id"], one["archived"], "archivedAt" in one) for one in binned] == [(ids[1], True, True)]
    assert api.get(f"{DEALS}/{ids[1]}").status == 404


def test_history_says_who_wrote_what(crm: HubSpotSandbox, api: Api) -> None:
    deal = crm.load(deals=some_deals(1)).deals["D-0000"]
    api.batch("deals", "update", [{"id": deal, "properties": {"recycle_track": "timing"}}])
    crm.edit("deals", deal, {"recycle_track": "price"})
    answer = api.batch("deals", "read", [{"id": deal}], properties=[], propertiesWithHistory=["recycle_track"])
    changes = answer.body["results"][0]["propertiesWithHistory"]["recycle_track"]
    assert [(one["value"], one["sourceType"]) for one in changes] == [("price", "CRM_UI"), ("timing", "INTEGRATION")]
    assert "updatedByUserId" in changes[0]


def test_a_partial_read_leaves_records_out(crm: HubSpotSandbox, api: Api) -> None:
    ids = list(crm.load(deals=some_deals(5)).deals.values())
    crm.faults.add(Fault(kind=FaultKind.PARTIAL, rows=2))
    answer = api.batch("deals", "read", [{"id": one} for one in ids])
    assert (answer.status, len(answer.ids), len(answer.body["errors"][0]["context"]["ids"])) == (207, 3, 2)


def test_types_go_by_many_names(crm: HubSpotSandbox, api: Api) -> None:
    crm.load(deals=some_deals(1))
    for name in ("deals", "deal", "DEAL", "0-3"):
        assert len(api.get(f"{OBJECTS}/{name}").ids) == 1
    assert api.get(f"{OBJECTS}/nonsense").status == 400
    assert api.get("/crm/v1/nonsense").status == 404


def test_single_calls_follow_a_merged_id_and_batches_do_not(crm: HubSpotSandbox, api: Api) -> None:
    kept, gone = crm.load(deals=some_deals(2)).deals.values()
    crm.merge("deals", kept, gone)
    assert api.get(f"{DEALS}/{gone}").body["id"] == kept
    assert api("PATCH", f"{DEALS}/{gone}", {"properties": {"amount": "5"}}).body["id"] == kept
    assert api.batch("deals", "read", [{"id": gone}]).body["numErrors"] == 1
    assert api.batch("deals", "update", [{"id": gone, "properties": {"amount": "6"}}]).body["numErrors"] == 1
    assert crm.objects["deals"][kept].properties["hs_merged_object_ids"] == gone
    assert crm.objects["deals"][kept].properties["amount"] == "5"


def test_a_loaded_history_is_told_newest_first_with_stages_by_id(crm: HubSpotSandbox, api: Api) -> None:
    deal = {"deal_id": "1", "deal_pipeline": "新規", "deal_stage": "失注", "crm_state": "lost"}
    moments = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2)]
    past = [
        {"deal_id": "1", "field": "deal_stage", "value": stage, "at": at}
        for stage, at in zip(("提案中", "失注"), moments, strict=True)
    ]
    crm.load(deals=[deal], history=reversed(past))
    shown = api.get(f"{DEALS}/1", propertiesWithHistory="dealstage").body
    changes = shown["propertiesWithHistory"]["dealstage"]
    assert [one["timestamp"] for one in changes] == ["2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"]
    assert changes[0]["value"] == shown["properties"]["dealstage"]
    assert changes[1]["value"] == "提案中"  # a stage that is no more

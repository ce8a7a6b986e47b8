"""Search: operators, the wall at 10,000, an index that lags, five calls a second, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from recyclekit.testing.sandbox import Fault, FaultKind, StillClock
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.testing.sandbox.hubspot.conftest import Api, some_deals


@pytest.fixture
def deals(crm: HubSpotSandbox) -> dict[str, str]:
    crm._searches = None  # the limit has a test of its own
    return crm.load(deals=some_deals(12)).deals


@pytest.mark.parametrize(
    ("name", "operator", "value", "found"),
    [
        ("amount", "GTE", "9000", 3),
        ("amount", "LT", "1000", 1),
        ("amount", "EQ", "3000", 1),
        ("amount", "NEQ", "3000", 11),
        ("amount", "IN", ["1000", "2000", "5"], 2),
        ("dealstage", "EQ", "closedlost", 6),
        ("dealstage", "EQ", "ClosedLost", 0),
        ("dealstage", "NOT_IN", ["closedlost"], 6),
        ("closed_lost_reason", "HAS_PROPERTY", None, 6),
        ("closed_lost_reason", "NOT_HAS_PROPERTY", None, 6),
        ("closed_lost_reason", "IN", ["no budget"], 6),
        ("closed_lost_reason", "IN", ["No budget"], 0),
        ("dealname", "CONTAINS_TOKEN", "deal*", 12),
        ("dealname", "EQ", "DEAL 4", 1),
        ("hs_lastmodifieddate", "GTE", "1767225600000", 12),
        ("hs_lastmodifieddate", "LT", "1767225600000", 0),
    ],
)
def test_operators_mean_what_hubspot_means(
    api: Api, deals: dict[str, str], *, name: str, operator: str, value: Any, found: int
) -> None:
    answer = api.search("deals", (name, operator, value))
    assert (answer.status, answer.body["total"]) == (200, found)


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"after": "9900", "limit": 200},
        {"sorts": ["dealname", "amount"]},
        {"sorts": ["no_such_property"]},
        {"filterGroups": [{"filters": [{"propertyName": "nope", "operator": "EQ", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "LIKE", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "createdate", "operator": "GT", "value": "2026-01-01"}]}]},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "HAS_PROPERTY"}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "IN", "values": ["1"] * 101}]}]},
        {"query": "x" * 3000},
    ],
    ids=lambda body: next(iter(body)),
)
def test_what_makes_no_sense_is_a_400(api: Api, deals: dict[str, str], body: dict[str, Any]) -> None:
    assert api.post("/crm/v3/objects/deals/search", body).status == 400


def test_groups_are_alternatives_and_one_sort_is_allowed(api: Api, deals: dict[str, str]) -> None:
    def only(name: str) -> dict[str, Any]:
        return {"filters": [{"propertyName": "dealname", "operator": "EQ", "value": name}]}

    body = {"filterGroups": [only("Deal 3"), only("Deal 8")], "sorts": ["-amount"], "limit": 5}
    assert api.post("/crm/v3/objects/deals/search", body).ids == [deals["D-0008"], deals["D-0003"]]


def test_the_wall_stands_at_ten_thousand_and_a_keyset_goes_through(crm: HubSpotSandbox, api: Api) -> None:
    crm._searches = None
    crm.load(deals=({"deal_id": str(n)} for n in range(1, 10_301)))
    crm.bulk_edit("deals", {"dealname": "moved"})  # all of them share one modified date
    moment = crm.objects["deals"]["1"].properties["hs_lastmodifieddate"]
    assert {one.properties["hs_lastmodifieddate"] for one in crm.objects["deals"].values()} == {moment}
    last = api.search("deals", after="9800")
    assert (last.status, last.body["total"], last.body["paging"]["next"]["after"]) == (200, 10_300, "10000")
    assert api.search("deals", after="10000").status == 400
    seen: list[str] = []
    while page := api.search("deals", ("hs_object_id", "GT", seen[-1] if seen else "0"), sorts=["hs_object_id"]).ids:
        seen += page
    assert seen == [str(n) for n in range(1, 10_301)]


def test_the_index_lags_and_catches_up(crm: HubSpotSandbox, api: Api, clock: StillClock, deals: dict[str, str]) -> None:
    crm.fall_behind(60)
    api.batch("deals", "update", [{"id": deals["D-0003"], "properties": {"dealname": "new"}}])
    crm.archive("deals", deals["D-0004"])
    made = crm.create("deals", {"dealname": "new"})
    assert api.search("deals", ("dealname", "EQ", "new")).ids == []
    stale = api.search("deals", ("dealname", "EQ", "Deal 3"), properties=["dealname"]).body["results"]
    assert stale[0]["properties"]["dealname"] == "Deal 3"
    assert api.search("deals").body["total"] == 12
    clock.advance(60)
    assert sorted(api.search("deals", ("dealname", "EQ", "new")).ids) == sorted([deals["D-0003"], made.id])
    assert api.search("deals").body["total"] == 12


def test_a_fault_lets_the_index_fall_behind(crm: HubSpotSandbox, api: Api, deals: dict[str, str]) -> None:
    crm.faults.add(Fault(kind=FaultKind.STALE_INDEX, seconds=10))
    api.get("/crm/v3/owners")
    crm.edit("deals", deals["D-0003"], {"dealname": "new"})
    assert api.search("deals", ("dealname", "EQ", "new")).body["total"] == 0


def test_five_searches_a_second_without_a_word_on_limits(crm: HubSpotSandbox, api: Api, clock: StillClock) -> None:
    answers = [api.search("contacts") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert not [name for answer in answers for name in answer.headers if "RateLimit" in name]
    assert "policyName" not in answers[-1].body
    assert answers[-1].body["message"] == "You have reached your secondly limit."
    assert api.get("/crm/v3/owners").status == 200  # the ten-secondly limit is another one
    clock.advance(1)
    assert api.search("contacts").status == 200

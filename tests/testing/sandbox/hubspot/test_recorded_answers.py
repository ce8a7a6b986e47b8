"""What a real portal answered in 2022, asked again of the sandbox: the same statuses, shapes and spellings."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.testing.sandbox.hubspot.conftest import Api, Said

RECORDED = Path(__file__).parents[4] / "../shared/data/api"
CALLS, PAGES, EXAMPLES = (
    RECORDED / name
    for name in ("hubspot_v3_contacts.jsonl.gz", "hubspot_v3_object_pages.json", "hubspot_examples.json")
)
OWN = {"date_field": "date", "number_field": "number", "text_field": "string"}
"""What that portal had made for itself. The session asks for others, too, which are left out without a word."""
BY_HUBSPOT = re.compile(r"hs_(all_contact_vids|email_domain|is_contact|is_unworked|pipeline|object_source|object_id)")
"""Properties that one side fills in by itself when a contact is written, and the other does not."""


def needs(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path.name}: the recorded answers are not beside this checkout")
    return path


def recorded() -> Iterator[dict[str, Any]]:
    with gzip.open(needs(CALLS)) as lines:
        yield from map(orjson.loads, lines)


@pytest.fixture
def portal(crm: HubSpotSandbox) -> HubSpotSandbox:
    crm._searches = None
    for name, kind in OWN.items():
        crm.portal.definitions["contacts"].define(name, type=kind)
    crm.create("contacts", {"email": "grouparoo@demo.com", "firstname": "x"})
    return crm


def test_a_whole_recorded_session_is_answered_alike(portal: HubSpotSandbox, api: Api) -> None:
    ours: dict[str, str] = {"286101": next(iter(portal.objects["contacts"]))}
    compared = 0
    for call in recorded():
        if call["status"] == 429:
            continue  # asked for by a test of its own
        if call["path"].endswith("batch/create"):
            _begin_again(portal, call["request_body"])
        body = _with_our_ids(call["request_body"], ours)
        answer = api(call["method"], call["path"], body)
        assert answer.status == call["status"], (call["request_body"], answer.body)
        if not call["response_body"]:
            assert answer.body is None
            continue
        if call["path"].endswith("batch/create"):
            ours |= _paired(call["response_body"]["results"], answer)
        compared += _compare(call, answer)
    assert compared > 40


def _begin_again(portal: HubSpotSandbox, body: dict[str, Any]) -> None:
    """The file holds several sessions; what was cleaned up between them is not in it."""
    for given in body["inputs"]:
        known = portal.portal.by_unique("contacts", "email", given["properties"]["email"])
        if known is not None:
            portal.archive("contacts", known.id)


def _with_our_ids(body: dict[str, Any], ours: dict[str, str]) -> dict[str, Any]:
    inputs = [{**one, "id": ours[one["id"]]} if "id" in one else one for one in body.get("inputs", ())]
    return {**body, "inputs": inputs} if inputs else body


def _paired(theirs: list[dict[str, Any]], answer: Said) -> dict[str, str]:
    by_mail = {one["properties"]["email"]: one["id"] for one in answer.body["results"]}
    return {one["id"]: by_mail[one["properties"]["email"]] for one in theirs}


def _compare(call: dict[str, Any], answer: Said) -> int:
    """Compare an answer with the recorded one, record by record; return how many were compared."""
    real = call["response_body"]
    assert set(answer.body) - {"paging"} == set(real)
    by_mail = {one["properties"]["email"]: one for one in answer.body["results"]}
    compared = 0
    for theirs in real["results"]:
        mine = by_mail.get(theirs["properties"]["email"])
        if mine is None:
            assert call["path"].endswith("search")  # their index lagged, ours did not
            continue
        compared += 1
        assert set(mine) == set(theirs)
        assert _filled(mine["properties"]).keys() == _filled(theirs["properties"]).keys()
        for values in (mine["properties"], theirs["properties"]):
            assert {type(value) for value in values.values()} <= {str, type(None)}
        if not call["path"].endswith("search"):  # found by an index, theirs may be old
            sent = {"email", "firstname", "lastname", *OWN} & theirs["properties"].keys()
            assert {name: mine["properties"][name] for name in sent} == {
                name: theirs["properties"][name] for name in sent
            }
    return compared


def _filled(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if not BY_HUBSPOT.fullmatch(name)}


def test_a_search_too_many_is_refused_in_the_recorded_words(crm: HubSpotSandbox, api: Api) -> None:
    real = next(call for call in recorded() if call["status"] == 429)
    answer = [api(real["method"], real["path"], {"limit": 1}) for _ in range(6)][-1]
    assert answer.status == 429
    assert {**answer.body, "correlationId": ""} == {**real["response_body"], "correlationId": ""}
    assert "Retry-After" not in answer.headers


def test_a_stale_total_counts_what_is_gone(portal: HubSpotSandbox, api: Api) -> None:
    """Recorded right after an archive: {"total": 1, "results": []}."""
    assert any(call["response_body"] == {"total": 1, "results": []} for call in recorded())
    portal.fall_behind(60)
    portal.archive("contacts", next(iter(portal.objects["contacts"])))
    assert api.search("contacts", ("email", "EQ", "grouparoo@demo.com")).body == {"total": 1, "results": []}


def test_times_have_three_digits_or_none(crm: HubSpotSandbox, api: Api) -> None:
    real = set(re.findall(r":\d\d(\.\d+)?Z", orjson.dumps(list(recorded())).decode()))
    assert {len(fraction) for fraction in real} == {0, 4}
    crm.create("contacts", {"email": "a@example.com"})
    crm.clock.advance(0.25)  # type: ignore[attr-defined]
    crm.create("contacts", {"email": "b@example.com"})
    times = [one["createdAt"] for one in api.get("/crm/v3/objects/contacts").body["results"]]
    assert [time[19:] for time in times] == ["Z", ".250Z"]


@pytest.mark.parametrize("kind", ["deals", "companies", "contacts"])
def test_a_recorded_page_and_ours_have_the_same_keys(crm: HubSpotSandbox, api: Api, kind: str) -> None:
    page = orjson.loads(needs(PAGES).read_bytes())[kind]
    real = page["results"][0]
    given = {"name": "n", "email": "a@example.com", "deal_id": "1", "contact_id": "1", "account_id": "1"}
    crm.load(**{"accounts" if kind == "companies" else kind: [given]})
    answer = api.get(f"/crm/v3/objects/{kind}")
    assert set(answer.body) == set(page)
    assert set(answer.body["results"][0]) == set(real)
    assert set(answer.body["results"][0]["properties"]) == set(real["properties"])


def test_a_printed_task_is_taken_and_echoed_with_its_keys(crm: HubSpotSandbox, api: Api) -> None:
    examples = orjson.loads(needs(EXAMPLES).read_bytes())
    request, printed = examples["task_create_request"], examples["task_create_response_201"]
    contact = crm.load(contacts=[{"contact_id": "101"}]).contacts["101"]
    assert contact == str(request["associations"][0]["to"]["id"])
    crm.add_owner(request["properties"]["hubspot_owner_id"])
    answer = api.post("/crm/v3/objects/tasks", request)
    assert answer.status == 201
    assert set(printed) <= set(answer.body)
    assert set(printed["properties"]) <= set(answer.body["properties"])

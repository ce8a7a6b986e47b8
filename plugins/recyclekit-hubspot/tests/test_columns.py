"""Pages become String columns; what is cut off or no page at all is noticed before anybody believes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit_hubspot.answers import NoProofError
from recyclekit_hubspot.columns import ID, PAGE, BadPageError, decode, decode_links, next_cursor
from recyclekit_hubspot.source.salvage import salvage

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "api"


def page(*records: dict[str, Any], after: str | None = None) -> bytes:
    paging = {"paging": {"next": {"after": after, "link": f"https://api.hubapi.com/x?after={after}"}}} if after else {}
    return orjson.dumps({"results": records, **paging})


def record(record_id: str, **properties: Any) -> dict[str, Any]:
    return {"id": record_id, "properties": properties, "createdAt": "2026-01-01T00:00:00Z", "archived": False}


def test_every_value_is_text_and_every_asked_property_a_column() -> None:
    frame = decode(
        [page(record("1", amount="12.50", won=True, n=3, gone=None)), page(record("2"))], ["amount", "won", "n"]
    )
    assert frame.drop(PAGE).to_dicts() == [
        {"amount": "12.50", "won": "true", "n": "3", ID: "1"},
        {"amount": None, "won": None, "n": None, ID: "2"},
    ]
    assert set(frame.drop(PAGE).dtypes) == {pl.String}
    assert frame[PAGE].to_list() == [0, 1]


def test_a_page_without_records_has_the_columns_all_the_same() -> None:
    assert decode([page()], ["amount"]).columns[:2] == ["amount", ID]


@pytest.mark.parametrize(
    "bad", [b"<html>", b'{"results":[{"id":"1"', b"{}", b"[]", b"null", b'{"results":[{"x":1}]}', b"\xff"]
)
def test_a_page_that_is_none_is_named(bad: bytes) -> None:
    with pytest.raises(BadPageError) as raised:
        decode([page(record("1")), bad, page(record("2"))], ["amount"])
    assert raised.value.index == 1


def test_the_next_cursor_stands_at_the_end_of_a_page() -> None:
    assert next_cursor(page(record("1"), after="124")) == "124"
    assert next_cursor(page(record("1"))) is None


def test_a_cursor_that_stands_elsewhere_is_found_all_the_same() -> None:
    first = b'{"paging":{"next":{"after":"7"}},"results":[]}'
    assert next_cursor(first) == "7"
    assert next_cursor(b'{ "results" : [] , "paging" : { "next" : { "link" : "l", "after" : "8" } } }\n') == "8"


def test_a_property_that_looks_like_a_cursor_is_none() -> None:
    trap = '"paging":{"next":{"after":"666"}}}'
    assert next_cursor(page(record("1", name=trap))) is None
    assert next_cursor(page(record("1", name=trap), after="5")) == "5"
    assert next_cursor(page(record("1", paging={"next": {"after": "666"}}))) is None


@given(st.text(max_size=60), st.one_of(st.none(), st.integers(1, 10**12)), st.integers(0, 200))
def test_a_page_that_is_cut_off_anywhere_is_never_taken_for_a_whole_one(text: str, after: int | None, cut: int) -> None:
    whole = page(record("1", name=text), after=None if after is None else str(after))
    assert next_cursor(whole) == (None if after is None else str(after))
    half = whole[: min(cut, len(whole) - 1)]
    with pytest.raises(NoProofError):
        next_cursor(half)


def test_links_are_read_with_types_labels_and_what_follows() -> None:
    body = {
        "status": "COMPLETE",
        "results": [
            {
                "from": {"id": "1"},
                "paging": {"next": {"after": "x9"}},
                "to": [
                    {
                        "toObjectId": 5,
                        "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}],
                    },
                    {"toObjectId": "6", "associationTypes": [{"typeId": 3}, {"typeId": 7, "label": "Boss"}]},
                ],
            },
            {"from": {"id": "2"}, "to": []},
        ],
    }
    links, more = decode_links([orjson.dumps(body)])
    assert links.rows() == [("1", "5", 3, None), ("1", "6", 3, None), ("1", "6", 7, "Boss")]
    assert more.rows() == [("1", "x9")]


@pytest.mark.parametrize("bad", [b"<html>", b"{}", b'{"results":[{"to":[]}]}'])
def test_associations_that_are_none_are_no_proof(bad: bytes) -> None:
    with pytest.raises(NoProofError):
        decode_links([bad])


def test_of_a_page_with_an_odd_record_the_others_are_kept() -> None:
    body = orjson.dumps({"results": [record("1", amount="5"), {"id": "2"}, record("3", amount={"odd": 1}), None]})
    frame, lost = salvage(body, ["amount"])
    assert lost == 2
    assert frame.select(ID, "amount").rows() == [("1", "5"), ("3", '{"odd":1}')]


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers lie outside of the repository")
@pytest.mark.parametrize("kind", ["companies", "contacts", "deals", "tickets"])
def test_recorded_pages_are_read_value_by_value(kind: str) -> None:
    recorded = json.loads((RECORDED / "hubspot_v3_object_pages.json").read_bytes())[kind]
    names = sorted({name for one in recorded["results"] for name in one["properties"]})
    frame = decode([json.dumps(recorded).encode()], names)
    expected = [{**dict.fromkeys(names), **one["properties"], ID: one["id"]} for one in recorded["results"]]
    assert frame.drop(PAGE).select(sorted({*names, ID})).to_dicts() == [
        {name: one[name] for name in sorted({*names, ID})} for one in expected
    ]

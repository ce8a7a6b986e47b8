"""Whatever a client sends, the sandbox answers as HubSpot would: where it breaks, it would look like the client."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recyclekit.testing.sandbox import Request, StillClock
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.testing.sandbox.hubspot.conftest import some_deals

WORDS = ("deals", "contacts", "tasks", "nope", "1", "12000000001", "recycle_key", "email", "hs_object_id", "dealstage")
KEYS = (
    "inputs", "id", "idProperty", "properties", "associations", "to", "types", "associationTypeId", "from", "after",
    "associationCategory", "filterGroups", "filters", "propertyName", "operator", "value", "values", "highValue",
    "sorts", "limit", "query", "name", "label", "type", "fieldType", "groupName", "options", "objectTypeId",
    "processingType", "direction", "hasUniqueValue", "recordIdsToAdd", "processingTypes", "offset", "count",
    "propertiesWithHistory", "grant_type", "objectWriteTraceId", "dealstage", "hs_timestamp",
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        (*WORDS, "EQ", "IN", "BETWEEN", "CONTAINS_TOKEN", "GT", "string", "text", "MANUAL", "0-1", "-1", "1.5")
    ),
    st.integers(-5, 300),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
SENSIBLE = st.fixed_dictionaries(
    {},
    optional={
        "inputs": st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4), max_size=3),
        "properties": st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=3) | st.lists(VALUES, max_size=3),
        "filterGroups": st.lists(
            st.fixed_dictionaries(
                {"filters": st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4), max_size=3)}
            ),
            max_size=2,
        ),
        "sorts": st.lists(JSON, max_size=2),
        "limit": VALUES,
        "after": VALUES,
    },
)
BODIES = st.one_of(JSON.map(orjson.dumps), SENSIBLE.map(orjson.dumps), st.binary(max_size=8))
QUERIES = st.dictionaries(
    st.sampled_from(
        ("limit", "after", "archived", "properties", "propertiesWithHistory", "idProperty", "associations")
    ),
    st.sampled_from((*WORDS, "", "true", "-1", "x", "9" * 30)),
    max_size=3,
).map(lambda query: "&".join(f"{name}={value}" for name, value in query.items()))


@pytest.fixture(scope="module")
def crm() -> HubSpotSandbox:
    made = HubSpotSandbox(seed=1, clock=StillClock(), burst=None, searches=None, daily=None)
    made.load(deals=some_deals(3), contacts=[{"contact_id": "c"}])
    made.add_list("One")
    made.add_owner("a")
    return made


def patterns() -> list[tuple[str, str]]:
    routes = HubSpotSandbox().router._routes
    return sorted({(method, "/".join(pieces)) for (method, _), found in routes.items() for pieces, _ in found})


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(patterns()), BODIES, QUERIES, st.data())
def test_nothing_that_a_client_sends_breaks_it(
    crm: HubSpotSandbox, route: tuple[str, str], body: bytes, query: str, data: Any
) -> None:
    method, pattern = route
    pieces = [data.draw(st.sampled_from(WORDS)) if piece[:1] == "{" else piece for piece in pattern.split("/")]
    request = Request(
        method=method,
        path="/" + "/".join(pieces),
        raw_query=query,
        headers={"authorization": f"Bearer {crm.token}"},
        body=b"" if method in {"GET", "DELETE"} else body,
    )
    crm.crashes.clear()
    answer = crm._answer(request)
    assert not crm.crashes, (request, crm.crashes)
    assert answer.status < 500

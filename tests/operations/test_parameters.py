"""Story 1: the parameters of a deployment as the server shows and guards them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.operations.server import PrefectServer

pytestmark = pytest.mark.prefect


@pytest.fixture(scope="module")
def deployment(prefect_sqlite: PrefectServer) -> str:
    pool = prefect_sqlite.pool("never-worked")
    return prefect_sqlite.deploy("recyclekit_flows.recycle.recycle", "form", pool, {"project": "/srv/crm"})


@pytest.fixture(scope="module")
def form(prefect_sqlite: PrefectServer, deployment: str) -> dict[str, Any]:
    """The parameters' schema, from which the page makes its form."""
    schema: dict[str, Any] = prefect_sqlite.get(f"/deployments/{deployment}")["parameter_openapi_schema"]
    return schema


def test_each_parameter_is_described_and_stands_in_order(form: dict[str, Any]) -> None:
    properties = form["properties"]
    assert all(len(one.get("description", "")) > 20 for one in properties.values()), properties
    ordered = sorted(properties, key=lambda name: properties[name]["position"])
    assert ordered[:6] == ["project", "pipeline", "as_of", "approval", "limit", "approve_guards"]
    assert all(one["title"] == name for name, one in properties.items())


def test_choices_bounds_and_dates_are_in_the_form(form: dict[str, Any]) -> None:
    assert {"project", "none", "plan_only"} <= set(form["definitions"]["Approval"]["enum"])
    assert form["properties"]["approval"]["default"] == "project"
    assert "'minimum': 1" in str(form["properties"]["limit"])
    assert "'format': 'date'" in str(form["properties"]["as_of"])
    assert not [name for name in form["properties"] if "secret" in name or "token" in name]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"approval": "perhaps"}, "perhaps"),
        ({"limit": 0}, "minimum"),
        ({"limit": "many"}, "many"),
    ],
)
def test_the_server_refuses_values_that_do_not_fit(
    prefect_sqlite: PrefectServer, deployment: str, given: dict[str, Any], said: str
) -> None:
    url = f"{prefect_sqlite.url}/deployments/{deployment}/create_flow_run"
    answer = httpx.post(url, json={"parameters": given}, timeout=30)
    assert answer.status_code in {409, 422}, answer.text
    assert said in answer.text

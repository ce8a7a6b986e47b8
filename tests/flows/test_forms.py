"""The form that Prefect's page makes for each of our flows: every parameter says what it is for."""

from __future__ import annotations

from importlib import import_module

import pytest
from prefect.utilities.callables import parameter_schema

ENTRYPOINTS = ("recycle.recycle", "retry.retry", "undo.undo", "reap.reap", "keep_house.keep_house", "fan_out.fan_out")


@pytest.mark.parametrize("entrypoint", [*ENTRYPOINTS, "shards.write_shard"])
def test_each_parameter_is_described_and_none_takes_a_secret(entrypoint: str) -> None:
    module, _, name = entrypoint.partition(".")
    flow = getattr(import_module(f"recyclekit_flows.{module}"), name)
    properties = parameter_schema(flow).model_dump_for_openapi()["properties"]
    assert flow.description, "the page shows it above the form"
    assert {name for name, one in properties.items() if len(one.get("description", "")) < 10} == set()
    assert not [name for name in properties if "secret" in name or "token" in name or "password" in name]

"""Whatever sequence of writes: a unique value has one holder, and list, search and lookups tell the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from recyclekit.testing.sandbox import Answer, Request, StillClock
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox

KEYS = st.sampled_from(("", "k1", "k2", "K2", "k3"))
TASKS = "/crm/v3/objects/tasks"
INPUTS = st.lists(st.fixed_dictionaries({"key": KEYS, "record": st.integers(0, 9)}), min_size=1, max_size=4)


class Tasks(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.crm = HubSpotSandbox(seed=1, clock=StillClock(), burst=None, searches=None, daily=None)

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        query = path.partition("?")[2]
        answer = self.crm._answer(
            Request(
                method=method,
                path=path.partition("?")[0],
                raw_query=query,
                headers={"authorization": f"Bearer {self.crm.token}"},
                body=b"" if body is None else orjson.dumps(body),
            )
        )
        assert not self.crm.crashes, self.crm.crashes
        return answer

    def record(self, number: int) -> str:
        ids = list(self.crm.objects["tasks"])
        return ids[number % len(ids)] if ids else "1"

    def batch(self, verb: str, inputs: list[dict[str, Any]], *, traced: bool) -> None:
        for number, one in enumerate(inputs):
            if traced:
                one["objectWriteTraceId"] = f"t{number}"
        self.call("POST", f"{TASKS}/batch/{verb}", {"inputs": inputs})

    @rule(inputs=INPUTS, traced=st.booleans())
    def create(self, inputs: list[dict[str, Any]], traced: bool) -> None:
        at = {"hs_timestamp": "2027-01-01T00:00:00Z"}
        self.batch("create", [{"properties": {**at, "recycle_key": one["key"]}} for one in inputs], traced=traced)

    @rule(inputs=INPUTS, traced=st.booleans())
    def update(self, inputs: list[dict[str, Any]], traced: bool) -> None:
        wanted = [{"id": self.record(one["record"]), "properties": {"recycle_key": one["key"]}} for one in inputs]
        self.batch("update", wanted, traced=traced)

    @rule(inputs=INPUTS, traced=st.booleans())
    def upsert(self, inputs: list[dict[str, Any]], traced: bool) -> None:
        at = {"hs_timestamp": "2027-01-01T00:00:00Z"}
        wanted = [{"id": one["key"], "idProperty": "recycle_key", "properties": at} for one in inputs]
        self.batch("upsert", wanted, traced=traced)

    @rule(number=st.integers(0, 9))
    def archive(self, number: int) -> None:
        self.call("DELETE", f"{TASKS}/{self.record(number)}")

    @invariant()
    def a_unique_value_has_one_holder(self) -> None:
        live = {one.id: one for one in self.crm.objects["tasks"].values() if not one.archived}
        held = {
            task: str(one.properties["recycle_key"]).lower()
            for task, one in live.items()
            if "recycle_key" in one.properties
        }
        assert max(Counter(held.values()).values(), default=1) == 1
        for task, key in held.items():
            found = self.crm.portal.by_unique("tasks", "recycle_key", key)
            assert found is not None
            assert found.id == task
        for key in ("k1", "k2", "k3"):
            assert (self.crm.portal.by_unique("tasks", "recycle_key", key) is not None) == (key in held.values())

    @invariant()
    def list_and_search_tell_the_same(self) -> None:
        live = {one.id for one in self.crm.objects["tasks"].values() if not one.archived}
        listed = orjson.loads(self.call("GET", f"{TASKS}?limit=100").body)["results"]
        found = orjson.loads(self.call("POST", f"{TASKS}/search", {"limit": 200}).body)
        assert {one["id"] for one in listed} == {one["id"] for one in found["results"]} == live
        assert found["total"] == len(live)


TestTasks = Tasks.TestCase
TestTasks.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)

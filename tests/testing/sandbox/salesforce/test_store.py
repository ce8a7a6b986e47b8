"""The store's indexes always say what reading every record would say, after whatever was done and taken back."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from recyclekit.testing.sandbox import StillClock
from recyclekit.testing.sandbox.salesforce.custom import KEY, add_own_fields
from recyclekit.testing.sandbox.salesforce.org import Org

KEYS = st.sampled_from(["a", "A", "b", None])
PARENTS = st.sampled_from(["0065e0000000001AAA", "0065e0000000002AAA", None])


class Indexes(RuleBasedStateMachine):
    """Tasks are made, changed, deleted and taken back; the indexes are asked all the time."""

    @initialize()
    def begin(self) -> None:
        self.clock = StillClock()
        self.org = Org(self.clock)
        add_own_fields(self.org)
        self.store = self.org.store

    @rule(key=KEYS, parent=PARENTS)
    def make(self, key: str | None, parent: str | None) -> None:
        self.clock.advance(1)
        if key is None or self.store.holder("Task", KEY, key) is None:
            self.org.put("Task", **{KEY: key}, WhatId=parent)

    @rule(data=st.data(), key=KEYS, parent=PARENTS)
    def change(self, data: st.DataObject, key: str | None, parent: str | None) -> None:
        self.clock.advance(1)
        if not self.store.records["Task"]:
            return
        task = data.draw(st.sampled_from(sorted(self.store.records["Task"])))
        record = self.store.records["Task"][task]
        held = self.store.holder("Task", KEY, key) if key else None
        if held is None or held is record:
            self.store.change(record, {KEY: key, "WhatId": parent, "SystemModstamp": self.org.now()})

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.store.records["Task"]:
            task = data.draw(st.sampled_from(sorted(self.store.records["Task"])))
            self.store.change(self.store.records["Task"][task], {"IsDeleted": True})

    @rule(key=KEYS, parent=PARENTS)
    def take_back(self, key: str | None, parent: str | None) -> None:
        before = {each.id: dict(each.properties) for each in self.store.records["Task"].values()}
        with self.store.transaction() as undo:
            self.make(key, parent)
            for record in list(self.store.records["Task"].values()):
                self.store.change(record, {"WhatId": parent, "Subject": "x", "SystemModstamp": self.org.now()})
            undo()
        assert {each.id: dict(each.properties) for each in self.store.records["Task"].values()} == before

    @invariant()
    def the_indexes_say_what_reading_says(self) -> None:
        if not hasattr(self, "store"):
            return
        records = list(self.store.records["Task"].values())
        for key in ("a", "A", "b"):
            held = self.store.holder("Task", KEY, key)
            living = [each.id for each in records if each.get(KEY) == key and not each.deleted]
            assert ([held.id] if held else []) == living
        for parent in ("0065e0000000001AAA", "0065e0000000002AAA"):
            children = {each.id for each in self.store.children("Task", "WhatId", parent)}
            assert children == {each.id for each in records if each.get("WhatId") == parent}
        wanted = sorted(records, key=lambda each: (each.get("SystemModstamp"), each.id))
        assert [each.id for each in self.store.by_time("Task")] == [each.id for each in wanted]


TestIndexes = Indexes.TestCase
TestIndexes.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

"""The results of stages 2 to 4 put together as one plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from recyclekit.errors import SumsError
from recyclekit.models.plan import ActionKind, Plan
from recyclekit.models.snapshot import Finding, Snapshot, dead_letters
from recyclekit.plans.manifest import assemble
from recyclekit.stages.classify import Classified
from tests.stages.scheduling import AS_OF, PIPELINE, RUN, World

UNREADABLE = {"stage": "normalize", "table": "deals", "record_id": "D9", "line": 9, "column": "Amount"} | {
    "code": "bad_number", "reason": "…"
}  # fmt: skip


def put_together(world: World, snapshot: Snapshot) -> Plan:
    def calls(kinds: Mapping[ActionKind, int]) -> int:
        assert all(isinstance(kind, ActionKind) for kind in kinds)
        return 10 * sum(kinds.values())

    return assemble(
        snapshot, Classified(decisions=world.decisions()), world.plan(), run=RUN, pipeline=PIPELINE, as_of=AS_OF,
        made_at=datetime(2026, 11, 24, tzinfo=UTC), policy=world.policy.stamp, calls=calls,
        unfinished=world.memory.unfinished,
    )  # fmt: skip


def test_every_deal_read_is_in_one_bucket_and_the_forecast_counts_the_writes() -> None:
    world = World().add("D1", amount=100.0).add("D2", track=None, verdict="none", status="won", rule=None)
    read = replace(world.snapshot(), extracted_deals=3, dead_letters=dead_letters([UNREADABLE]))
    plan = put_together(world, read)
    assert plan.manifest.sums_close
    assert {bucket: n for bucket, n in plan.manifest.by_bucket.items() if n} == {
        "scheduled": 1, "none": 1, "dead_letter": 1
    }  # fmt: skip
    assert plan.manifest.calls == 10 * plan.actions.height > 0
    assert plan.decisions["amount"].to_list() == [100.0, None]


@pytest.mark.parametrize("aside", [[], [UNREADABLE, UNREADABLE]], ids=["lost", "counted twice"])
def test_a_deal_that_is_in_no_bucket_or_in_two_stops_the_run(aside: list[dict[str, object]]) -> None:
    world = World().add("D1")
    read = replace(world.snapshot(), extracted_deals=2, dead_letters=dead_letters(aside))
    with pytest.raises(SumsError, match="2 deals read"):
        put_together(world, read)


def test_what_both_stages_found_is_told_in_their_order() -> None:
    world = World().add("D1")
    first, second = (Finding(level="note", where="deals", what=what) for what in ("first", "second"))
    read = replace(world.snapshot(), findings=(first,))
    plan = assemble(
        read, Classified(decisions=world.decisions(), findings=(second,)), world.plan(), run=RUN, pipeline=PIPELINE,
        as_of=AS_OF, made_at=datetime(2026, 11, 24, tzinfo=UTC), policy=world.policy.stamp, calls=lambda kinds: 0,
        unfinished=world.memory.unfinished,
    )  # fmt: skip
    assert [finding.what for finding in plan.findings] == ["first", "second"]
    assert isinstance(plan.decisions, pl.DataFrame)

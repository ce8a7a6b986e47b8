"""Writing less of a plan than it holds: whole deals, in the plan's order, and nothing of what was left out."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from recyclekit.errors import ConfigError
from recyclekit.models.hand_back import HANDED_BACK
from recyclekit.models.memory import ENDED_CYCLES
from recyclekit.models.narrowing import narrowed, tracks
from recyclekit.models.plan import ACTIONS, Manifest, Plan, PolicyStamp

WRITES = [("d1", "call"), ("d2", "mail"), ("d3", "call"), ("d1", "call"), ("d2", None), ("d4", None)]


@pytest.fixture
def plan() -> Plan:
    """Six writes to four deals."""
    manifest = Manifest(
        run="r1", pipeline="main", as_of=date(2026, 11, 20), made_at=datetime(2026, 11, 20, tzinfo=UTC),
        policy=PolicyStamp(name="p", version="1", hash="0"), deals=9, dead_letters=0, by_status={}, by_reason={},
        by_verdict={}, by_rule={}, by_track={}, by_bucket={}, actions={"create_task": 6}, calls=1, sums_close=True,
    )  # fmt: skip
    rows = [
        {"key": str(n), "kind": "create_task", "deal_id": d, "track": t, "payload": "{}"} | {"cycle": 1}
        for n, (d, t) in enumerate(WRITES)
    ]
    ended = [{"deal_id": d, "cycle": 1} for d in ("d3", "d9")]
    return Plan(
        manifest=manifest,
        actions=pl.DataFrame(rows, schema=ACTIONS),
        decisions=pl.DataFrame(),
        dead_letters=pl.DataFrame(),
        ended_cycles=pl.DataFrame(ended, schema=ENDED_CYCLES),
        handed_back=pl.DataFrame(ended, schema=HANDED_BACK),
    )


def test_a_limit_keeps_the_first_deals_whole(plan: Plan) -> None:
    assert narrowed(plan, 2).actions["key"].to_list() == ["0", "1", "3", "4"]


def test_a_deal_of_a_track_that_is_left_out_is_left_out_whole(plan: Plan) -> None:
    assert narrowed(plan, None, ["mail"]).actions["deal_id"].to_list() == ["d1", "d3", "d1", "d4"]
    assert narrowed(plan, 1, ["call"]).actions["key"].to_list() == ["1", "4"]


def test_a_cycle_ends_only_where_its_deal_was_not_left_out(plan: Plan) -> None:
    assert narrowed(plan, 1).ended_cycles["deal_id"].to_list() == ["d9"]
    assert narrowed(plan, 3).ended_cycles["deal_id"].to_list() == ["d3", "d9"]


def test_a_deal_is_handed_back_only_where_it_was_not_left_out(plan: Plan) -> None:
    assert narrowed(plan, 1).handed_back["deal_id"].to_list() == ["d9"]
    assert narrowed(plan, 3).handed_back["deal_id"].to_list() == ["d3", "d9"]


def test_nothing_asked_for_changes_nothing(plan: Plan) -> None:
    assert narrowed(plan) is plan
    assert narrowed(plan, 100).actions.equals(plan.actions)


def test_the_tracks_of_a_plan_come_by_weight(plan: Plan) -> None:
    assert tracks(plan) == ["call", "mail"]


@pytest.mark.parametrize(("limit", "without"), [(0, ()), (None, ["fax"])])
def test_what_makes_no_sense_is_refused(plan: Plan, limit: int | None, without: list[str]) -> None:
    with pytest.raises(ConfigError):
        narrowed(plan, limit, without)

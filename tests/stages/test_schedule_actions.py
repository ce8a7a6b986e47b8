"""Stage 4: the writes of a plan, their keys and payloads, the to-dos that ask, the guards, and sums that close."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recyclekit.errors import PlanError, PolicyError
from recyclekit.models.decision import SCHEDULED
from recyclekit.models.plan import ACTIONS
from recyclekit.models.tables import OWN_FIELDS
from recyclekit.policy.loader import load_policy
from tests.stages.scheduling import AS_OF, RUN, World, kinds, one, policy, track, writes

TODAY = track("same_day")


def _world(**changes: Any) -> World:
    return World(policy=policy(tracks={"only": TODAY}, reason_tracks={}, **changes))


def test_a_new_deal_gets_a_task_and_our_fields() -> None:
    plan = _world().add("A", "only", amount=100.0).plan()
    (task,) = writes(plan, "create_task")
    assert task["key"] == "main:A:1:call"
    assert task["payload"] == {
        "subject": "Call", "due_on": "2026-11-24", "channel": "phone", "owner": "inside_sales", "step": "call",
        "track": "only", "reason": "priority_pending", "rule": "recycle_priority_pending", "hook": "Hook",
        "hook_source": "track", "confirm_by_mail": False,
    }  # fmt: skip
    assert task["before"] is None
    assert task["fingerprint"] == "f-A"
    (fields,) = writes(plan, "set_fields")
    assert fields["key"] == f"main:A:1:fields:{RUN}"
    assert fields["payload"] == {
        "recycle_track": "only", "recycle_reason": "priority_pending", "recycle_next_on": "2026-11-24",
        "recycle_owner": "inside_sales", "recycle_channel": "phone", "recycle_hook": "Hook",
        "recycle_rule": "recycle_priority_pending", "recycle_cycle": 1,
    }  # fmt: skip
    assert fields["before"] == dict.fromkeys(OWN_FIELDS)
    assert {row["change"] for row in plan.actions.to_dicts()} == {"+"}
    assert kinds(plan) == ["create_task", "set_fields"]  # our fields come last, as the sign that all is done


def test_only_fields_that_differ_are_written() -> None:
    world = _world().add("A", "only", recycle_track="only", recycle_cycle=1, recycle_hook="old")
    (fields,) = writes(world.plan(), "set_fields")
    assert set(fields["payload"]) == set(OWN_FIELDS) - {"recycle_track", "recycle_cycle"}
    assert fields["before"]["recycle_hook"] == "old"


def test_what_sales_typed_shows_in_the_decision_and_never_in_a_payload() -> None:
    world = _world().add("A", "only", hook='田中様へ "来期"\n再提案', approach_person="田中", next_approach_on=AS_OF)
    plan = world.plan()
    assert one(plan, "A")["hook"] == '田中様へ "来期"\n再提案'
    (task,) = writes(plan, "create_task")
    assert (task["payload"]["hook"], task["payload"]["hook_source"]) == (None, "sales")
    (fields,) = writes(plan, "set_fields")
    assert "recycle_hook" not in fields["payload"]
    assert not plan.actions["payload"].str.contains("田中").any()


def test_japanese_quotes_and_newlines_come_through_json_as_they_are() -> None:
    odd = 'それは"予算"の話\\と\n\t改行\u2028\x07🙂'
    words = {"ja": odd, "en": odd}
    steps = ({"name": "call", "subject": words, "hook": words},)
    world = World(policy=policy(tracks={"only": track("same_day", *steps)}, reason_tracks={}))
    world.add("A", "only", reason="no_budget", rule="規則")
    plan = world.plan()
    (task,) = writes(plan, "create_task")
    assert (task["payload"]["subject"], task["payload"]["hook"], task["payload"]["rule"]) == (odd, odd, "規則")
    assert writes(plan, "set_fields")[0]["payload"]["recycle_hook"] == odd


def test_a_call_that_is_confirmed_by_mail_says_so() -> None:
    steps = ({"name": "call", "confirm_by_mail": True},)
    world = World(policy=policy(tracks={"only": track("same_day", *steps)}, reason_tracks={})).add("A", "only")
    assert writes(world.plan(), "create_task")[0]["payload"]["confirm_by_mail"] is True


def test_our_fields_on_a_deal_that_the_ledger_does_not_know_are_cleared() -> None:
    world = _world().add("A", None, verdict="exclude", rule="lost_on_price", recycle_track="only", recycle_cycle=2)
    plan = world.plan()
    (fields,) = writes(plan, "set_fields")
    assert fields["payload"] == {"recycle_track": None, "recycle_cycle": None}
    assert fields["before"] == {"recycle_track": "only", "recycle_cycle": 2}
    assert (fields["change"], fields["cycle"]) == ("-", 2)


# -- what is missing ---------------------------------------------------------------------------------------------------


RECENT = AS_OF - timedelta(days=30)


def _asked(world: World) -> dict[str, list[str]]:
    return {w["key"]: w["payload"]["missing"] for w in writes(world.plan(), "create_task") if w["step"] == "ask"}


def test_what_sales_left_out_is_asked_for_once() -> None:
    world = _world().add("A", "only", closed_on=RECENT, hook="来期")
    plan = world.plan()
    (task, asked) = writes(plan, "create_task")
    assert task["step"] == "call"
    assert asked["key"] == "main:A:1:ask"
    assert asked["track"] is None
    assert asked["payload"]["missing"] == ["next_approach_on", "approach_person"]
    assert asked["payload"]["owner"] == "rep-1"
    assert asked["payload"]["due_on"] == str(AS_OF)
    assert asked["payload"]["subject"] == "Please fill in next approach date, person and hook"
    world.apply(plan)
    assert world.plan(run="r2").actions.is_empty()
    assert world.memory.cycles.height == 1


@pytest.mark.parametrize(
    ("deal", "missing"),
    [
        ({}, ["next_approach_on", "approach_person", "hook"]),
        ({"verdict": "wait"}, ["next_approach_on", "approach_person", "hook"]),
        (
            {"verdict": "review", "reason": None, "track": None},
            ["reason", "next_approach_on", "approach_person", "hook"],
        ),
        ({"closed_on": RECENT - timedelta(days=1)}, None),
        ({"closed_on": AS_OF + timedelta(days=1)}, None),
        ({"closed_on": None}, None),
        ({"verdict": "exclude", "track": None}, None),
        ({"status": "stalled"}, None),
        ({"next_approach_on": date(2027, 1, 12), "approach_person": "sato", "hook": "来期"}, None),
    ],
)
def test_only_deals_lost_lately_that_may_come_back_are_asked_for(
    deal: dict[str, Any], missing: list[str] | None
) -> None:
    lane = deal.pop("track", "only")
    world = _world().add("A", lane, **{"closed_on": RECENT, **deal})
    cycle = 0 if deal.get("verdict") == "review" else 1
    assert _asked(world) == ({} if missing is None else {f"main:A:{cycle}:ask": missing})


def test_a_deal_for_review_opens_no_cycle() -> None:
    world = _world().add("A", None, verdict="review", reason=None, reason_source="none", closed_on=RECENT)
    plan = world.plan()
    assert one(plan, "A")["bucket"] == "review"
    world.apply(plan)
    assert world.memory.cycles.is_empty()
    assert world.plan(run="r2").actions.is_empty()


def test_zero_days_means_that_nobody_is_asked() -> None:
    assert _asked(_world(three_fields={"ask_within_days": 0}).add("A", "only", closed_on=AS_OF)) == {}


def test_a_deal_without_an_owner_is_asked_for_at_the_role() -> None:
    world = _world().add("A", "only", closed_on=RECENT, owner=None)
    world.deals["A"]["owner"] = None
    asked = [w for w in writes(world.plan(), "create_task") if w["step"] == "ask"]
    assert asked[0]["payload"]["owner"] == "inside_sales"


@pytest.mark.parametrize("hook", ["How is it going?", "その後、いかがでしょうか。", "ｆｏｌｌｏｗ ｕｐ"])
def test_a_vague_hook_is_flagged(hook: str) -> None:
    world = _world().add("A", "only", hook=hook).add("B", "only", hook="来期の予算が決まる")
    plan = world.plan()
    assert (one(plan, "A")["note"], one(plan, "B")["note"]) == ("the hook is vague", None)


# -- guards and sums ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guards", "tripped"),
    [
        ({}, ()),
        ({"maximum_deals": 3}, ()),
        ({"maximum_deals": 2}, ("3 deals would be newly recycled; guards.maximum_deals allows 2",)),
        ({"maximum_share": 0.75}, ()),
        ({"maximum_share": 0.5}, ("75.0% of all deals would be newly recycled; guards.maximum_share allows 50.0%",)),
    ],
)
def test_guards_count_the_deals_that_enter(guards: dict[str, Any], tripped: tuple[str, ...]) -> None:
    world = _world(guards=guards).add("A", "only").add("B", "only").add("C", "only").add("D", None, verdict="none")
    plan = world.plan()
    assert plan.guards == tripped
    world.apply(plan)
    assert world.plan(run="r2").guards == ()


def test_every_deal_is_in_one_bucket_and_counted_once() -> None:
    world = _world().add("recycle", "only").add("lost track", "gone")
    world.add("wait", "only", verdict="wait").add("exclude", None, verdict="exclude", reason="price")
    world.add("missing", None, verdict="review", reason=None, reason_source="none")
    world.add("unclear", None, verdict="review", reason=None, reason_source="unclear")
    world.add("open", None, status="open", verdict="none", reason=None, reason_source=None, rule=None)
    plan = world.plan()
    assert plan.by_bucket == {
        "scheduled": 1, "waiting": 1, "excluded": 1, "review": 3, "none": 1, "dead_letter": 0,
    }  # fmt: skip
    assert plan.by_reason == {"priority_pending": 3, "missing": 1, "price": 1, "unclear": 1}
    assert plan.by_status == {"won": 0, "lost": 6, "stalled": 0, "open": 1, "undated": 0}
    assert sum(plan.by_verdict.values()) == 7
    assert plan.by_rule == {"recycle_priority_pending": 6}
    assert one(plan, "lost track")["note"] == "no track for this reason"
    assert plan.decisions.schema == pl.Schema(SCHEDULED)
    assert plan.actions.schema == pl.Schema(ACTIONS)


def test_nothing_to_decide_is_no_case_of_its_own() -> None:
    plan = World().plan()
    assert plan.decisions.is_empty()
    assert plan.actions.schema == pl.Schema(ACTIONS)
    assert set(plan.by_bucket.values()) == {0}


def test_a_deal_that_comes_twice_is_noticed_before_anything_is_written() -> None:
    world = _world().add("A", "only")
    world.decided *= 2
    with pytest.raises(PlanError, match="'main:A:1:call'"):
        world.plan()


def test_no_step_can_take_the_name_of_the_to_do_that_asks(tmp_path: Path) -> None:
    own = "extends: standard\nname: mine\nversion: '1'\ntracks:\n  lane:\n"
    own += "    labels: {ja: a, en: a}\n    timing: same_day\n"
    steps = "    steps:\n      - {name: ask, channel: phone, subject: {ja: a, en: a}, hook: {ja: a, en: a}}\n"
    (tmp_path / "mine.yaml").write_text(own + steps, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"mine\.yaml:9:.*no step can be named 'ask'"):
        load_policy("mine.yaml", folder=tmp_path)


def test_deals_in_another_order_give_the_same_decisions() -> None:
    world = (
        _world().add("A", "only", next_approach_on=date(2027, 1, 12)).add("B", "only").add("C", None, verdict="none")
    )
    first = world.plan()
    world.deals = dict(reversed(world.deals.items()))
    assert world.plan().decisions.equals(first.decisions)

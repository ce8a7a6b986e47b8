"""Stage 4: frequency caps per contact and company, over all of their deals and everything planned before."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from recyclekit.models.memory import TOUCHES
from recyclekit.policy.caps import over_cap
from recyclekit.policy.spec import Caps
from tests.stages.scheduling import AS_OF, World, one, policy, track

TODAY = track("same_day", {"name": "call"}, {"name": "mail", "channel": "mail", "after_days": 3})


def capped(**caps: dict[str, int]) -> World:
    return World(policy=policy(tracks={"now": TODAY}, reason_tracks={}, caps=caps))


def test_a_company_hears_from_us_so_often_at_most_and_its_best_deal_comes_first() -> None:
    world = capped(company={"touches": 1, "days": 7})
    world.add("A", "now", account_id="x", amount=1.0).add("B", "now", account_id="x", amount=9.0)
    world.add("C", "now", account_id="y", amount=1.0).add("D", "now", amount=1.0).add("E", "now", amount=1.0)
    plan = world.plan()
    assert one(plan, "B")["next_approach_on"] == AS_OF
    held = one(plan, "A")
    assert (held["next_approach_on"], held["owner"], held["bucket"]) == (None, None, "waiting")
    assert "too often" in held["note"]
    assert {one(plan, deal)["bucket"] for deal in "CDE"} == {"scheduled"}  # who has no company shares none


def test_a_second_plan_is_empty_and_what_was_kept_back_comes_when_there_is_room() -> None:
    world = capped(contact={"touches": 1, "days": 7})
    world.add("A", "now", contact_id="p").add("B", "now", contact_id="p")
    world.apply(world.plan())
    assert world.plan(run="r2").actions.is_empty()
    later = world.plan(AS_OF + timedelta(days=7), "r3")
    planned = [deal for deal in "AB" if one(later, deal)["next_approach_on"] is not None]
    assert len(planned) == 1  # the first deal's next step, or the other's first: not both


def test_without_caps_nothing_is_kept_back() -> None:
    world = World(policy=policy(tracks={"now": TODAY}, reason_tracks={}))
    world.add("A", "now", account_id="x").add("B", "now", account_id="x")
    assert world.plan().by_bucket["scheduled"] == 2


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 5)), max_size=25),
    st.lists(st.tuples(st.integers(0, 3), st.integers(-20, 30)), max_size=6),
    st.integers(1, 3),
    st.integers(1, 10),
)
def test_no_company_ever_gets_more_than_its_cap(
    wanted: list[tuple[int, int, int]], made: list[tuple[int, int]], touches: int, days: int
) -> None:
    start = date(2026, 6, 1)
    about = pl.DataFrame(
        {"deal_id": [f"w{n}" for n in range(len(wanted))] + [f"m{n}" for n in range(len(made))],
         "account_id": [f"c{c}" for c, *_ in wanted] + [f"c{c}" for c, _ in made]},
        schema={"deal_id": pl.String, "account_id": pl.String},
    )  # fmt: skip
    asked = pl.DataFrame(
        [(f"w{n}", start + timedelta(days=d), float(v), f"w{n}") for n, (_, d, v) in enumerate(wanted)],
        schema={"deal_id": pl.String, "on": pl.Date, "amount": pl.Float64, "known_as": pl.String}, orient="row",
    )  # fmt: skip
    rows = [
        {"deal_id": f"m{n}", "due_on": start + timedelta(days=d), "step": "s", "key": f"k{n}"}
        for n, (_, d) in enumerate(made)
    ]
    known = pl.DataFrame(rows, schema=TOUCHES)
    held = over_cap(
        asked,
        known,
        pl.Series([], dtype=pl.String),
        about,
        Caps.model_validate({"company": {"touches": touches, "days": days}}),
    )
    kept = asked.filter(~held).join(about, on="deal_id")
    for company, on in kept.select("account_id", "on").iter_rows():
        others = [start + timedelta(days=d) for c, d in made if f"c{c}" == company]
        others += kept.filter(pl.col("account_id") == company)["on"].to_list()
        window = [day for day in others if 0 <= (day - on).days < days]
        old = [start + timedelta(days=d) for c, d in made if f"c{c}" == company]
        assert len(window) <= max(touches, sum(0 <= (day - on).days < days for day in old))

"""Every figure that is shown adds up to the deals that were read."""

from __future__ import annotations

from datetime import date

import polars as pl

from recyclekit.models.decision import Bucket
from recyclekit.reports.figures import buckets_equation, loads, status_equation, tally, weeks
from recyclekit.reports.lines import changed_deals, plan_lines
from tests.reports.plans import AS_OF, decision, decisions, large_plan, make_plan, small_plan, task


def test_tallies_close_over_buckets_and_deals() -> None:
    plan = large_plan()
    for column in ("reason", "rule", "track", "verdict", "status", "owner"):
        for one in tally(plan.decisions, column):
            assert one.deals == sum(one.buckets.values())
    assert sum(one.deals for one in tally(plan.decisions, "verdict")) == plan.manifest.deals


def test_lost_deals_without_a_reason_are_counted_as_missing_or_unclear_and_stalled_ones_not_at_all() -> None:
    found = {one.code: one.deals for one in tally(small_plan().decisions, "reason")}
    assert found == {"no_budget": 2, "competitor": 1, "price": 1, "missing": 1, "unclear": 1}


def test_money_is_added_up_by_currency() -> None:
    recycle = next(one for one in tally(small_plan().decisions, "verdict") if one.code == "recycle")
    assert recycle.money == {"JPY": 2_400_000.0, "EUR": 5600.0}


def test_decisions_without_amounts_are_tallied_without_money() -> None:
    bare = small_plan().decisions.drop("amount", "currency")
    assert [one.money for one in tally(bare, "reason")] == [{}] * 5


def test_the_equations_close_and_name_the_dead_letters() -> None:
    manifest = small_plan().manifest
    assert buckets_equation(manifest).closes
    assert status_equation(manifest).closes
    assert dict(buckets_equation(manifest).parts)[Bucket.DEAD_LETTER] == 1


def test_an_equation_that_does_not_close_says_so() -> None:
    manifest = small_plan().manifest
    wrong = manifest.model_copy(update={"by_bucket": {**manifest.by_bucket, "scheduled": 99}})
    assert not buckets_equation(wrong).closes


def test_weeks_begin_on_monday_and_leave_no_week_out() -> None:
    found, later = weeks(small_plan().decisions)
    assert [week.monday for week in found] == [date(2026, 11, 23), date(2026, 11, 30), date(2026, 12, 7)]
    assert [week.touches for week in found] == [1, 0, 2]
    assert later == 0


def test_touches_past_the_last_week_shown_are_counted_as_later() -> None:
    plan = large_plan()
    found, later = weeks(plan.decisions, at_most=4)
    assert len(found) == 4
    assert sum(week.touches for week in found) + later == plan.manifest.by_bucket["scheduled"]


def test_a_plan_without_touches_has_no_weeks_and_no_loads() -> None:
    nothing = decisions([])
    assert weeks(nothing) == ([], 0)
    assert loads(nothing) == []


def test_loads_name_the_busiest_day_and_add_up() -> None:
    plan = large_plan()
    found = loads(plan.decisions)
    assert sum(load.touches for load in found) == plan.manifest.by_bucket["scheduled"]
    assert all(load.first <= load.busiest <= load.last for load in found)
    assert all(sum(load.channels.values()) == load.touches for load in found)


def test_a_line_gathers_all_writes_of_a_deal() -> None:
    plan = small_plan()
    lines = {line.deal_id: line for line in plan_lines(plan, changed_deals(plan))}
    assert len(lines) == 4
    assert (lines["D-1"].change, lines["D-1"].due_on, lines["D-1"].owner) == ("+", date(2026, 12, 7), "is-01")
    assert lines["D-3"].asks == ("Please fill in the hook",)
    assert lines["D-4"].change == "-"
    assert lines["D-4"].due_on is None


def test_lines_come_by_date_and_of_one_day_the_most_valuable_first() -> None:
    rows = [decision("D-1", amount=1.0), decision("D-2", amount=9.0), decision("D-3", next_approach_on=AS_OF)]
    plan = make_plan(rows, [task(row) for row in rows])
    assert changed_deals(plan)["deal_id"].to_list() == ["D-3", "D-2", "D-1"]


def test_a_hook_that_sales_wrote_is_never_repeated() -> None:
    secret = "ask Mrs Example about her move"
    row = decision("D-1", hook=secret)
    plan = make_plan([row], [task(row, hook=None, hook_source="sales")])
    (line,) = plan_lines(plan, changed_deals(plan))
    assert line.hook_by_sales
    assert secret not in repr(line)


def test_lines_can_be_made_of_a_saved_plan_whose_decisions_are_gone() -> None:
    plan = small_plan()
    bare = type(plan)(
        manifest=plan.manifest,
        actions=plan.actions,
        decisions=pl.DataFrame(schema=plan.decisions.schema),
        dead_letters=plan.dead_letters,
    )
    lines = {line.deal_id: line for line in plan_lines(bare, changed_deals(bare))}
    assert (lines["D-1"].due_on, lines["D-1"].reason) == (date(2026, 12, 7), "no_budget")
    assert date(2026, 12, 7) > AS_OF

"""A plan in the terminal, word by word, narrow and wide, with and without colour."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from rich.cells import cell_len
from rich.console import Console

from recyclekit.cli.render import (
    plan_view,
)
from recyclekit.models.memory import UNFINISHED
from recyclekit.models.plan import Plan
from recyclekit.models.snapshot import Finding, dead_letters
from tests.cli.shown import text
from tests.reports.plans import REOPENED, decision, fields, hand_backs, large_plan, make_plan, small_plan, task

# -- plans ------------------------------------------------------------------------------------------------------------


def test_a_plan_at_80_columns() -> None:
    assert text(plan_view(small_plan(), apply_with=Path("plan.json"))) == SMALL


SMALL = """\
Plan r20261122-003000-ab12 · pipeline main · as of 2026-11-22 Sun
policy standard@1.0#0123456789abcdef

+ 2 enter recycling   ~ 1 change   - 1 leave

named_date  1 deal
  - D-4                                won         ¥1,200,000
      leaves recycling; our fields are cleared, its open task is removed

next_budget  1 deal
  + D-1  2026-12-07 Mon  phone  is-01  no_budget   ¥1,200,000
      recycle_no_budget · "Figures they can put into their budget request"

rival_contract  1 deal
  ~ D-2  2026-12-07 Mon  phone  is-02  competitor  ¥1,200,000
      recycle_competitor · hook: as sales wrote it

stalled  1 deal
  + D-3  2026-11-23 Mon  phone  is-01  stalled         €5,600
      stalled · "前回の宿題を確認する"
      to-do for the deal's owner · Please fill in the hook

verdict  deals          money
recycle      3  ¥2.4M + €5.6k
review       2          ¥2.4M
exclude      1          ¥1.2M
none         1          ¥1.2M
wait         1          ¥1.2M

reason      deals  scheduled  waiting  excluded  review  money
no_budget       2          1        1                    ¥2.4M
competitor      1          1                             ¥1.2M
missing         1                                     1  ¥1.2M
price           1                             1          ¥1.2M
unclear         1                                     1  ¥1.2M

Not recycled, by rule  `recyclekit explain DEAL` tells why of one
  rule            verdict  deals  money
  lost_on_price   exclude      1  ¥1.2M
  cool_off        wait         1  ¥1.2M
  reason_missing  review       1  ¥1.2M
  reason_unclear  review       1  ¥1.2M

Set aside  1 record, not planned; correct them, then plan again
  where     record  column  code      why
  deals:10  D-9     Closed  bad_date  '2026/02/30' is not a day of the calendar

9 read = 3 scheduled + 1 waiting + 1 excluded + 2 review + 1 none + 1 dead
letter  ✓
9 read = 1 won + 6 lost + 1 stalled + 1 dead letter  ✓
8 writes = 4 create_task + 3 set_fields + 1 remove_task in about 12 calls

Next: recyclekit apply plan.json   writes exactly this"""


def test_on_a_wide_terminal_a_deal_takes_one_line() -> None:
    lines = text(plan_view(small_plan()), width=140).splitlines()
    (line,) = [line for line in lines if "D-1 " in line]
    assert line == (
        "  + D-1  2026-12-07 Mon  phone  is-01  no_budget   ¥1,200,000  "
        'recycle_no_budget  "Figures they can put into their budget request"'
    )


@pytest.mark.parametrize("width", [40, 60, 80, 119, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    row = decision(
        "D-1", owner="is-01", hook="御社の来期予算申請に使える概算資料を届け、効果の見積もりを一緒に作る" * 4
    )
    view = plan_view(make_plan([row], [fields(row), task(row)]), apply_with=Path("plan.json"))
    assert max(cell_len(line) for line in text(view, width).splitlines()) <= width


def test_columns_stay_aligned_under_wide_characters() -> None:
    rows = [decision("商談-1", owner="担当者"), decision("D-2", owner="is-01")]
    lines = text(plan_view(make_plan(rows, [task(r) for r in rows]))).splitlines()
    places = {cell_len(line[: line.index("2026-12-07")]) for line in lines if "2026-12-07" in line}
    owners = {cell_len(line[: line.index("no_budget")]) for line in lines if "2026-12-07" in line}
    assert len(places) == len(owners) == 1


def test_a_large_plan_shows_the_first_deals_of_each_track_and_how_many_more_there_are() -> None:
    shown = text(plan_view(large_plan(), lines=12))
    assert shown.count("\n  + ") == 12
    assert shown.count("  … and 77 more") == 4
    assert "640 writes = 320 set_fields + 320 create_task" in shown


def test_a_plan_of_nothing_says_so_and_offers_nothing_to_apply() -> None:
    shown = text(plan_view(make_plan([decision("D-1", bucket="none", verdict="none")], []), apply_with=Path("p.json")))
    assert "No changes. No deal is scheduled by this plan." in shown
    assert "Next:" not in shown


def test_a_plan_whose_writes_stand_there_already_says_so() -> None:
    shown = text(plan_view(make_plan([decision("D-1")], [])))
    assert "No changes. The CRM already shows what this plan would write." in shown


def test_a_plan_that_trips_a_guard_offers_nothing_to_apply() -> None:
    shown = text(plan_view(small_plan(guards=["would recycle 310 deals; 300 are allowed"]), apply_with=Path("p.json")))
    assert "Guard: would recycle 310 deals; 300 are allowed" in shown
    assert "Next:" not in shown


def test_a_plan_whose_decisions_were_not_kept_still_shows_its_counts() -> None:
    plan = small_plan()
    bare = type(plan)(
        manifest=plan.manifest,
        actions=plan.actions,
        decisions=pl.DataFrame(schema=plan.decisions.schema),
        dead_letters=dead_letters(),
    )
    shown = text(plan_view(bare))
    assert "recycle      3" in shown
    assert "no_budget       2" in shown


def test_what_the_data_says_is_neither_markup_nor_a_command_to_the_terminal() -> None:
    row = decision("[red]D-1[/red]\x1b[2J", owner="[link=http://x]o[/link]", hook="[bold]\x07hook")
    shown = text(plan_view(make_plan([row], [task(row)])), 200)
    assert "[red]D-1[/red]�[2J" in shown
    assert "[bold]�hook" in shown
    assert "\x1b" not in shown


def test_colour_only_repeats_what_the_signs_say() -> None:
    plain, coloured = text(plan_view(small_plan())), text(plan_view(small_plan()), color=True)
    assert "\x1b[" not in plain
    assert "\x1b[32m+ " in coloured


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(width=80, force_terminal=True)
    with console.capture() as shown:
        console.print(plan_view(small_plan()))
    assert "\x1b[32m" not in shown.get()


def test_readings_that_were_found_out_are_shown_with_the_plan() -> None:
    found = Finding(level="note", where="deals.closed_on (Closed)", what="Read day first (%d/%m/%Y): only this fits.")
    other = Finding(level="warning", where="deals", what="39 open deals have no activity date.")
    shown = text(plan_view(replace(small_plan(), findings=(found, other))), 120)
    assert "Formats found out" in shown
    assert "deals.closed_on (Closed)  Read day first (%d/%m/%Y)" in shown
    assert "39 open deals" not in shown
    assert "Formats" not in text(plan_view(small_plan()), 120)


# -- a narrow terminal ------------------------------------------------------------------------------------------------


def wide_plan() -> Plan:
    """Long reasons, owners and amounts in three currencies."""
    rows = [
        decision(
            f"D-{n:05d}", owner="inside-sales-west", reason="relationship_proposal", amount=98_765_432.0, currency=c
        )
        for n, c in enumerate(["JPY", "USD", "EUR"])
    ]
    return make_plan(rows, [task(row) for row in rows])


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_money_and_no_heading_is_cut(width: int) -> None:
    lines = text(plan_view(wide_plan()), width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert sum("98,765,432" in line for line in lines) == 3, "each deal's money in full"
    table = "\n".join(lines[lines.index(next(line for line in lines if line.startswith("verdict"))) :])
    assert "…" not in table
    for amount in ("¥98.8M", "$98.8M", "€98.8M"):
        assert table.count(amount) == 2, "once by verdict, once by reason"


def test_where_the_reason_has_no_room_beside_the_deal_it_stands_below_unless_the_rule_says_it() -> None:
    shown = text(plan_view(wide_plan()), 80)
    assert "      relationship_proposal · recycle_no_budget" in shown
    row = decision(
        "D-1", owner="inside-sales-west-1", reason="relationship_proposal", rule="recycle_relationship_proposal"
    )
    assert "      recycle_relationship_proposal · " in text(plan_view(make_plan([row], [task(row)])), 80)


# -- runs that stopped early -------------------------------------------------------------------------------------------


def test_a_run_that_stopped_is_named_with_what_waits_for_it_and_the_way_to_take_it_up() -> None:
    row = {"run": "r20261121-1", "kind": "apply", "unsent": 1322, "in_doubt": 5, "waiting": 1}
    stopped = pl.DataFrame([row], schema=UNFINISHED, orient="row")
    shown = text(plan_view(replace(small_plan(), unfinished=stopped)), 140)
    assert "run r20261121-1, 1,322 writes unsent, 5 writes without proof of effect. 1 deal waits for it." in shown
    assert "Next: recyclekit retry r20261121-1" in shown


def test_a_plan_says_which_rule_leaves_how_many_deals_out() -> None:
    shown = text(plan_view(small_plan()))
    assert "lost_on_price   exclude      1  ¥1.2M" in shown
    nothing = make_plan([decision("D-1", verdict="none", bucket="none", status="won", reason=None, rule=None)], [])
    shown = text(plan_view(nothing))
    assert "by rule" not in shown
    assert "reason" not in shown, "no table without a row"


# -- deals that are handed back ----------------------------------------------------------------------------------------


def test_deals_that_are_handed_back_stand_in_a_list_of_their_own_and_their_line_says_why() -> None:
    shown = text(plan_view(replace(small_plan(), handed_back=hand_backs(REOPENED, {"deal_id": "D-9"}))), 140)
    lines = [line.split() for line in shown.splitlines()]
    assert "Handed back to sales: 2 deals  the buyer moved, so the cycle ends" in shown
    assert ["D-4", "timing", "named_date", "1", "nothing", "yet", "open", "again", "in", "the", "CRM"] in lines
    assert ["D-9", "stalled", "stalled", "1", "call", "contact", "on", "2026-11-21", "(email)"] in lines
    (line,) = [line for line in shown.splitlines() if line.startswith("  - D-4")]
    assert line.endswith("handed back to sales: open again in the CRM")
    assert "Handed back" not in text(plan_view(small_plan()), 140)


def test_of_many_hand_backs_the_first_are_shown() -> None:
    many = hand_backs(*({"deal_id": f"H-{n:02}"} for n in range(12)))
    shown = text(plan_view(replace(small_plan(), handed_back=many)), 140)
    assert "H-09" in shown
    assert "H-10" not in shown
    assert "… and 2 more; --json lists all" in shown


def test_a_plan_that_only_hands_back_offers_to_be_applied() -> None:
    plan = replace(make_plan([decision("D-9", bucket="none")], []), handed_back=hand_backs({"deal_id": "D-9"}))
    shown = text(plan_view(plan, apply_with=Path("plan.json")), 140)
    assert "Next: recyclekit apply plan.json" in shown

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recyclekit.models.decision import CLASSIFIED
from recyclekit.models.fingerprint import fingerprint
from recyclekit.models.snapshot import Snapshot
from recyclekit.policy.loader import Policy
from recyclekit.policy.spec import ClockSpec, CoolOff, LeadTime, StalledAfter, StatusSpec
from tests.stages.deals_by_hand import AS_OF, at, decide, memory, rules, snapshot, standard

OPEN = {"crm_state": "open"}


def changed(**parts: object) -> Policy:
    """Return the standard policy with parts of its spec replaced."""
    policy = standard()
    return dataclasses.replace(policy, spec=policy.spec.model_copy(update=parts))


# -- shape


def test_every_deal_gets_one_decision_in_its_order_with_the_declared_columns() -> None:
    result = decide(
        snapshot({"deal_id": "b"}, {"deal_id": "a", "crm_state": "won"}, {"deal_id": "c", **OPEN})
    ).decisions
    assert result.schema == pl.Schema(CLASSIFIED)
    assert result["deal_id"].to_list() == ["b", "a", "c"]


def test_no_deals_at_all_are_no_decisions() -> None:
    empty = Snapshot(deals=snapshot({}).deals.clear(), extracted_deals=0)
    assert decide(empty).decisions.height == 0


# -- status and the clock


def test_day_sixty_counts_and_day_fifty_nine_does_not() -> None:
    days = [59, 60, 61]
    deals = [{**OPEN, "last_activity_at": at(str(AS_OF - timedelta(days=n)))} for n in days]
    result = decide(snapshot(*deals)).decisions
    assert result["status"].to_list() == ["open", "stalled", "stalled"]
    assert result["inactive_days"].to_list() == days
    assert result["rule"].to_list() == [None, "stalled", "stalled"]


def test_days_begin_and_end_in_the_business_zone() -> None:
    # 15:30 UTC on 31 January is half past midnight on 1 February in Tokyo.
    deals = snapshot({**OPEN, "last_activity_at": at("2026-01-31T15:30:00+00:00")})
    assert decide(deals).decisions["inactive_days"].item() == 59
    assert decide(deals, timezone=ZoneInfo("America/New_York")).decisions["inactive_days"].item() == 60


def test_an_open_deal_without_any_activity_is_undated_and_reported() -> None:
    result = decide(snapshot(OPEN, {"crm_state": "won"}))
    assert result.decisions["status"].to_list() == ["undated", "won"]
    assert result.decisions["verdict"].to_list() == ["none", "none"]
    assert "1 open deals have no activity date" in result.findings[0].what


def test_the_latest_human_contact_sets_the_clock_and_is_named() -> None:
    deals = snapshot(
        {**OPEN, "contact_id": "p", "last_activity_at": at("2026-01-01")},
        {**OPEN, "contact_id": "q"},
        {**OPEN},
        activities=[
            {"deal_id": "d1", "kind": "call", "at": at("2026-02-01")},
            {"deal_id": "d1", "kind": "email", "at": at("2026-03-01")},
            {"deal_id": None, "contact_id": "q", "kind": "meeting", "at": at("2026-03-02")},
            {"deal_id": "d3", "contact_id": "q", "kind": "note", "at": at("2026-03-30")},
        ],
    )
    result = decide(deals).decisions
    assert result["activity_source"].to_list() == ["email", "meeting", "note"]
    assert result["inactive_days"].to_list() == [31, 30, 2]


@pytest.mark.parametrize(
    "event",
    [
        {"automatic": True},
        {"bulk": "import-7"},
        {"key": "main:d1:1:call"},
        {"done": False},
        {"at": at("2026-04-02T00:00:00")},
        {"kind": "note"},
    ],
    ids=lambda event: str(*event),
)
def test_what_is_no_human_contact_never_moves_the_clock(event: dict[str, object]) -> None:
    one = {"deal_id": "d1", "kind": "call", "at": at("2026-03-31"), "automatic": None, "done": True, **event}
    policy = changed(clock=ClockSpec(counts=("call", "email")))
    assert decide(snapshot(OPEN, activities=[one]), policy).decisions["status"].item() == "undated"


def test_the_last_minute_of_the_day_still_counts() -> None:
    one = {"deal_id": "d1", "kind": "call", "at": at("2026-04-01T23:59:59")}
    assert decide(snapshot(OPEN, activities=[one])).decisions["inactive_days"].item() == 0


def test_the_crms_own_clock_can_be_left_out_and_is_ignored_in_the_future() -> None:
    old, future = at("2026-01-01"), at("2026-05-01")
    deals = snapshot({**OPEN, "last_activity_at": old}, {**OPEN, "last_activity_at": future})
    result = decide(deals)
    assert result.decisions["status"].to_list() == ["stalled", "undated"]
    assert any("in the future" in finding.what for finding in result.findings)
    assert decide(deals, changed(clock=ClockSpec(crm_field=False))).decisions["status"].to_list() == ["undated"] * 2


def test_our_own_write_does_not_reset_the_clock_through_the_crms_field() -> None:
    moment = at("2026-03-20")
    ours = {"deal_id": "d1", "kind": "task", "at": moment, "key": "main:d1:1:call"}
    call = {"deal_id": "d1", "kind": "call", "at": at("2026-01-02")}
    deals = snapshot({**OPEN, "last_activity_at": moment}, activities=[ours, call])
    result = decide(deals).decisions
    assert (result["status"].item(), result["activity_source"].item()) == ("stalled", "call")


def test_the_threshold_may_be_the_average_lead_time_without_deals_won_later() -> None:
    won = {"crm_state": "won", "created_on": date(2026, 1, 1), "deal_pipeline": "a"}
    deals = [{**won, "closed_on": date(2026, 1, 21)}, {**won, "closed_on": date(2026, 1, 31)}]
    later = [{**won, "closed_on": date(2026, 12, 31)}, {**won, "closed_on": None}]
    waiting = [{**OPEN, "deal_pipeline": p, "last_activity_at": at("2026-03-07")} for p in ("a", "b")]
    given = snapshot(*deals, *later, *waiting)
    for sample, expected in ((2, ["stalled", "stalled"]), (3, ["open", "open"])):
        lead = LeadTime(per="deal_pipeline", minimum_sample=sample, otherwise_days=26)
        policy = changed(status=StatusSpec(stalled_after=StalledAfter(average_lead_time=lead)))
        assert decide(given, policy).decisions["status"].to_list()[-2:] == expected


def test_a_pipeline_with_a_sample_of_its_own_has_a_threshold_of_its_own() -> None:
    slow = {"crm_state": "won", "created_on": date(2025, 1, 1), "closed_on": date(2025, 4, 11), "deal_pipeline": "slow"}
    fast = {**slow, "closed_on": date(2025, 1, 11), "deal_pipeline": "fast"}
    waiting = [
        {**OPEN, "deal_pipeline": p, "last_activity_at": at("2026-03-12")} for p in ("slow", "fast", "new", None)
    ]
    lead = LeadTime(minimum_sample=1)
    given = snapshot(slow, fast, fast, *waiting)
    policy = changed(status=StatusSpec(stalled_after=StalledAfter(average_lead_time=lead)))
    # Means: slow 100, fast 10, all 40 days; 20 days without contact.
    assert decide(given, policy).decisions["status"].to_list()[-4:] == ["open", "stalled", "open", "open"]


# -- reasons


def test_picklist_values_map_whatever_their_width_and_case_and_the_projects_own_come_first() -> None:
    deals = snapshot(
        *({"lost_reason": text} for text in ("ＰＲＩＣＥ", " price ", "No Budget", "うち独自", "Competitor"))
    )
    result = decide(deals, reasons={"うち独自": "timing", "competitor": "status_quo"}).decisions
    assert result["reason"].to_list() == ["price", "price", "no_budget", "timing", "status_quo"]
    assert set(result["reason_source"]) == {"picklist"}


def test_price_is_excluded_and_no_budget_is_recycled() -> None:
    result = decide(snapshot({"lost_reason": "Price"}, {"lost_reason": "No budget"})).decisions
    assert result["verdict"].to_list() == ["exclude", "recycle"]
    assert result["track"].to_list() == [None, "next_budget"]


def test_a_value_that_may_mean_several_reasons_goes_to_a_person() -> None:
    result = decide(snapshot({"lost_reason": "Budget"}), reasons={"budget": ("no_budget", "price")}).decisions
    assert (result["reason"].item(), result["reason_source"].item()) == (None, "unclear")
    assert (result["verdict"].item(), result["rule"].item()) == ("review", "reason_unclear")
    agreed = decide(snapshot({"lost_reason": "x"}), reasons={"x": ("timing", "timing")}).decisions
    assert agreed["reason"].item() == "timing"


def test_free_text_is_read_and_what_cannot_be_read_goes_to_a_person() -> None:
    deals = snapshot(
        {"lost_reason": "担当者と連絡が取れなくなった"},
        {"lost_reason": "まだ"},
        {},
        {"lost_note": "予算が取れなかったため"},
    )
    result = decide(deals).decisions
    assert result["reason"].to_list() == ["unresponsive", None, None, "no_budget"]
    assert result["reason_source"].to_list() == ["text", "unclear", "none", "text"]
    assert rules(decide(deals))[1:3] == ["reason_unclear", "reason_missing"]


def test_only_lost_deals_have_a_reason() -> None:
    deals = [{"crm_state": s, "lost_reason": "Price", "last_activity_at": at("2025-01-01")} for s in ("won", "open")]
    result = decide(snapshot(*deals)).decisions
    assert result["reason"].to_list() == [None, None]
    assert result["reason_source"].to_list() == [None, None]


def test_unmapped_values_are_reported_with_deals_and_money_most_deals_first() -> None:
    deals = [{"lost_reason": text, "amount": 10.0} for text in ("Zorp", "Quux", "Quux", "Price")]
    result = decide(snapshot(*deals))
    assert result.unmapped.rows() == [("Quux", 2, 20.0), ("Zorp", 1, 10.0)]
    assert "'Quux' is in no picklist: 2 deals, 20 in money" in result.findings[0].what


def test_reading_text_can_be_switched_off() -> None:
    policy = standard()
    quiet = changed(reasons=policy.spec.reasons.model_copy(update={"read_text": False}))
    assert (
        decide(snapshot({"lost_reason": "予算が取れなかったため"}), quiet).decisions["reason_source"].item()
        == "unclear"
    )


# -- rules


def test_who_opted_out_is_excluded_before_anything_else() -> None:
    deals = snapshot(
        {"contact_id": "p", "lost_reason": "No budget"},
        {"contact_id": "q", "lost_reason": "No budget"},
        {"contact_id": "gone", "lost_reason": "No budget"},
        contacts=[{"contact_id": "p", "opted_out": True}, {"contact_id": "q", "opted_out": False}],
    )
    assert rules(decide(deals)) == ["opted_out", "recycle_no_budget", "recycle_no_budget"]


def test_a_company_with_another_open_deal_is_left_alone() -> None:
    fresh, stale = at("2026-03-31"), at("2025-03-31")
    deals = snapshot(
        {"account_id": "a", "lost_reason": "Timing"},
        {"account_id": "a", **OPEN, "last_activity_at": fresh},
        {"account_id": "b", "lost_reason": "Timing"},
        {"account_id": "b", **OPEN},
        {"account_id": "c", "lost_reason": "Timing"},
        {"account_id": "c", "lost_reason": "Timing"},
        {"account_id": None, "lost_reason": "Timing"},
        {"account_id": None, **OPEN, "last_activity_at": fresh},
        {"account_id": "d", **OPEN, "last_activity_at": stale},
        {"account_id": "d", **OPEN, "last_activity_at": stale},
        {"account_id": "d", "lost_reason": "Timing"},
    )
    assert rules(decide(deals)) == [
        "other_open_deal", None, "other_open_deal", None, "recycle_timing", "recycle_timing", "recycle_timing", None,
        "stalled", "stalled", "other_open_deal",
    ]  # fmt: skip


def test_a_cool_off_comes_before_the_track_and_ends() -> None:
    reason = {"lost_reason": "Project cancelled"}
    deals = snapshot({**reason, "closed_on": AS_OF}, {**reason, "closed_on": AS_OF - timedelta(days=180)}, reason)
    result = decide(deals).decisions
    assert result["verdict"].to_list() == ["wait", "recycle", "recycle"]
    assert result["wait_until"].to_list() == [AS_OF + timedelta(days=180), None, None]
    policy = changed(cool_off=CoolOff(default_days=30, by_reason={"project_cancelled": 0}))
    assert rules(decide(snapshot({**reason, "closed_on": AS_OF}), policy)) == ["recycle_project_cancelled"]
    assert rules(decide(snapshot({"lost_reason": "Timing", "closed_on": AS_OF}), policy)) == ["cool_off"]


def test_without_a_track_a_recycled_deal_goes_to_a_person() -> None:
    tracks = {k: v for k, v in standard().spec.reason_tracks.items() if k != "timing"}
    result = decide(snapshot({"lost_reason": "Timing"}), changed(reason_tracks=tracks)).decisions
    assert (result["verdict"].item(), result["rule"].item()) == ("review", "recycle_timing")


# -- memory


def test_a_running_cycle_goes_on_and_its_end_brings_rest_and_then_the_next_cycle() -> None:
    lost = snapshot({"lost_reason": "Project cancelled", "closed_on": date(2025, 1, 1)})
    running = memory(
        [("d1", 1, "check_back", "project_cancelled", date(2026, 3, 1), None, None)],
        [("d1", 1, "mail", date(2026, 4, 1), "mail", "ann", "k")],
    )
    on_the_day = decide(lost, past=running).decisions
    assert (on_the_day["rule"].item(), on_the_day["cycle"].item()) == ("recycle_project_cancelled", 1)
    after = decide(lost, past=running, as_of=date(2026, 4, 2)).decisions
    assert (after["rule"].item(), after["cycle"].item()) == ("between_cycles", 2)
    assert after["wait_until"].item() == date(2026, 4, 1) + timedelta(days=180)
    again = decide(lost, past=running, as_of=date(2026, 9, 28)).decisions
    assert (again["rule"].item(), again["cycle"].item()) == ("recycle_project_cancelled", 2)


def test_the_end_of_a_cycle_is_the_same_before_and_after_the_ledger_wrote_it_down() -> None:
    lost = snapshot({"lost_reason": "Project cancelled", "closed_on": date(2025, 1, 1)})
    touch = [("d1", 1, "mail", date(2026, 3, 1), "mail", "ann", "k")]
    cycle = ("d1", 1, "check_back", "project_cancelled", date(2026, 2, 1))
    open_ended = decide(lost, past=memory([(*cycle, None, None)], touch)).decisions
    written = decide(lost, past=memory([(*cycle, date(2026, 4, 1), "track_done")], touch)).decisions
    assert open_ended.equals(written)


def test_after_the_maximum_of_cycles_a_deal_is_left_alone() -> None:
    lost = snapshot({"lost_reason": "Timing"})
    done = [("d1", n, "named_date", "timing", date(2020, n, 1), date(2020, n, 20), "track_done") for n in (1, 2, 3)]
    assert rules(decide(lost, past=memory(done))) == ["maximum_cycles"]
    assert rules(decide(lost, past=memory(done[:2]))) == ["recycle_timing"]


def test_cycles_that_were_undone_or_broken_off_do_not_count_as_done() -> None:
    lost = snapshot({"lost_reason": "Timing"})
    ended = [
        ("d1", n, "named_date", "timing", date(2026, 3, n), date(2026, 3, n), why)
        for n, why in ((1, "undone"), (2, "changed"), (3, "revived"), (4, "undone"))
    ]
    result = decide(lost, past=memory(ended)).decisions
    assert (result["rule"].item(), result["cycle"].item()) == ("recycle_timing", 4)


# -- fingerprint


def test_a_fingerprint_is_made_where_a_write_may_follow() -> None:
    deals = snapshot({"lost_reason": "Timing"}, {"lost_reason": "Price"}, {"crm_state": "won", "recycle_track": "x"})
    assert decide(deals).decisions["fingerprint"].is_not_null().to_list() == [True, False, True]


def test_a_fingerprint_is_the_same_everywhere_for_ever() -> None:
    row = {
        "crm_state": "lost", "deal_stage": "失注", "amount": 1000, "closed_on": date(2026, 1, 2), "hook": None,
        "last_contact_at": at("2026-01-01"), "opted_out": False,
    }  # fmt: skip
    frame = pl.DataFrame([row], schema_overrides={"amount": pl.Float64})
    assert fingerprint(frame).to_list() == ["3492117324"]
    assert fingerprint(frame.drop("hook")).equals(fingerprint(frame))
    assert fingerprint(frame.with_columns(pl.col("last_contact_at").dt.cast_time_unit("ms"))).equals(fingerprint(frame))


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 2.0},
        {"lost_reason": "No budget "},
        {"hook": "x"},
        {"owner": None},
        {"last_activity_at": at("2026-03-02")},
    ],
    ids=lambda change: str(*change),
)
def test_a_fingerprint_changes_with_what_the_decision_rests_on(change: dict[str, object]) -> None:
    row = {"lost_reason": "No budget", "amount": 1.0, "hook": None, "owner": "o", "last_activity_at": at("2026-03-01")}
    before, after = decide(snapshot(row)).decisions, decide(snapshot({**row, **change})).decisions
    assert before["fingerprint"].item() != after["fingerprint"].item()


def test_our_own_fields_are_no_part_of_the_fingerprint() -> None:
    row = {"lost_reason": "No budget", "recycle_track": None}
    written = {**row, "recycle_track": "next_budget"}
    prints = [decide(snapshot(deal)).decisions["fingerprint"].item() for deal in (row, written)]
    assert prints[0] == prints[1]


# -- order and size change nothing


@settings(max_examples=20)
@given(st.permutations(range(12)))
def test_the_order_of_the_deals_changes_no_decision(order: list[int]) -> None:
    reasons = ["Price", "No budget", None, "予算が取れなかった", "Other", "Timing"]
    deals = [
        {"deal_id": f"x{n}", "account_id": f"a{n % 5}", "lost_reason": reasons[n % 6],
         "crm_state": ("lost", "lost", "open")[n % 3], "last_activity_at": at(f"2026-0{n % 3 + 1}-10")}
        for n in range(12)
    ]  # fmt: skip
    straight = decide(snapshot(*deals)).decisions
    shuffled = decide(snapshot(*(deals[n] for n in order))).decisions
    assert shuffled.sort("deal_id").equals(straight.sort("deal_id"))


def test_lost_deals_closed_after_the_as_of_are_named() -> None:
    ahead = {"closed_on": date(2026, 4, 2), "lost_reason": "Timing"}
    others = [{**ahead, "crm_state": state} for state in ("won", "open")]
    result = decide(snapshot(ahead, {"closed_on": AS_OF}, *others))
    (found,) = [finding for finding in result.findings if finding.where == "deals.closed_on"]
    assert "1 lost deals were closed after 2026-04-01, such as d1" in found.what
    assert not [f for f in decide(snapshot({"closed_on": AS_OF})).findings if f.where == "deals.closed_on"]

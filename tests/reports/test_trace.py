from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta

import polars as pl
import pytest

from recyclekit.errors import InputError
from recyclekit.models.memory import Memory
from recyclekit.models.snapshot import Snapshot, dead_letters
from recyclekit.models.tombstone import Erasable, Tombstones
from recyclekit.reports.trace import Trace, trace
from tests.stages.deals_by_hand import AS_OF, TOKYO, at, decide, memory, snapshot, standard


def explain(deal_id: str, given: Snapshot, past: Memory | None = None, as_of: date = AS_OF) -> Trace:
    return trace(deal_id, given, standard(), past or Memory(), as_of=as_of, timezone=TOKYO, reasons={"Zorp": "timing"})


def outcomes(traced: Trace) -> dict[str, str]:
    return {rule.name: rule.outcome for rule in traced.rules}


def test_an_open_deal_says_on_which_day_it_becomes_stalled_if_nobody_makes_contact() -> None:
    given = snapshot({"crm_state": "open", "last_activity_at": at("2026-03-20")})
    traced = explain("d1", given)
    assert traced.flip is not None
    assert traced.flip.on == date(2026, 5, 19)
    assert traced.flip.what.startswith("becomes stalled on 2026-05-19 if nobody makes contact; verdict then: recycle")
    assert decide(given, as_of=date(2026, 5, 18)).decisions["status"].item() == "open"
    assert decide(given, as_of=date(2026, 5, 19)).decisions["status"].item() == "stalled"


def test_a_waiting_deal_says_when_the_wait_ends() -> None:
    traced = explain("d1", snapshot({"lost_reason": "Project cancelled", "closed_on": AS_OF}))
    assert traced.flip is not None
    assert traced.flip.on == AS_OF + timedelta(days=180)
    assert traced.flip.what == "wait turns into recycle on 2026-09-28 (rule 'recycle_project_cancelled')"


def test_a_running_cycle_says_when_it_comes_to_rest() -> None:
    past = memory(
        [("d1", 1, "check_back", "project_cancelled", date(2026, 3, 1), None, None)],
        [("d1", 1, "mail", date(2026, 4, 10), "mail", "ann", "k")],
    )
    traced = explain("d1", snapshot({"lost_reason": "Project cancelled", "closed_on": date(2025, 1, 1)}), past)
    assert traced.flip is not None
    assert (traced.flip.on, traced.flip.verdict) == (date(2026, 4, 11), "wait")


@pytest.mark.parametrize(
    ("deal", "says"),
    [
        ({"crm_state": "won"}, "Time alone changes nothing"),
        ({"lost_reason": "Price"}, "Time alone changes nothing"),
        ({"crm_state": "open"}, "no day can make it stalled until somebody logs a contact"),
    ],
)
def test_where_time_changes_nothing_it_says_so(deal: dict[str, object], says: str) -> None:
    traced = explain("d1", snapshot(deal))
    assert traced.flip is None
    assert says in traced.no_flip


def test_every_rule_is_there_with_its_outcome_and_the_reason_for_it() -> None:
    given = snapshot(
        {"lost_reason": "Zorp", "contact_id": "p", "account_id": "a"},
        contacts=[{"contact_id": "p", "opted_out": False}],
    )
    traced = explain("d1", given)
    found = outcomes(traced)
    assert list(found) == [rule.name for rule in standard().spec.rules]
    assert found["opted_out"] == "unmatched"
    assert found["between_cycles"] == "abstained"
    assert found["recycle_timing"] == "fired"
    why = {rule.name: rule.why for rule in traced.rules}
    assert why["opted_out"] == "It does not match: opted_out is no."
    assert why["between_cycles"].startswith("It cannot judge, since it lacks again_on (ledger: cycles")
    assert why["recycle_timing"] == "It is the first that matches: reason is timing."
    assert traced.because == "Rule 'recycle_timing' is the first that matches: The time was wrong."


def test_a_later_rule_that_matches_too_says_which_came_first() -> None:
    given = snapshot({"lost_reason": "Zorp", "contact_id": "p"}, contacts=[{"contact_id": "p", "opted_out": True}])
    late = next(rule for rule in explain("d1", given).rules if rule.name == "recycle_timing")
    assert (late.outcome, late.why) == ("matched", "It matches too, but 'opted_out' comes first.")


def test_inputs_name_their_value_source_and_time() -> None:
    call = {"deal_id": "d1", "kind": "call", "at": at("2026-01-05")}
    traced = explain("d1", snapshot({"crm_state": "open", "last_activity_at": at("2025-12-01")}, activities=[call]))
    days = next(i for i in traced.status_inputs if i.name == "inactive_days")
    assert (days.value, days.source, days.at) == (86, "activities (call)", at("2026-01-05"))


def test_the_reason_says_from_which_words_it_comes() -> None:
    traced = explain("d1", snapshot({"lost_reason": "予算が取れなかった"}, {"lost_reason": "Zorp"}))
    sources = [i.source for rule in traced.rules for i in rule.inputs if i.name == "reason"]
    assert sources[0].startswith("deals.lost_reason '予算が取れなかった' (read")
    picked = explain("d2", snapshot({}, {"lost_reason": "Zorp"}))
    sources = [i.source for rule in picked.rules for i in rule.inputs if i.name == "reason"]
    assert sources[0] == "deals.lost_reason 'Zorp' (by the picklist)"


def test_the_explanation_agrees_with_the_decision_for_every_deal() -> None:
    deals = [
        {"lost_reason": text, "account_id": f"a{n % 3}", "closed_on": date(2026, 1, n + 1),
         "crm_state": ("lost", "open", "won")[n % 3], "last_activity_at": at(f"2026-0{n % 3 + 1}-05")}
        for n, text in enumerate(["Price", "Zorp", "Other", None, "Budget", "予算なし", "保留"])
    ]  # fmt: skip
    given = snapshot(*deals)
    decisions = decide(given, reasons={"Zorp": "timing"}).decisions.drop("fingerprint")
    for row in decisions.iter_rows(named=True):
        traced = explain(row["deal_id"], given)
        assert dict(traced.decision) == row
        fired = [name for name, outcome in outcomes(traced).items() if outcome == "fired"]
        assert fired == ([row["rule"]] if row["rule"] else [])


def test_an_explanation_is_plain_data() -> None:
    plain = asdict(explain("d1", snapshot({"lost_reason": "Zorp"})))
    assert plain["decision"]["rule"] == "recycle_timing"


def test_an_unknown_deal_is_answered_with_those_that_come_nearest() -> None:
    with pytest.raises(InputError, match=r"There is no deal 'deal-10'\. Did you mean deal-11"):
        explain("deal-10", snapshot({"deal_id": "deal-11"}))


def test_a_deal_that_was_set_aside_is_explained_by_its_dead_letter() -> None:
    row = {
        "stage": "normalize",
        "table": "deals",
        "record_id": "x",
        "line": 7,
        "column": "amount",
        "reason": "no number",
    }
    given = snapshot({})
    given = Snapshot(deals=given.deals, extracted_deals=2, dead_letters=dead_letters([row]))
    with pytest.raises(InputError, match=r"Deal 'x' was set aside \(line 7\): no number"):
        explain("x", given)
    assert given.dead_letters.schema["line"] == pl.UInt64


def test_a_deal_whose_person_was_erased_is_said_to_be_left_alone() -> None:
    stones = Tombstones(salt="s")
    past = Memory(erased=Tombstones(salt="s", digests=frozenset([stones.digest(Erasable.DEAL, "d1")])))
    found = explain("d1", snapshot({"lost_reason": "timing", "closed_on": AS_OF}), past)
    assert (found.decision["verdict"], found.decision["rule"]) == ("exclude", "(erased)")
    assert "erased" in found.because
    assert found.flip is None

"""Stage 4: when the next touch is due."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from recyclekit.errors import InputError
from recyclekit.models.calendar import CalendarSettings
from tests.stages.scheduling import AS_OF, World, one, policy, track, writes


def _with(timing: Any, **rest: Any) -> World:
    return World(policy=policy(tracks={"only": track(timing, **rest)}, reason_tracks={}))


def _date(world: World, **deal: Any) -> tuple[date | None, str | None]:
    made = one(world.add("D", "only", **deal).plan(), "D")
    return made["next_approach_on"], made["note"]


@pytest.mark.parametrize(
    ("timing", "deal", "expected"),
    [
        ("same_day", {}, AS_OF),
        ({"after": {"days": 30, "since": "as_of"}}, {}, date(2026, 12, 24)),
        ({"after": {"months": 3}}, {"closed_on": date(2026, 11, 10)}, date(2027, 2, 10)),
        ({"after": {"months": 3}}, {"closed_on": date(2026, 11, 30)}, date(2027, 3, 1)),  # 28 February is a Sunday
        ({"after": {"days": 7, "since": "last_contact_on"}}, {"inactive_days": 5}, date(2026, 11, 26)),
        ({"after": {"days": 7, "since": "last_contact_on"}}, {"inactive_days": None}, date(2026, 12, 1)),
        ({"before_contract_end": {"weeks": 4}}, {"contract_ends_on": date(2027, 3, 31)}, date(2027, 3, 3)),
        ({"before_contract_end": {"weeks": 4, "term_months": 12}}, {"closed_on": date(2026, 9, 30)}, date(2027, 9, 2)),
        ({"before_budget": {"weeks": 8}}, {}, date(2027, 2, 4)),
        ("named_date", {"contract_ends_on": date(2027, 1, 20)}, date(2027, 1, 20)),
        ({"named_date": {"otherwise": {"months": 1, "since": "as_of"}}}, {}, date(2026, 12, 24)),
    ],
)
def test_a_track_says_when(timing: Any, deal: dict[str, Any], expected: date) -> None:
    assert _date(_with(timing), **deal)[0] == expected


def test_a_date_that_has_passed_becomes_today() -> None:
    assert _date(_with({"after": {"days": 30}})) == (AS_OF, "due since 2026-02-14")


@pytest.mark.parametrize("timing", ["same_day", {"before_budget": {}}, {"before_contract_end": {}}, "named_date"])
def test_the_date_that_sales_named_wins_over_every_track(timing: Any) -> None:
    named = date(2027, 5, 12)
    assert _date(_with(timing, window={"later": 3, "earlier": 3}), next_approach_on=named) == (named, None)


def test_a_named_date_that_has_passed_is_today() -> None:
    assert _date(_with({"before_budget": {}}), next_approach_on=date(2026, 10, 1)) == (AS_OF, "due since 2026-10-01")


def test_a_named_holiday_moves_to_the_next_business_day_and_says_so() -> None:
    on, note = _date(_with("same_day"), next_approach_on=date(2027, 5, 1))  # a Saturday before Golden Week
    assert on == date(2027, 5, 6)
    assert note == "2027-05-01 is no business day"


def test_notes_speak_the_policys_language() -> None:
    world = World(policy=policy(language="ja", tracks={"only": track("same_day")}, reason_tracks={}))
    assert _date(world, next_approach_on=date(2027, 5, 1))[1] == "2027-05-01は休業日のため翌営業日"


def test_quiet_periods_and_company_days_are_no_business_days() -> None:
    world = _with("same_day")
    world.calendar = CalendarSettings(closed=("2027-01-04/2027-01-05",))
    assert _date(world, next_approach_on=date(2026, 12, 29))[0] == date(2027, 1, 6)


def test_a_customer_abroad_has_their_own_holidays() -> None:
    world = _with("same_day")
    world.accounts = [{"account_id": "US-1", "country": "US"}, {"account_id": "X-1", "country": "XX"}]
    thanksgiving, culture_day = date(2026, 11, 26), date(2027, 11, 3)
    world.add("us", "only", account_id="US-1", next_approach_on=thanksgiving)
    world.add("us-2", "only", account_id="US-1", next_approach_on=culture_day)
    world.add("jp", "only", next_approach_on=thanksgiving).add("jp-2", "only", next_approach_on=culture_day)
    world.add("xx", "only", account_id="X-1", next_approach_on=culture_day)
    plan = world.plan()
    assert one(plan, "us")["next_approach_on"] == date(2026, 11, 27)
    assert one(plan, "us-2")["next_approach_on"] == culture_day
    assert one(plan, "jp")["next_approach_on"] == thanksgiving
    assert one(plan, "jp-2")["next_approach_on"] == date(2027, 11, 4)
    assert one(plan, "xx")["note"] == (
        "2027-11-03 is no business day; country is not known: the home country's holidays are used"
    )


def test_a_home_country_without_known_holidays_is_refused() -> None:
    world = _with("same_day")
    world.calendar = CalendarSettings(country="XX")
    with pytest.raises(InputError, match="'XX'"):
        _date(world)


BUDGET = {"before_budget": {"weeks": 4}}


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ({}, date(2027, 3, 4)),  # Japan: before 1 April
        ({"country": "JP"}, date(2027, 3, 4)),
        ({"fiscal_year": "10"}, date(2027, 9, 3)),  # the account's own word wins: before 1 October
        ({"country": "DE", "fiscal_year": "quarter:1"}, date(2026, 12, 4)),
        ({"country": "US", "fiscal_year": "52/53:last-sat:1"}, date(2027, 1, 4)),  # 3 January is a Sunday
    ],
)
def test_budgets_are_decided_before_each_companys_own_fiscal_year(account: dict[str, Any], expected: date) -> None:
    world = _with(BUDGET)
    world.accounts = [{"account_id": "A", **account}]
    assert _date(world, account_id="A") == (expected, None if expected.day != 4 or expected.month != 1 else
                                            "2027-01-03 is no business day")  # fmt: skip


def test_a_project_may_have_another_usual_fiscal_year() -> None:
    world = _with(BUDGET)
    world.calendar = CalendarSettings.model_validate({"fiscal_year": 1})
    assert _date(world)[0] == date(2026, 12, 4)


@pytest.mark.parametrize(
    ("account", "words"),
    [({"country": "DE"}, "is not known"), ({"fiscal_year": "in spring"}, "cannot be read")],
)
def test_an_unknown_fiscal_year_is_asked_for_and_the_home_countrys_taken_meanwhile(
    account: dict[str, Any], words: str
) -> None:
    world = _with(BUDGET)
    world.accounts = [{"account_id": "A", **account}]
    on, note = _date(world, account_id="A")
    assert on == date(2027, 3, 4)
    assert words in str(note)
    (asked,) = [write for write in writes(world.plan(), "create_task") if write["step"] == "ask"]
    assert asked["payload"]["missing"] == ["fiscal_year"]
    assert asked["payload"]["owner"] == "rep-1"


def test_where_the_policy_says_default_nobody_is_asked() -> None:
    world = _with({"before_budget": {"weeks": 4, "unknown": "default"}})
    world.accounts = [{"account_id": "A", "country": "DE"}]
    assert _date(world, account_id="A")[0] == date(2027, 3, 4)
    assert [write["step"] for write in writes(world.plan(), "create_task")] == ["call"]


def test_the_accounts_contract_counts_where_the_deal_names_none() -> None:
    world = _with({"before_contract_end": {"weeks": 4}})
    world.accounts = [{"account_id": "A", "contract_ends_on": date(2027, 6, 30)}]
    world.add("own", "only", account_id="A", contract_ends_on=date(2027, 3, 31))
    world.add("accounts", "only", account_id="A").add("none", "only", closed_on=date(2026, 11, 1))
    plan = world.plan()
    assert [one(plan, deal)["next_approach_on"] for deal in ("own", "accounts", "none")] == [
        date(2027, 3, 3), date(2027, 6, 2), date(2027, 10, 4),
    ]  # fmt: skip
    assert one(plan, "none")["note"] == "end of the contract is not known: the usual term is assumed"


def test_a_date_far_away_needs_no_table_of_holidays() -> None:
    assert _date(_with("same_day"), next_approach_on=date(9999, 12, 31))[0] == date(9999, 12, 31)

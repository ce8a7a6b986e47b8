"""Queries over https: pages, pages inside rows, locators, the recycle bin, archived and hidden things."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recyclekit.testing.sandbox import StillClock
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from tests.testing.sandbox.salesforce.conftest import Rest

ALL = "SELECT Id FROM Opportunity ORDER BY SystemModstamp, Id"


@pytest.fixture
def deals(crm: SalesforceSandbox) -> list[str]:
    rows = [{"deal_id": f"D{n:03}", "crm_state": "lost", "contact_id": f"C{n % 7}"} for n in range(250)]
    contacts = [{"contact_id": f"C{n}"} for n in range(7)]
    return list(crm.load(deals=rows, contacts=contacts).deals.values())


def test_pages_lead_to_all_rows_once(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    crm.pages.size = 60
    first = rest.query(ALL)
    assert (first["totalSize"], first["done"], len(first["records"])) == (250, False, 60)
    assert first["nextRecordsUrl"].startswith("/services/data/v67.0/query/01g")
    assert first["nextRecordsUrl"].endswith("-60")
    assert [row["Id"] for row in rest.rows(ALL)] == deals


def test_short_pages_lose_nothing(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    crm.pages.size, crm.pages.short = 60, True
    assert [row["Id"] for row in rest.rows(ALL)] == deals
    assert crm.journal.count("*/query/*") > 4


def test_a_page_can_be_read_again(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    crm.pages.size = 100
    next_url = rest.query(ALL)["nextRecordsUrl"]
    assert rest.get(next_url) == rest.get(next_url)


@pytest.mark.parametrize(("asked", "rows"), [("batchSize=200", 200), ("batchSize=5", 200), ("batchSize=9999", 250)])
def test_the_batch_size_is_a_hint_between_200_and_2000(rest: Rest, deals: list[str], asked: str, rows: int) -> None:
    answer = rest.call("GET", "/query", params={"q": ALL}, headers={"Sforce-Query-Options": asked})
    assert len(answer.json()["records"]) == rows


@pytest.mark.parametrize("way", ["expired by hand", "two days old", "never handed out"])
def test_a_dead_locator_is_an_invalid_query_locator(
    crm: SalesforceSandbox, clock: StillClock, rest: Rest, deals: list[str], way: str
) -> None:
    crm.pages.size = 100
    next_url = rest.query(ALL)["nextRecordsUrl"]
    if way == "expired by hand":
        crm.pages.expire()
    elif way == "two days old":
        clock.advance(2 * 86_400 + 1)
    else:
        next_url = next_url.replace("01g", "01h")
    answer = rest.call("GET", next_url)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_children_come_in_pages_of_their_own_and_as_null_where_there_are_none(
    crm: SalesforceSandbox, rest: Rest
) -> None:
    loaded = crm.load(
        deals=[{"deal_id": "D1"}, {"deal_id": "D2"}], contacts=[{"contact_id": f"C{n}"} for n in range(5)]
    )
    for contact in loaded.contacts.values():
        crm.create("OpportunityContactRole", OpportunityId=loaded.deals["D1"], ContactId=contact, Role="Other")
    crm.pages.child_size = 2
    statement = "SELECT Id, (SELECT ContactId FROM OpportunityContactRoles) FROM Opportunity ORDER BY Id"
    with_roles, without = rest.query(statement)["records"]
    assert without["OpportunityContactRoles"] is None
    page = with_roles["OpportunityContactRoles"]
    assert (page["totalSize"], page["done"], len(page["records"])) == (5, False, 2)
    people = [row["ContactId"] for row in page["records"]]
    while not page["done"]:
        page = rest.get(page["nextRecordsUrl"])
        people += [row["ContactId"] for row in page["records"]]
    assert people == list(loaded.contacts.values())


def test_parents_are_nested_and_null_where_they_are_missing(crm: SalesforceSandbox, rest: Rest) -> None:
    crm.load(
        deals=[{"deal_id": "D1", "account_id": "A1"}, {"deal_id": "D2"}],
        accounts=[{"account_id": "A1", "name": "Acme"}],
    )
    first, second = rest.query("SELECT Account.Name, Account.Owner.Name, Owner.Name FROM Opportunity ORDER BY Id")[
        "records"
    ]
    assert first["Account"]["Name"] == "Acme"
    assert first["Account"]["Owner"] == first["Owner"]
    assert first["Account"]["attributes"]["type"] == "Account"
    assert (second["Account"], second["Owner"]["Name"]) == (None, "Yamada")


def test_a_parent_of_several_possible_objects_tells_its_type(crm: SalesforceSandbox, rest: Rest) -> None:
    loaded = crm.load(deals=[{"deal_id": "D1"}])
    crm.create("Task", WhatId=loaded.deals["D1"], Subject="call")
    [task] = rest.query("SELECT What.Type, What.Name, Who.Name FROM Task WHERE What.Type = 'Opportunity'")["records"]
    assert (task["What"]["Type"], task["What"]["Name"], task["Who"]) == ("Opportunity", "D1", None)


def test_query_all_shows_the_recycle_bin(crm: SalesforceSandbox, rest: Rest, deals: list[str]) -> None:
    crm.delete("Opportunity", deals[3])
    assert rest.query("SELECT COUNT() FROM Opportunity")["totalSize"] == 249
    [gone] = rest.rows("SELECT Id, IsDeleted FROM Opportunity WHERE IsDeleted = true", "queryAll")
    assert (gone["Id"], gone["IsDeleted"]) == (deals[3], True)


def test_activities_of_a_year_ago_are_archived_and_only_query_all_shows_them(
    crm: SalesforceSandbox, rest: Rest
) -> None:
    rows = [
        {"kind": kind, "at": datetime(year, 11, 1, tzinfo=UTC), "done": done}
        for kind, year, done in (
            ("call", 2024, True),
            ("meeting", 2024, True),
            ("task", 2024, False),
            ("call", 2026, True),
        )
    ]
    crm.load(activities=rows)
    assert len(rest.rows("SELECT Id FROM Task")) == 2
    assert rest.rows("SELECT Id FROM Event") == []
    archived = rest.rows("SELECT Id, IsArchived FROM Task WHERE IsDeleted = false ORDER BY ActivityDate", "queryAll")
    assert sorted(row["IsArchived"] for row in archived) == [False, False, True]
    assert rest.rows("SELECT IsArchived FROM Event", "queryAll")[0]["IsArchived"] is True


def test_counting_and_grouping_answer_without_records_or_with_aggregates(crm: SalesforceSandbox, rest: Rest) -> None:
    crm.load(
        deals=[{"deal_id": f"D{n}", "crm_state": "won" if n % 3 else "lost", "amount": float(n)} for n in range(9)]
    )
    assert rest.query("SELECT COUNT() FROM Opportunity WHERE IsWon = true") == {
        "totalSize": 6,
        "done": True,
        "records": [],
    }
    rows = rest.rows("SELECT StageName, COUNT(Id) n, MAX(Amount) FROM Opportunity GROUP BY StageName")
    assert [(row["StageName"], row["n"], row["expr0"]) for row in rows] == [
        ("Closed Lost", 3, 6.0),
        ("Closed Won", 6, 8.0),
    ]
    assert rows[0]["attributes"] == {"type": "AggregateResult"}


def test_groups_are_ordered_and_cut_after_they_are_counted(crm: SalesforceSandbox, rest: Rest) -> None:
    states = ["won", "lost", "lost", "open", "open", "open"]
    crm.load(deals=[{"deal_id": f"D{n}", "crm_state": state} for n, state in enumerate(states)])
    grouped = "SELECT StageName, COUNT(Id) n FROM Opportunity GROUP BY StageName"
    rows = rest.rows(f"{grouped} ORDER BY StageName DESC LIMIT 2")
    assert [(row["StageName"], row["n"]) for row in rows] == [("Prospecting", 3), ("Closed Won", 1)]
    assert "must be grouped" in rest.refused(f"{grouped} ORDER BY Amount")[1]
    assert "cannot also use LIMIT" in rest.refused("SELECT MAX(Amount) FROM Opportunity LIMIT 1")[1]
    assert "does not support aggregate operator SUM" in rest.refused("SELECT SUM(Name) FROM Opportunity")[1]
    assert rest.query("SELECT COUNT() FROM Opportunity LIMIT 4")["totalSize"] == 4


def test_a_semi_join_asks_in_between(crm: SalesforceSandbox, rest: Rest) -> None:
    crm.load(deals=[{"deal_id": "D1", "contact_id": "C1"}], contacts=[{"contact_id": "C1"}, {"contact_id": "C2"}])
    inner = "SELECT ContactId FROM OpportunityContactRole WHERE Opportunity.IsClosed = false"
    assert [row["Name"] for row in rest.rows(f"SELECT Name FROM Contact WHERE Id IN ({inner})")] == ["C1"]
    assert [row["Name"] for row in rest.rows(f"SELECT Name FROM Contact WHERE Id NOT IN ({inner})")] == ["C2"]


def test_metadata_is_read_by_soql_too(rest: Rest) -> None:
    stages = rest.rows("SELECT ApiName, IsClosed, IsWon FROM OpportunityStage WHERE IsActive = true ORDER BY SortOrder")
    assert {(row["ApiName"], row["IsClosed"], row["IsWon"]) for row in stages} >= {
        ("Prospecting", False, False), ("Closed Won", True, True), ("Closed Lost", True, False),
    }  # fmt: skip
    assert rest.rows("SELECT ApiName FROM TaskStatus WHERE IsClosed = true")[0]["ApiName"] == "Completed"
    assert {row["IsActive"] for row in rest.rows("SELECT Id, Name, IsActive FROM User")} == {True}

"""Canonical tables become an org: what the deal-recycling connector would have found there had it always lived."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.seeding import demo_company
from tests.testing.sandbox.salesforce.conftest import Rest

AS_OF = date(2026, 11, 22)


def test_a_deal_keeps_its_values_dates_people_and_pipeline(crm: SalesforceSandbox, rest: Rest) -> None:
    deal = {
        "deal_id": "D-1", "name": "Acme 見積", "account_id": "A-1", "contact_id": "C-1", "deal_pipeline": "New",
        "deal_stage": "失注", "crm_state": "lost", "amount": 1_050_000.0, "currency": "JPY", "owner": "fs-01",
        "created_on": date(2025, 1, 2), "closed_on": date(2025, 3, 4), "lost_reason": "価格", "need_type": 2,
        "last_activity_at": datetime(2025, 3, 1, 9, tzinfo=UTC), "recycle_track": "nurture",
    }  # fmt: skip
    loaded = crm.load(deals=pl.DataFrame([deal]), contacts=[{"contact_id": "C-1", "opted_out": True}],
                      accounts=[{"account_id": "A-1", "country": "JP", "fiscal_year": "4"}])  # fmt: skip
    record = crm.objects["Opportunity"][loaded.deals["D-1"]].properties
    assert record["StageName"] == "失注"
    assert (record["IsClosed"], record["IsWon"], record["Amount"]) == (True, False, 1_050_000.0)
    assert (record["CloseDate"], record["LastActivityDate"]) == ("2025-03-04", "2025-03-01")
    assert record["CreatedDate"] == "2025-01-02T00:00:00.000+0000"
    assert (record["Loss_Reason__c"], record["Need_Type__c"], record["CurrencyIsoCode"]) == ("価格", 2.0, "JPY")
    assert (record["External_Id__c"], record["Recycle_Track__c"]) == ("D-1", "nurture")
    assert crm.objects["User"][record["OwnerId"]].get("Name") == "fs-01"
    assert loaded.owners == {"fs-01": record["OwnerId"]}
    assert loaded.pipelines == {"New": record["RecordTypeId"]}
    [role] = rest.rows(
        "SELECT Contact.HasOptedOutOfEmail, Opportunity.Account.Fiscal_Year__c FROM OpportunityContactRole"
    )
    assert role["Contact"]["HasOptedOutOfEmail"] is True
    assert role["Opportunity"]["Account"]["Fiscal_Year__c"] == "4"
    assert "失注" in _values(rest, "StageName")
    assert "価格" in _values(rest, "Loss_Reason__c")


def _values(rest: Rest, field: str) -> list[str]:
    fields = {each["name"]: each for each in rest.get("/sobjects/Opportunity/describe")["fields"]}
    return [value["value"] for value in fields[field]["picklistValues"]]


def test_activities_become_tasks_and_events_that_move_the_clock_only_where_done(crm: SalesforceSandbox) -> None:
    def row(kind: str, day: int, **more: object) -> dict[str, object]:
        return {"deal_id": "D-1", "kind": kind, "at": datetime(2026, 11, day, 9, tzinfo=UTC), **more}

    rows = [
        row("call", 3),
        row("meeting", 5),
        row("email", 7, bulk="B-1", activity_id="mass"),
        row("task", 30, done=False, key="k1", activity_id="open"),
    ]
    loaded = crm.load(deals=[{"deal_id": "D-1"}], activities=rows)
    record = crm.objects["Opportunity"][loaded.deals["D-1"]]
    assert (record.get("LastActivityDate"), record.get("HasOpenActivity")) == ("2026-11-07", True)
    assert (len(crm.objects["Task"]), len(crm.objects["Event"])) == (3, 1)
    assert crm.objects["Task"][loaded.activities["mass"]].get("TaskSubtype") == "ListEmail"
    assert crm.objects["Task"][loaded.activities["open"]].get("Recycle_Key__c") == "k1"


def test_an_activity_date_of_the_crm_is_not_lost_to_a_roll_up(crm: SalesforceSandbox) -> None:
    deal = crm.load(deals=[{"deal_id": "D-1", "last_activity_at": datetime(2026, 5, 1, tzinfo=UTC)}]).deals["D-1"]
    crm.create("Task", WhatId=deal, ActivityDate="2027-01-01")
    assert crm.objects["Opportunity"][deal].get("LastActivityDate") == "2026-05-01"


def test_a_second_load_finds_what_the_first_one_loaded(crm: SalesforceSandbox) -> None:
    contact = crm.load(contacts=[{"contact_id": "C-1"}]).contacts["C-1"]
    crm.load(deals=[{"deal_id": "D-1", "contact_id": "C-1"}, {"deal_id": "D-2", "contact_id": "nobody"}])
    assert [role.get("ContactId") for role in crm.objects["OpportunityContactRole"].values()] == [contact]


def test_one_label_for_two_states_becomes_two_stages(crm: SalesforceSandbox) -> None:
    rows = [{"deal_id": state, "deal_stage": "終了", "crm_state": state} for state in ("won", "lost")]
    crm.load(deals=rows)
    stages = {record.get("StageName"): record.get("IsWon") for record in crm.objects["Opportunity"].values()}
    assert stages == {"終了": True, "終了 (lost)": False}


@pytest.mark.parametrize("deals", [60])
def test_the_demos_company_is_the_same_in_both_sandboxes(crm: SalesforceSandbox, deals: int) -> None:
    invented = demo_company(deals=deals, as_of=AS_OF)
    tables = {"deals": invented.deals, "contacts": invented.contacts, "accounts": invented.accounts}
    here = crm.load(**tables, activities=invented.activities, signals=invented.signals)
    with HubSpotSandbox(seed=1) as other:
        there = other.load(**tables, activities=invented.activities, signals=invented.signals)
    assert set(here.deals) == set(there.deals)
    assert set(here.contacts) == set(there.contacts)
    assert len(here.activities) == len(there.activities)
    amounts = {row["deal_id"]: row.get("amount") for row in invented.deals}
    assert {given: crm.objects["Opportunity"][made].get("Amount") for given, made in here.deals.items()} == amounts

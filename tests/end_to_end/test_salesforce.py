"""A project on Salesforce as a person works with it: init, check, plan, apply, a quiet second plan, undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from tests.end_to_end.conftest import Command
from tests.end_to_end.every_kind import seed

OWN = ("Recycle_Track__c", "Recycle_Next_On__c", "Recycle_Reason__c")


def test_from_init_to_undo_on_an_org_that_has_everything(
    recyclekit: Command, tmp_path: Path, crm: SalesforceSandbox
) -> None:
    deals, env = seed(crm), project(recyclekit, tmp_path, crm)
    before = {deal: own_fields(crm, deal) for deal in deals.values()}

    checked = recyclekit("check", "--json", env=env)
    assert checked.code == 0, checked.out + checked.err

    planned = recyclekit("plan", "--out", "plan.json", "--json", env=env)
    assert planned.code == 0, planned.err
    plan = planned.json
    assert plan["deals"] == len(deals)
    assert plan["by_status"] == {"lost": 6, "won": 1, "stalled": 1, "open": 1, "undated": 0}
    assert plan["sums_close"]
    assert plan["actions"]["set_fields"] >= 6
    assert plan["actions"]["create_task"] >= 4

    applied = recyclekit("apply", "plan.json", "--yes", "--json", env=env)
    assert applied.code == 0, applied.out + applied.err
    assert applied.json["applied"] == sum(plan["actions"].values())
    assert own_fields(crm, deals["budget"])["Recycle_Track__c"] == "next_budget"
    assert own_fields(crm, deals["price"])["Recycle_Track__c"] is None
    assert tasks(crm) == plan["actions"]["create_task"]
    assert members(crm) == plan["actions"].get("enrol", 0)
    assert crm.journal.count("*/composite/sobjects*") <= plan["calls"]

    again = recyclekit("plan", "--json", "--detailed-exitcode", env=env)
    assert (again.code, again.json["actions"]) == (0, {}), again.out

    undone = recyclekit("undo", plan["run"], "--yes", "--json", env=env)
    assert undone.code == 0, undone.out + undone.err
    assert {deal: own_fields(crm, deal) for deal in deals.values()} == before
    assert (tasks(crm), members(crm)) == (0, 0)


def test_a_deal_that_somebody_changes_after_the_plan_is_left_alone(
    recyclekit: Command, tmp_path: Path, crm: SalesforceSandbox
) -> None:
    deals, env = seed(crm), project(recyclekit, tmp_path, crm)
    plan = recyclekit("plan", "--out", "plan.json", "--json", env=env).json
    crm.edit("Opportunity", deals["budget"], Loss_Reason__c="Price")

    applied = recyclekit("apply", "plan.json", "--yes", "--json", env=env)

    assert applied.code == 4, applied.out + applied.err
    assert {one["deal"] for one in applied.json["skipped"]} == {deals["budget"]}
    assert applied.json["applied"] == sum(plan["actions"].values()) - 2  # its fields and its task
    assert own_fields(crm, deals["budget"])["Recycle_Track__c"] is None


def test_an_org_without_our_fields_is_told_what_it_lacks_and_gets_it(recyclekit: Command, tmp_path: Path) -> None:
    with SalesforceSandbox(seed=3, timezone="Asia/Tokyo", own_fields=False) as crm:
        deals, env = seed(crm), project(recyclekit, tmp_path, crm)
        checked = recyclekit("check", "--json", env=env)
        assert checked.code == 2, checked.out
        assert "Recycle_Track__c" in checked.out
        assert "Recycle_Key__c" in checked.out

        fixed = recyclekit("check", "--fix", "--yes", "--json", env=env)
        assert fixed.code == 0, fixed.out + fixed.err
        ran = recyclekit("plan", "--out", "plan.json", "--json", env=env)
        applied = recyclekit("apply", "plan.json", "--yes", "--json", env=env)
        assert applied.code == 0, ran.out + applied.out + applied.err
        assert own_fields(crm, deals["budget"])["Recycle_Track__c"] == "next_budget"


@pytest.fixture
def crm() -> Iterator[SalesforceSandbox]:
    with SalesforceSandbox(seed=2, timezone="Asia/Tokyo") as running:
        yield running


def project(recyclekit: Command, folder: Path, crm: SalesforceSandbox) -> dict[str, str]:
    """Make a project from the template and return the environment that it needs."""
    made = recyclekit("init", ".", "--template", "salesforce")
    assert made.code == 0, made.err
    file = folder / "recyclekit.yaml"
    campaign = crm.create("Campaign", Name="Useful reading", IsActive=True)
    text = file.read_text(encoding="utf-8")
    text = text.replace("# ca_file: proxy.pem ", f"ca_file: {crm.settings['ca_file']} ")
    text = text.replace("701000000000000AAA", campaign).replace('CHANGE-ME"', f'{crm.org.person}"')
    file.write_text(text, encoding="utf-8")
    settings = crm.settings
    return {
        "SALESFORCE_DOMAIN": settings["domain"],
        "SALESFORCE_CLIENT_ID": settings["client_id"],
        "SALESFORCE_CLIENT_SECRET": settings["client_secret"],
    }


def own_fields(crm: SalesforceSandbox, deal_id: str) -> dict[str, object]:
    return {name: crm.objects["Opportunity"][deal_id].get(name) for name in OWN}


def tasks(crm: SalesforceSandbox) -> int:
    return sum(1 for one in crm.org.store.living("Task") if one.get("Recycle_Key__c"))


def members(crm: SalesforceSandbox) -> int:
    return sum(1 for _ in crm.org.store.living("CampaignMember"))

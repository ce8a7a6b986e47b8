"""A project on HubSpot as a person works with it: init, check, plan, apply, a quiet second plan, undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recyclekit.testing.sandbox.faults import Fault, FaultKind
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.end_to_end.conftest import Command
from tests.end_to_end.every_kind import seed

OWN = ("recycle_track", "recycle_next_on", "recycle_reason")


def test_from_init_to_undo_on_an_account_that_lacks_our_properties(
    recyclekit: Command, tmp_path: Path, crm: HubSpotSandbox
) -> None:
    deals, env = seed(crm), project(recyclekit, tmp_path, crm)

    checked = recyclekit("check", "--json", env=env)
    assert checked.code == 2, checked.out
    assert "The property recycle_track (string) on deals is missing." in checked.out
    fixed = recyclekit("check", "--fix", "--yes", env=env)
    assert fixed.code == 0, fixed.out + fixed.err
    assert recyclekit("check", "--json", env=env).code == 0

    planned = recyclekit("plan", "--out", "plan.json", "--json", env=env)
    assert planned.code == 0, planned.err
    plan = planned.json
    assert plan["deals"] == len(deals)
    assert plan["by_status"] == {"lost": 6, "won": 1, "stalled": 1, "open": 1, "undated": 0}
    assert plan["sums_close"]
    assert plan["actions"]["set_fields"] >= 6
    assert plan["actions"]["create_task"] >= 4

    crm.journal.clear()
    applied = recyclekit("apply", "plan.json", "--yes", "--json", env=env)
    assert applied.code == 0, applied.out + applied.err
    assert applied.json["applied"] == sum(plan["actions"].values())
    assert own_fields(crm, deals["budget"])["recycle_track"] == "next_budget"
    assert own_fields(crm, deals["price"])["recycle_track"] is None
    assert tasks(crm) == plan["actions"]["create_task"]
    assert members(crm) == plan["actions"].get("enrol", 0)
    assert len(crm.journal) <= plan["calls"]

    again = recyclekit("plan", "--json", "--detailed-exitcode", env=env)
    assert (again.code, again.json["actions"]) == (0, {}), again.out

    undone = recyclekit("undo", plan["run"], "--yes", "--json", env=env)
    assert undone.code == 0, undone.out + undone.err
    assert all(value is None for deal in deals.values() for value in own_fields(crm, deal).values())
    assert (tasks(crm), members(crm)) == (0, 0)


def test_a_deal_that_somebody_changes_after_the_plan_is_left_alone(
    recyclekit: Command, tmp_path: Path, crm: HubSpotSandbox
) -> None:
    crm.define_own_fields()
    deals, env = seed(crm), project(recyclekit, tmp_path, crm)
    plan = recyclekit("plan", "--out", "plan.json", "--json", env=env).json
    crm.edit("deals", deals["budget"], {"closed_lost_reason": "Price"})

    applied = recyclekit("apply", "plan.json", "--yes", "--json", env=env)

    assert applied.code == 4, applied.out + applied.err
    assert {one["deal"] for one in applied.json["skipped"]} == {deals["budget"]}
    assert applied.json["applied"] == sum(plan["actions"].values()) - 2  # its fields and its task
    assert own_fields(crm, deals["budget"])["recycle_track"] is None


def test_a_day_that_is_used_up_stops_the_run_and_retry_completes_it(
    recyclekit: Command, tmp_path: Path, crm: HubSpotSandbox
) -> None:
    crm.define_own_fields()
    seed(crm)
    env = project(recyclekit, tmp_path, crm)
    plan = recyclekit("plan", "--out", "plan.json", "--json", env=env).json
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=429, policy="DAILY", path="*/deals/batch/update", times=None))

    applied = recyclekit("apply", "plan.json", "--yes", "--json", env=env)
    assert applied.code == 7, applied.out + applied.err
    assert applied.json["sums_close"]
    crm.faults.clear()

    retried = recyclekit("retry", "--json", env=env)
    assert retried.code == 0, retried.out + retried.err
    assert retried.json["applied"] == sum(plan["actions"].values())
    assert tasks(crm) == plan["actions"]["create_task"], "no task is made twice"


def test_a_token_that_is_refused_ends_with_the_exit_code_of_signing_in(
    recyclekit: Command, tmp_path: Path, crm: HubSpotSandbox
) -> None:
    env = project(recyclekit, tmp_path, crm)
    told = recyclekit("plan", env={**env, "HUBSPOT_TOKEN": "pat-na1-not-any-more"})
    assert told.code == 5, told.out + told.err
    assert "pat-na1-not-any-more" not in told.out + told.err


@pytest.fixture
def crm() -> Iterator[HubSpotSandbox]:
    with HubSpotSandbox(seed=2, own_fields=False) as running:
        yield running


def project(recyclekit: Command, folder: Path, crm: HubSpotSandbox) -> dict[str, str]:
    """Make a project from the template and return the environment that it needs."""
    made = recyclekit("init", ".", "--template", "hubspot")
    assert made.code == 0, made.err
    file = folder / "recyclekit.yaml"
    owner, members_of = crm.portal.add_owner("inside").id, crm.add_list("Useful reading")
    text = file.read_text(encoding="utf-8")
    text = text.replace("# url: http://127.0.0.1:8010 ", f"url: {crm.url} ")
    text = text.replace('useful-reading: "101"', f'useful-reading: "{members_of}"').replace('CHANGE-ME"', f'{owner}"')
    file.write_text(text, encoding="utf-8")
    return {"HUBSPOT_TOKEN": crm.token}


def own_fields(crm: HubSpotSandbox, deal_id: str) -> dict[str, object]:
    return {name: crm.objects["deals"][deal_id].properties.get(name) or None for name in OWN}


def tasks(crm: HubSpotSandbox) -> int:
    return sum(1 for one in crm.objects["tasks"].values() if not one.archived and one.properties.get("recycle_key"))


def members(crm: HubSpotSandbox) -> int:
    return sum(len(one.members) for one in crm.portal.lists.values())

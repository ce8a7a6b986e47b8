"""Runs that ask only for what changed decide as runs that read everything, on both vendors' sandboxes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from ruamel.yaml import YAML

from recyclekit import clock
from recyclekit.connectors.mirror.files import New
from recyclekit.connectors.protocols import Page
from recyclekit.errors import ConnectorError
from recyclekit.models.tables import Table
from recyclekit.project import Project, open_project
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.seeding import demo_company
from tests.end_to_end.conftest import Command
from tests.end_to_end.test_life_of_a_plan import project

__all__ = ["project"]

AS_OF = date(2026, 11, 20)
REASON = {"hubspot": "closed_lost_reason", "salesforce": "Loss_Reason__c"}


@dataclass
class Hours:
    """A clock that everybody shares; it runs, and may be put forward."""

    noon: datetime = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    began: float = field(default_factory=time.monotonic)

    def __call__(self) -> datetime:
        return self.noon + timedelta(seconds=time.monotonic() - self.began)

    def pass_by(self, hours: int) -> None:
        self.noon += timedelta(hours=hours)


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    shared = Hours()
    monkeypatch.setattr(clock, "now", shared)
    return shared


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many deals the system handed over, page by page, where a mirror was looked into."""
    heights: list[int] = []
    add = New.add

    def counting(new: New, page: Page) -> None:
        heights.append(page.records.height if page.table is Table.DEALS else 0)
        add(new, page)

    monkeypatch.setattr(New, "add", counting)
    return heights


def decisions(project: Project, connection: str) -> pl.DataFrame:
    """Return what a run on one of the connections decides."""
    return project.job_on(connection, as_of=AS_OF).plan().decisions.sort("deal_id")


def described(folder: Path, crm: Any, vendor: str, loaded: Any) -> None:
    """Write a project that knows the system twice: read whole, and by its changes."""
    one = {"connector": vendor, "settings": crm.settings, "owners": dict(loaded.owners)}
    if vendor == "salesforce":
        one["fields"] = {"deals": {"lost_reason": REASON[vendor]}}
    spec = {
        "version": 1,
        "timezone": "Asia/Tokyo",
        "connections": {"whole": one, "changes": one | {"reading": {"only_changes": True}}},
        "owners": {"inside_sales": [{"id": next(iter(loaded.owners))}]},
        "pipelines": {"main": {"source": "whole"}},
    }
    with (folder / "recyclekit.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(spec, file)


def changed(crm: Any, vendor: str, deals: Sequence[str]) -> None:
    """Give deals another reason for their loss, as a person does."""
    for deal in deals:
        if vendor == "hubspot":
            crm.edit("deals", deal, {REASON[vendor]: "Price"})
        else:
            crm.edit("Opportunity", deal, **{REASON[vendor]: "Price"})


@pytest.mark.parametrize(("vendor", "sandbox"), [("hubspot", HubSpotSandbox), ("salesforce", SalesforceSandbox)])
def test_what_changed_since_is_enough_to_decide_alike(
    tmp_path: Path, vendor: str, sandbox: Callable[..., Any], hours: Hours, told: list[int]
) -> None:
    company = demo_company(deals=600, as_of=AS_OF)
    with sandbox(seed=1, clock=hours) as crm:
        loaded = crm.load(
            deals=[{**row, "external_id": row["deal_id"]} for row in company.deals], contacts=company.contacts,
            accounts=company.accounts, activities=company.activities,
        )  # fmt: skip
        described(tmp_path, crm, vendor, loaded)
        hours.pass_by(2)
        here = open_project(tmp_path)
        first = decisions(here, "changes")
        assert_frame_equal(first, decisions(here, "whole"))

        lost = [loaded.deals[row["deal_id"]] for row in company.deals if row["crm_state"] == "lost"][:20]
        for some in (lost[:1], lost[1:]):  # all were made at one moment: only the next change draws a line behind it
            hours.pass_by(2)
            changed(crm, vendor, some)
            hours.pass_by(2)
            here, before = open_project(tmp_path), sum(told)  # another run, another process
            second = decisions(here, "changes")
        is_open = sum(row["crm_state"] == "open" for row in company.deals)
        asked = sum(told) - before - is_open  # Salesforce hands over the record at which it stopped once more
        assert asked in (len(lost) - 1, len(lost)), "what changed, and open deals"
        assert_frame_equal(second, decisions(here, "whole"))
        assert set(second.filter(pl.col("deal_id").is_in(lost))["reason"]) == {"price"}
        assert not second.equals(first)


def test_a_system_that_tells_no_changes_is_refused(recyclekit: Command, project: Path) -> None:
    file = project / "recyclekit.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("connector: csv", "connector: csv\n    reading: {only_changes: true}"), encoding="utf-8"
    )
    told = recyclekit("plan")
    assert told.code == 2
    assert "cannot be read by `only_changes`" in told.err
    assert "a file does not say what changed" in told.err.lower()
    with pytest.raises(ConnectorError, match="only_changes"):
        open_project(project).job()

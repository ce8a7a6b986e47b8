"""In a real browser: what a person approves in Prefect's form is exactly what is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recyclekit.models.proposal import Door, Verdict
from tests.operations.browser import MISSING, PROGRAM, Browser, running_browser
from tests.operations.company import AS_OF, sample_project
from tests.operations.pages import Pages
from tests.operations.server import PrefectServer, running_server
from tests.operations.worker import running_worker

# A group of its own: no other test's server serves pages, and none waits for this one.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not PROGRAM, reason=MISSING),
]

POOL = "browser"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrefectServer]:
    """A server that serves its pages, with a worker."""
    with running_server(tmp_path / "prefect", ui=True) as server:
        server.pool(POOL)
        with running_worker(server.home, server.url, POOL):
            yield server


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with running_browser(tmp_path / "browser") as browser:
        yield browser


def test_what_a_person_approves_in_the_form_is_exactly_what_is_written(
    server: PrefectServer, browser: Browser, tmp_path: Path
) -> None:
    project = sample_project(tmp_path / "crm")
    given = {"project": project.folder, "as_of": str(AS_OF), "approval": "required"}
    run = server.run(server.deploy("recyclekit_flows.recycle.recycle", "main", POOL, given))
    server.wait(run, ["Suspended"], seconds=240)
    proposal = project.ledger().proposal(run)
    assert proposal is not None
    plan = project.ledger().proposed(proposal.run)
    pages = Pages(browser, server)
    pages.ask_for_approval(run)
    first = list(dict.fromkeys(plan.actions["deal_id"]))[:3]
    assert all(deal in browser.text for deal in first), "the form shows what is approved"
    pages.approve(run, limit=3)
    server.wait(run, ["COMPLETED"], seconds=240)
    written = project.ledger().actions(proposal.run)
    assert list(dict.fromkeys(written["deal_id"])) == first
    approved = plan.actions.filter(plan.actions["deal_id"].is_in(first))
    assert written.select("key", "payload").equals(approved.select("key", "payload"))
    assert set(written["state"]) == {"done"}
    known = project.ledger().proposal(run)
    assert known is not None
    assert known.verdict == Verdict(approve=True, door=Door.PREFECT, limit=3)
    pages.run(run, "Set aside", f"recyclekit-outcome-{proposal.run}", tab="Artifacts")

"""In a real browser: what a person approves in Prefect's form is exactly what is written; Retry sends what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from recyclekit.models.plan import ActionKind
from recyclekit.models.proposal import Door, Verdict
from recyclekit.testing.sandbox import Fault, FaultKind
from tests.operations.account import DAY_IS_SPENT, opened, refusal
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
ENROL = "*/memberships/add"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server that serves its pages, with a worker."""
    with running_server(tmp_path_factory.mktemp("prefect"), ui=True) as server:
        server.pool(POOL)
        with running_worker(server.home, server.url, POOL):
            yield server


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("browser")) as browser:
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


def test_the_button_retry_sends_what_is_unsent_refused_or_in_doubt_and_nothing_else(
    server: PrefectServer, browser: Browser, tmp_path: Path
) -> None:
    with opened(tmp_path / "hubspot") as account:
        expected, crm, ledger = account.planned, account.crm, account.project.ledger()
        refused = sorted(expected)[:2]
        lost = Fault(kind=FaultKind.LOST_ANSWER, path=ENROL)  # and then nobody may ask any more whether it was done
        spent = DAY_IS_SPENT.model_copy(update={"path": ENROL})
        crm.faults.add(*(refusal(expected[key], key) for key in refused), lost, spent, DAY_IS_SPENT)
        flow_run = server.run(server.deploy("recyclekit_flows.recycle.recycle", "hurt", POOL, account.parameters))
        assert server.wait(flow_run, seconds=240)["type"] == "FAILED"
        run = ledger.run(flow_run).run
        before = ledger.actions(run)
        left = before.filter(state="planned")
        assert set(before["state"]) == {"done", "failed", "in_doubt", "planned"}
        assert set(before.filter(state="failed")["key"]) == set(refused)
        assert set(before.filter(state="in_doubt")["kind"]) == {ActionKind.ENROL}
        assert set(left["kind"]) == {ActionKind.SET_FIELDS}, "unsent"

        crm.faults.clear()
        crm.journal.clear()
        Pages(browser, server).retry(flow_run)
        assert server.wait(flow_run, ["COMPLETED"], seconds=240)["name"] == "Completed"

        assert account.written() == {*refused, *left["deal_id"]}, "what the CRM was sent"
        assert not crm.journal.calls(ENROL), "what was in doubt stood there: it was looked up, not sent again"
        assert account.tasks() == Counter(expected.keys())
        after = ledger.actions(run)
    assert set(after["state"]) == {"done"}
    again = after.filter(pl.col("attempts") > before["attempts"])
    assert set(again["key"]) == {*refused, *left["key"]}, "what the ledger counts"

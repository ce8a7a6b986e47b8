"""Plans that wait for a person, as the terminal shows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from recyclekit.cli.render_proposals import proposal_view, proposals_view
from recyclekit.models.plan import Plan
from recyclekit.models.proposal import Cause, Door, Proposal, ProposalState, Verdict
from tests.cli.shown import text
from tests.reports.plans import RUN, small_plan

UNTIL = datetime(2026, 11, 29, 8, 44, tzinfo=UTC)


@pytest.fixture
def plan() -> Plan:
    """A plan that a guard stopped."""
    made = small_plan()
    return replace(made, manifest=made.manifest.model_copy(update={"guards": ["9 deals would be newly recycled"]}))


@pytest.fixture
def waiting(plan: Plan) -> Proposal:
    """It waits."""
    return Proposal(
        run=plan.manifest.run, pipeline="main", state=ProposalState.WAITING, cause=Cause.GUARD, manifest=plan.manifest,
        sha256="72fc86fb57f385dd0000", expires_at=UNTIL, flow_run="9cde883e-b74f-49f6-9ff1-f9e9d6255390",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's server has an address."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")


def test_what_waits_says_until_when_and_how_to_decide(waiting: Proposal) -> None:
    shown = text(proposals_view([waiting]), 140)
    assert "waiting" in shown
    assert "until 2026-11-29 08:44" in shown
    for command in ("runs", "apply", "reject"):
        assert f"recyclekit {command} {RUN}" in shown


def test_what_was_decided_says_when_and_where_and_asks_for_nothing(waiting: Proposal) -> None:
    no = Verdict(approve=False, door=Door.PREFECT)
    rejected = replace(waiting, state=ProposalState.REJECTED, verdict=no, decided_at=UNTIL)
    shown = text(proposals_view([rejected]), 140)
    assert "2026-11-29 08:44, from prefect" in shown
    assert "Next" not in shown
    assert "rejected" in text(proposal_view(rejected, None), 140)


def test_one_of_them_is_shown_whole_with_why_it_waits_and_its_page(waiting: Proposal, plan: Plan) -> None:
    shown = text(proposal_view(waiting, plan), 160)
    assert "stopped by a guard; 9 deals would be newly recycled" in shown
    assert "http://127.0.0.1:4200/runs/flow-run/9cde883e-b74f-49f6-9ff1-f9e9d6255390" in shown
    assert "will be refused" not in shown, "approving it is the way past the guard"
    assert f"recyclekit apply {RUN}" in shown
    assert plan.actions["deal_id"][0] in shown

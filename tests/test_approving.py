"""Plans that wait for a person, without a server: from proposal to what stands in the CRM, with two shells as well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from recyclekit import approving, clock
from recyclekit.cli.commands.apply import apply
from recyclekit.cli.options import Where
from recyclekit.errors import ConfigError, ExitCode, InputError, StalePlanError, UnknownRunError, WaitingError
from recyclekit.events import DealsHandedBack, Event
from recyclekit.models.proposal import Cause, Door, Proposal, ProposalState, Verdict
from recyclekit.plans import plan_file
from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from tests.operations.moving import company_whose_buyers_move

AS_OF = date(2026, 11, 20)
YES = Verdict(approve=True, door=Door.SHELL)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small sample company."""
    sample = generate(tmp_path, deals=100, seed=7, as_of=AS_OF)
    (tmp_path / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    return open_project(tmp_path)


def proposed(project: Project, hours: float = 168, cause: Cause = Cause.APPROVAL) -> Proposal:
    job = project.job(as_of=AS_OF)
    plan = job.plan()
    plan_file.keep(plan, project.state)
    return approving.propose(job, plan, cause, hours)[0]


def shell(project: Project, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "recyclekit", *arguments, "--project", str(project.folder), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, object]]:
    out, err = process.communicate(timeout=120)
    try:
        return process.returncode, json.loads(out)
    except ValueError:
        raise AssertionError(out + err) from None


def tasks(project: Project) -> list[str]:
    file = project.folder / "deals.recyclekit" / "tasks.csv"
    return pl.read_csv(file, infer_schema=False)["key"].to_list() if file.exists() else []


def test_an_id_that_no_plan_has_is_told_with_those_that_come_nearest(project: Project) -> None:
    known = proposed(project).run
    where = Where(project=project.folder)
    with pytest.raises(UnknownRunError, match=f"(?s)no such file.*Nearest: {known}") as refused:
        apply("r20260101-000000-dead", where=where, yes=True)
    assert refused.value.exit_code is ExitCode.USAGE
    with pytest.raises(InputError, match=r"There is no plan nowhere\.json"):
        apply("nowhere.json", where=where, yes=True)


def test_a_shell_writes_exactly_what_it_approved_and_a_second_one_nothing_more(project: Project) -> None:
    proposal = proposed(project)
    plan = project.ledger().proposed(proposal.run)
    code, done = ended(shell(project, "apply", proposal.run[:-2], "--yes"))
    assert (code, done["applied"]) == (4, plan.actions.height), "4: some records could not be read"
    before = tasks(project)
    assert sorted(before) == sorted(plan.actions.filter(pl.col("kind") == "create_task")["key"])
    code, again = ended(shell(project, "apply", proposal.run, "--yes"))
    assert (code, again["applied"], again["already"]) == (4, plan.actions.height, plan.actions.height)
    assert tasks(project) == before
    code, error = ended(shell(project, "reject", proposal.run))
    assert code == 9
    assert "approved" in str(error["error"])


def test_what_a_shell_handed_back_is_told_by_the_run_that_it_wakes(tmp_path: Path) -> None:
    project = company_whose_buyers_move(tmp_path)
    proposal = proposed(project)
    known = project.ledger().decide(proposal.run, YES)
    events: list[Event] = []
    job = approving.on_plan(project.job(), known.manifest).listening(events.append)
    written = approving.write_approved(job, known)
    deals = [one.deal_id for one in written.handed_back]
    assert len(deals) >= 3
    approving.tell_returned(job, written)
    (told,) = [event for event in events if isinstance(event, DealsHandedBack)]
    assert [deal["deal"] for deal in told.deals] == deals, "whoever wrote tells by itself, and once"
    events.clear()
    woken = approving.write_approved(job, known)
    assert woken.handed_back == ()
    approving.tell_returned(job, woken)
    assert events == [told]


def test_of_two_shells_at_once_one_writes(project: Project) -> None:
    proposal = proposed(project)
    both = [shell(project, "apply", proposal.run, "--yes", *limit) for limit in ((), ("--limit", "3"))]
    codes = sorted(ended(process)[0] for process in both)
    found = project.ledger().proposal(proposal.run)
    assert found is not None
    assert found.verdict is not None
    assert codes == [4, 9], "the other one hears that somebody decided otherwise"
    deals = project.ledger().actions(proposal.run)["deal_id"].n_unique()
    assert deals == 3 if found.verdict.limit else deals > 3
    assert len(tasks(project)) == len(set(tasks(project)))


def test_a_saved_plan_that_was_proposed_is_the_proposal_and_another_one_is_refused(project: Project) -> None:
    proposal = proposed(project)
    kept = project.state / "plans" / f"{proposal.run}.json"
    code, done = ended(shell(project, "apply", str(kept), "--yes", "--limit", "2"))
    assert (code, done["run"]) == (4, proposal.run)
    found = project.ledger().proposal(proposal.run)
    assert found is not None
    assert found.state is ProposalState.APPLIED
    assert found.verdict == Verdict(approve=True, door=Door.SHELL, limit=2)
    code, _ = ended(shell(project, "apply", str(kept), "--yes"))
    assert code == 9, "without the limit it is another word"


def test_a_rejected_plan_writes_nothing_and_the_ledger_says_so(project: Project) -> None:
    proposal = proposed(project)
    code, said = ended(shell(project, "reject", proposal.run))
    assert (code, said["state"]) == (0, "rejected")
    assert ended(shell(project, "apply", proposal.run, "--yes"))[0] == 9
    assert not tasks(project)
    listed = json.loads(shell(project, "runs").communicate(timeout=60)[0])
    assert [(one["run"], one["kind"], one["state"]) for one in listed] == [(proposal.run, "plan", "rejected")]
    assert ended(shell(project, "reject", "nobody"))[0] == 2


def test_deals_that_moved_since_are_left_alone_and_the_others_written(project: Project) -> None:
    proposal = proposed(project)
    plan = project.ledger().proposed(proposal.run)
    moved = plan.actions["deal_id"][0]
    _touch(project.folder / "deals.csv", moved)
    known = project.ledger().decide(proposal.run, YES)
    outcome = approving.write_approved(approving.on_plan(project.job(), known.manifest), known)
    assert {deal for deal, _ in outcome.skipped} == {moved}
    assert outcome.applied == plan.actions.filter(pl.col("deal_id") != moved).height
    assert outcome.sums_close


def test_a_plan_that_waited_too_long_is_stale(project: Project) -> None:
    proposal = proposed(project, hours=1e-7)
    code, error = ended(shell(project, "apply", proposal.run, "--yes"))
    assert code == 9
    assert "waited too long" in str(error["error"])
    assert not tasks(project)


def test_touches_whose_day_has_passed_while_a_plan_waited_are_not_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = datetime.fromisoformat("2026-11-20T03:00:00+00:00")
    monkeypatch.setattr(clock, "now", lambda: made)
    proposal = proposed(project)
    plan = project.ledger().proposed(proposal.run)
    monkeypatch.setattr(clock, "now", lambda: made + timedelta(days=4))
    known = project.ledger().decide(proposal.run, YES)
    outcome = approving.write_approved(approving.on_plan(project.job(), known.manifest), known)
    due = plan.actions.filter(pl.col("kind") == "create_task").with_columns(
        due=pl.col("payload").str.json_path_match("$.due_on").str.to_date()
    )
    late = set(due.filter(pl.col("due") < date(2026, 11, 24))["deal_id"])
    assert late
    assert late <= {deal for deal, _ in outcome.skipped}
    assert any("2026-11-20" in why for _, why in outcome.skipped)
    assert outcome.applied > 0
    assert outcome.sums_close


def test_a_plan_under_another_policy_than_todays_is_refused(project: Project) -> None:
    proposal = proposed(project)
    (project.folder / "own.yaml").write_text("extends: standard\nguards: {maximum_deals: 9}\n", encoding="utf-8")
    file = project.folder / "recyclekit.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("policy: standard", "policy: own.yaml"), encoding="utf-8")
    job = open_project(project.folder).job(as_of=AS_OF)
    with pytest.raises(StalePlanError, match="policy"):
        approving.approved_plan(job, proposal, YES)


def test_a_plan_that_a_guard_stopped_is_approved_through_the_same_door(project: Project) -> None:
    (project.folder / "own.yaml").write_text("extends: standard\nguards: {maximum_deals: 1}\n", encoding="utf-8")
    file = project.folder / "recyclekit.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("policy: standard", "policy: own.yaml"), encoding="utf-8")
    proposal = proposed(open_project(project.folder), cause=Cause.GUARD)
    assert proposal.manifest.guards
    code, done = ended(shell(project, "apply", proposal.run, "--yes"))
    assert (code, bool(done["applied"])) == (4, True)


def test_nobody_writes_what_nobody_approved_or_a_track_that_is_not_there(project: Project) -> None:
    proposal = proposed(project)
    job = project.job(as_of=AS_OF)
    with pytest.raises(WaitingError):
        approving.write_approved(job, proposal)
    with pytest.raises(ConfigError, match="track"):
        approving.approved_plan(job, proposal, Verdict(approve=True, door=Door.SHELL, without=("fax",)))


def _touch(deals: Path, deal: str) -> None:
    """Let somebody have moved a deal to another stage."""
    lines = deals.read_text(encoding="utf-8").splitlines(keepends=True)
    column = lines[0].split(",").index("Stage")
    for at, line in enumerate(lines):
        if line.startswith(f"{deal},"):
            cells = line.split(",")
            cells[column] = "受注"
            lines[at] = ",".join(cells)
    deals.write_text("".join(lines), encoding="utf-8")


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9/api"], ids=["unknown", "out of reach"])
def test_a_flow_run_that_cannot_be_told_hinders_nobody(
    project: Project, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = project.job(as_of=AS_OF).of_flow_run("9cde883e-b74f-49f6-9ff1-f9e9d6255390")
    proposal, _ = approving.propose(job, job.plan(), Cause.APPROVAL, 168)
    monkeypatch.setenv("PREFECT_API_URL", url or "")
    process = shell(project, "apply", proposal.run, "--yes", "--limit", "1")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 4, err
    assert json.loads(out)["applied"] > 0
    assert "9cde883e" in err
    assert ("could not be told" if url else "PREFECT_API_URL") in err


@pytest.mark.parametrize("nth", [1, 6, 12, 24])
def test_a_shell_that_is_killed_while_it_writes_what_was_approved_is_taken_up_by_the_next(
    project: Project, nth: int
) -> None:
    proposal = proposed(project)
    command = [sys.executable, "-m", "recyclekit", "apply", proposal.run, "--yes", "--project", str(project.folder)]
    killed = subprocess.run(command, env=os.environ | {"RECYCLEKIT_FAULT": f"kill:{nth}"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    code, done = ended(shell(project, "apply", proposal.run, "--yes"))
    writes = proposal.manifest.actions
    assert (code, done["applied"], done["unsent"]) == (4, sum(writes.values()), 0)
    assert len(tasks(project)) == len(set(tasks(project))) == writes["create_task"]
    found = project.ledger().proposal(proposal.run)
    assert found is not None
    assert found.state is ProposalState.APPLIED

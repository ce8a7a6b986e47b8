"""What the next run finishes by itself: unsent and doubtful writes of a run that died, once nobody works on it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from recyclekit import clock
from recyclekit.errors import LeaseError
from recyclekit.models.choice import GIVEN_UP
from recyclekit.models.run import RunState
from recyclekit.pipeline import Job
from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project

AS_OF = date(2026, 11, 20)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small sample company that is written to in small batches."""
    sample = generate(tmp_path, deals=300, as_of=AS_OF, bad_rows=0)
    text = demo_project(sample).replace("settings: {", "settings: {batch_size: 5, ", 1)
    (tmp_path / "recyclekit.yaml").write_text(text, encoding="utf-8")
    return open_project(tmp_path)


@pytest.fixture
def killed(project: Project) -> Job:
    """A job whose pipeline's last run was ended by kill -9 half-way, with a batch on its way."""
    plan = project.folder / "plan.json"
    _command(project, "plan", "--as-of", str(AS_OF), "--out", str(plan))
    died = _command(project, "apply", str(plan), "--yes", RECYCLEKIT_FAULT="kill:60")
    assert died.returncode == -9, died.stderr
    job = project.job(as_of=AS_OF)
    assert [run.state for run in job.open_ledger().runs()] == [RunState.RUNNING]
    return job


def _command(project: Project, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recyclekit", *words, "--project", str(project.folder)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_a_run_that_died_is_finished_and_then_nothing_is_left_to_plan(killed: Job) -> None:
    with killed.holding() as job:
        (died,) = job.left_behind()
        outcome = job.finish(died)
    assert outcome.state is RunState.SUCCESS
    assert 0 < outcome.already < outcome.applied == outcome.planned
    assert not killed.left_behind()
    assert killed.plan().actions.is_empty()


def test_a_run_made_under_another_policy_is_given_up_where_it_is_unsent_and_planned_anew(killed: Job, project: Project) -> None:  # noqa: E501  # fmt: skip
    file = project.folder / "recyclekit.yaml"
    (project.folder / "new.yaml").write_text("extends: standard\nversion: '9'\n", encoding="utf-8")
    file.write_text(file.read_text().replace("policy: standard", "policy: new.yaml"), encoding="utf-8")
    job = open_project(project.folder).job(as_of=AS_OF)
    (died,) = job.left_behind()
    outcome = job.finish(died)
    assert outcome.skipped
    assert not outcome.unsent
    assert not outcome.in_doubt
    given_up = set(job.open_ledger().actions(died.run).filter(code=GIVEN_UP)["deal_id"])
    assert given_up <= set(job.plan().actions["deal_id"]), "nothing that was given up is lost"


def test_while_a_job_holds_its_pipeline_another_is_told_who_it_is(project: Project) -> None:
    first, second = project.job(as_of=AS_OF), project.job(as_of=AS_OF)
    with first.holding(), pytest.raises(LeaseError, match=f"{first.run}.*Process {os.getpid()}"), second.holding():
        pytest.fail("both hold it")
    with second.holding():
        pass


def test_a_holder_that_is_gone_keeps_nobody_out_longer_than_its_lease_of_a_minute(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: E501  # fmt: skip
    first, second, real = project.job(as_of=AS_OF), project.job(as_of=AS_OF), clock.now
    with first.holding():
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=55))
        with pytest.raises(LeaseError), second.holding():
            pytest.fail("too early")
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=65))
        with second.holding():
            pass


def test_a_run_that_died_is_checked_against_today_when_it_was_made_for_its_own_day(killed: Job, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: E501  # fmt: skip
    looked: list[date] = []
    monkeypatch.setattr(Job, "reread", lambda _job, as_of, _readings=None: looked.append(as_of))
    (died,) = killed.left_behind()
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    killed.finish(died)
    today = tomorrow.astimezone(project.timezone).date()
    made_for_its_own_day = died.as_of == (tomorrow - timedelta(days=1)).astimezone(project.timezone).date()
    assert looked == [today if made_for_its_own_day else AS_OF]

"""Retention as a flow: it forgets by the project file's ages, and puts itself off while a run is under way."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from recyclekit import clock
from recyclekit.project import Project
from recyclekit_flows.keep_house import keep_house
from tests.operations.company import AS_OF, sample_project

pytestmark = pytest.mark.prefect


@pytest.fixture
def project(api: str, tmp_path: Path) -> Project:
    """A project of which a plan was written."""
    project = sample_project(tmp_path)
    job = project.job(as_of=AS_OF)
    job.write_back(job.plan())
    return project


def test_it_forgets_what_is_older_than_the_project_file_says(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    aside = len(project.ledger().dead_letters(project.ledger().runs()[0].run))
    assert aside
    assert "main: nothing was old enough" in (keep_house(project.folder, "main", return_state=True).message or "")
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=45))
    state = keep_house(project.folder, return_state=True)
    assert state.is_completed()
    assert f"main: {aside:,} dead letters" in (state.message or "")


def test_it_puts_itself_off_while_a_run_is_under_way(project: Project) -> None:
    with project.job(as_of=AS_OF).holding():
        state = keep_house(project.folder, "main", return_state=True)
    assert (state.name, state.is_completed()) == ("Skipped", True)
    assert "The next run of this flow tidies up." in (state.message or "")


def test_a_project_that_cannot_be_read_fails_with_its_own_words(api: str, tmp_path: Path) -> None:
    state = keep_house(tmp_path, return_state=True)
    assert state.is_failed()
    assert "recyclekit.yaml" in (state.message or "")

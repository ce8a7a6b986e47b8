"""`recyclekit ledger` as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recyclekit import clock
from recyclekit.housekeeping import state_files
from recyclekit.housekeeping.tidying import Ages, tidy
from recyclekit.project import Project, open_project
from tests.house.test_erase import AS_OF, house, lived_in
from tests.house.test_erase_command import run


@pytest.fixture
def empty(make_project: Callable[[str], Project]) -> Project:
    return make_project("sqlite:///ledger.db")


@pytest.fixture
def lived(project: Project) -> Project:
    """A project with a past, on each store in turn."""
    lived_in(project)
    return project


def test_without_a_ledger_every_command_says_so_and_makes_none(empty: Project) -> None:
    for argv in (["status"], ["upgrade"], ["upgrade", "--check"], ["vacuum"]):
        done = run(empty.folder, "ledger", *argv)
        assert done.returncode == 0, (argv, done.stderr)
    assert run(empty.folder, "ledger", "backup", "b").returncode == 2
    assert not (empty.folder / "ledger.db").exists()


def test_status_says_what_there_is(lived: Project) -> None:
    found = json.loads(run(lived.folder, "ledger", "status", "--json").stdout)
    assert found["schema"] == found["newest"]
    assert found["pipelines"] == {"main": 2}
    assert found["rows"]["runs"] == 2
    assert found["size"] > 10_000
    shown = run(lived.folder, "ledger", "status")
    assert "rows in touches" in shown.stdout


def test_a_backup_is_restored_into_a_new_ledger_and_not_into_this_one(empty: Project) -> None:
    lived = empty
    lived_in(lived)
    made = json.loads(run(lived.folder, "ledger", "backup", "ledger.backup", "--json").stdout)
    assert made["rows"]["runs"] == 2
    refused = run(lived.folder, "ledger", "restore", "ledger.backup", "--yes")
    assert (refused.returncode, "not empty" in refused.stderr) == (2, True)
    for file in lived.folder.glob("ledger.db*"):
        file.unlink()
    assert run(lived.folder, "ledger", "restore", "ledger.backup").returncode == 2
    done = run(lived.folder, "ledger", "restore", "ledger.backup", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Erase again" in done.stderr
    assert [one.run for one in house(lived).runs()] == [one.run for one in house(open_project(lived.folder)).runs()]
    again = run(lived.folder, "plan", "--as-of", AS_OF.isoformat(), "--json")
    assert json.loads(again.stdout)["sums_close"]


def test_upgrade_says_that_there_is_nothing_to_do(lived: Project) -> None:
    assert "up to date" in run(lived.folder, "ledger", "upgrade").stderr
    assert json.loads(run(lived.folder, "ledger", "upgrade", "--check", "--json").stdout)["upgraded"] is False


def test_vacuum_forgets_by_the_ages_of_the_project_file(lived: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with (lived.folder / "recyclekit.yaml").open("a", encoding="utf-8") as file:
        file.write("keep: {runs_days: 400, dead_letters_days: 30, plans_days: 90}\n")
    project = open_project(lived.folder)
    before = house(project).memory("main")
    keep = project.spec.keep
    ages = Ages(runs_days=keep.runs_days, dead_letters_days=keep.dead_letters_days, plans_days=keep.plans_days)
    assert tidy(project.house(), ["main"], project.state, ages).rows["main"]["runs"] == 0
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=45))
    found = tidy(project.house(), ["main"], project.state, ages)
    assert (found.rows["main"]["dead_letters"], found.rows["main"]["runs"], found.files) == (2, 0, 0)
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=500))
    found = tidy(project.house(), ["main"], project.state, ages)
    assert found.rows["main"]["runs"] == 1
    assert found.files > 6
    after = house(project).memory("main")
    assert (after.cycles.rows(), after.touches.rows()) == (before.cycles.rows(), before.touches.rows())
    command = run(lived.folder, "ledger", "vacuum", "--thoroughly", "--json")
    assert json.loads(command.stdout)["files"] == 0


def test_an_age_that_is_too_short_or_no_number_is_named(empty: Project) -> None:
    with (empty.folder / "recyclekit.yaml").open("a", encoding="utf-8") as file:
        file.write("keep: {runs_days: 1, plans: 3}\n")
    done = run(empty.folder, "ledger", "status")
    assert done.returncode == 2
    assert "keep.runs_days" in done.stderr
    assert "plans" in done.stderr


def test_files_go_by_age_and_manifests_first(tmp_path: Path) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    for name in ("r1.json", "r1.actions.parquet"):
        (plans / name).write_text("x", encoding="utf-8")
    assert state_files.tidy(tmp_path, datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert state_files.tidy(tmp_path, datetime.now(UTC) + timedelta(days=1)) == 2
    assert state_files.tidy(tmp_path / "nowhere", datetime.now(UTC)) == 0

"""A run that was killed and taken back stays taken back: retrying it is refused, and a bare retry passes it by."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from recyclekit.errors import ConfigError, StalePlanError
from recyclekit.project import open_project
from recyclekit.reports.words import WHY_SET_ASIDE
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project

AS_OF = date(2026, 11, 20)


def _command(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recyclekit", *words, "--project", str(folder)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_a_killed_run_that_was_taken_back_is_not_resumed(tmp_path: Path) -> None:
    sample = generate(tmp_path, deals=300, as_of=AS_OF, bad_rows=0)
    project = demo_project(sample).replace("settings: {", "settings: {batch_size: 5, ", 1)
    assert "batch_size" in project
    (tmp_path / "recyclekit.yaml").write_text(project, encoding="utf-8")
    plan = str(tmp_path / "plan.json")
    assert _command(tmp_path, "plan", "--as-of", str(AS_OF), "--out", plan).returncode == 0
    killed = _command(tmp_path, "apply", plan, "--yes", RECYCLEKIT_FAULT="kill:60")
    assert killed.returncode == -9, killed.stderr
    job = open_project(tmp_path).job(as_of=AS_OF)
    (run,) = [known.run for known in job.open_ledger().runs("main")]
    assert job.undo(run).applied > 0, "the kill must come after something was written"
    with pytest.raises(StalePlanError, match="taken back"):
        job.resume(run)
    with pytest.raises(ConfigError, match="no unfinished run"):
        job.resume()
    assert job.plan().actions.height > 0


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A project whose only run was killed in the middle of a call."""
    sample = generate(tmp_path, deals=300, as_of=AS_OF, bad_rows=3)
    project = demo_project(sample).replace("settings: {", "settings: {batch_size: 5, ", 1)
    (tmp_path / "recyclekit.yaml").write_text(project, encoding="utf-8")
    plan = str(tmp_path / "plan.json")
    assert _command(tmp_path, "plan", "--as-of", str(AS_OF), "--out", plan).returncode == 4
    assert _command(tmp_path, "apply", plan, "--yes", RECYCLEKIT_FAULT="kill:100").returncode == -9
    return tmp_path


def _told(folder: Path, *words: str) -> Any:
    return json.loads(_command(folder, *words, "--json").stdout)


def test_what_a_killed_run_left_is_told_until_it_is_taken_up_which_ends_as_the_run_would_have(killed: Path) -> None:
    (run,) = (known["run"] for known in _told(killed, "runs"))
    (left,) = _told(killed, "plan", "--as-of", str(AS_OF))["unfinished"]
    assert left["run"] == run
    assert left["unsent"] > 0
    shown = _command(killed, "plan", "--as-of", str(AS_OF)).stdout
    assert f"recyclekit retry {run}" in shown
    if left["waiting"]:
        assert f"{left['waiting']} deals wait for it" in " ".join(shown.split())
    failed = _command(killed, "runs", run, "--failed").stdout
    assert failed.count("the answer was never recorded") == left["in_doubt"]
    assert all(row["state"] == "sent" for row in _told(killed, "runs", run, "--failed")["actions"])
    retried = _command(killed, "retry")
    assert retried.returncode == 4, "the plan had set records aside"
    assert "3 records were set aside when the plan was made" in retried.stderr
    assert _told(killed, "plan", "--as-of", str(AS_OF))["unfinished"] == []


def test_a_run_that_was_taken_back_says_so_and_by_which_run(killed: Path) -> None:
    (run,) = (known["run"] for known in _told(killed, "runs"))
    assert _told(killed, "undo", run[:12], "--yes")["applied"] > 0
    undo, undone = _told(killed, "runs")
    assert (undo["of_run"], undone["run"], undone["undone_by"]) == (run, run, undo["run"])
    again = _told(killed, "undo", run[:12], "--yes")
    assert (again["run"], again["applied"]) == (undo["run"], 0), "the beginning of an id means the run, not its undo"
    listed = " ".join(_command(killed, "runs").stdout.split())
    assert f"undone by …{undo['run'][-4:]}" in listed
    assert "Next:" not in listed, "there is nothing to take up"
    assert f"undone by {undo['run']}" in " ".join(_command(killed, "runs", run).stdout.split())


def test_why_a_record_was_set_aside_is_told_without_its_value(killed: Path) -> None:
    (run,) = (known["run"] for known in _told(killed, "runs"))
    letters = _told(killed, "runs", run)["dead_letters"]
    assert [letter["reason"] for letter in letters] == [None] * 3
    shown = " ".join(_command(killed, "runs", run, COLUMNS="140").stdout.split())
    assert all(WHY_SET_ASIDE[letter["code"]] in shown for letter in letters)

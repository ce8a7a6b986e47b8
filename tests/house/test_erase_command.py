"""`recyclekit erase` as a person uses it, with the process killed for real in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recyclekit.project import Project, open_project
from tests.house.conftest import WHO, deal_id
from tests.house.test_erase import finished, lived_in, sweep


def run(folder: Path, *argv: str, kill_at: int | None = None) -> subprocess.CompletedProcess[str]:
    fault = {} if kill_at is None else {"RECYCLEKIT_FAULT": f"kill:{kill_at}"}
    return subprocess.run(
        [sys.executable, "-m", "recyclekit", *argv], cwd=folder, env={**os.environ, "COLUMNS": "140", **fault},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def lived(make_project: Callable[[str], Project]) -> Project:
    project = make_project("sqlite:///ledger.db")
    lived_in(project)
    return project


def test_it_asks_and_without_a_terminal_it_stops(lived: Project) -> None:
    refused = run(lived.folder, "erase", WHO)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert sweep(lived)


def test_nobody_named_is_refused_and_nothing_to_finish_is_no_fault(lived: Project) -> None:
    assert run(lived.folder, "erase", "--yes").returncode == 2
    again = run(lived.folder, "erase", "--resume", "--yes", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (0, [])


def test_the_contacts_id_alone_finds_their_deals_and_the_receipt_is_a_run(lived: Project) -> None:
    done = run(lived.folder, "erase", WHO, "--word", "山田 花子", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    [receipt] = json.loads(done.stdout)
    assert (receipt["pipeline"], receipt["state"], receipt["tombstones"]) == ("main", "success", 4)
    assert receipt["erased"]["systems"] > 0
    assert receipt["left_to_systems"] == []
    finished(lived)
    shown = run(lived.folder, "runs", receipt["run"], "--json")
    assert json.loads(shown.stdout)["run"]["kind"] == "erase"
    assert run(lived.folder, "runs", receipt["run"]).returncode == 0
    told = run(lived.folder, "retry", receipt["run"])
    assert told.returncode == 2
    assert "--resume" in told.stderr


def test_where_the_crm_forgot_them_first_their_deals_are_named(lived: Project) -> None:
    (lived.folder / "crm" / "deals.csv").unlink()
    themselves = [part for n in (0, 4, 8) for part in ("--deal", deal_id(n))]
    done = run(lived.folder, "erase", WHO, *themselves, "--word", "山田 花子", "--unread", "--yes")
    assert done.returncode == 0, done.stderr
    assert "the receipt is run" in done.stderr
    finished(lived)


@pytest.mark.parametrize("kill_at", [6, 14, 24, 34])
def test_killed_for_real_it_is_finished_by_resuming(project: Project, kill_at: int) -> None:
    lived_in(project)
    killed = run(project.folder, "erase", WHO, "--word", "山田 花子", "--yes", kill_at=kill_at)
    assert killed.returncode == -9
    done = run(project.folder, "erase", "--resume", "--word", "山田 花子", "--yes")
    assert done.returncode == 0, done.stderr
    finished(open_project(project.folder))

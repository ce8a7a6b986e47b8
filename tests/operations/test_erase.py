"""Erasing on a real server: artifacts and forms that named a person's deals no longer do, and the rest is as before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recyclekit.project import Project
from tests.operations.company import AS_OF, sample_project
from tests.operations.server import PrefectServer

pytestmark = pytest.mark.prefect


def recyclekit(server: PrefectServer, project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recyclekit", *arguments, "--project", str(project.folder)]
    return subprocess.run(command, env=server.env, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return sample_project(tmp_path / "company")


def shown(server: PrefectServer, run: str) -> dict[str, str]:
    """Return what a run's artifacts say, by key."""
    return {key: json.dumps(one, ensure_ascii=False) for key, one in server.artifacts().items() if run in key}


def test_artifacts_lose_what_names_an_erased_deal_and_nothing_else(
    prefect_sqlite: PrefectServer, project: Project
) -> None:
    done = recyclekit(prefect_sqlite, project, "run", "--as-of", str(AS_OF), "--json")
    run = str(json.loads(done.stdout)["run"])
    deals = project.house().actions(run)["deal_id"].unique(maintain_order=True).to_list()
    gone, stays = deals[0], deals[1]
    before = shown(prefect_sqlite, run)
    assert any(gone in text for text in before.values()), "the artifacts of a run name deals"
    erased = recyclekit(prefect_sqlite, project, "erase", "--deal", gone, "--unread", "--yes", "--json")
    assert erased.returncode == 0, erased.stderr
    [receipt] = json.loads(erased.stdout)
    assert receipt["erased"]["artifacts"] >= 1
    after = shown(prefect_sqlite, run)
    assert after.keys() == before.keys()
    assert not [key for key, text in after.items() if gone in text]
    assert any(stays in text for text in after.values())
    assert any("<erased>" in text for text in after.values())


def test_a_server_that_is_away_leaves_an_erasing_to_be_finished(
    prefect_sqlite: PrefectServer, project: Project
) -> None:
    done = recyclekit(prefect_sqlite, project, "run", "--as-of", str(AS_OF), "--json")
    run = str(json.loads(done.stdout)["run"])
    gone = str(project.house().actions(run)["deal_id"][0])
    away = {**prefect_sqlite.env, "PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_CLIENT_MAX_RETRIES": "0"}
    command = [sys.executable, "-m", "recyclekit", "erase", "--deal", gone, "--yes", "--project", str(project.folder)]
    failed = subprocess.run(command, env=away, capture_output=True, text=True, check=False, timeout=120)
    assert failed.returncode == 7, failed.stderr
    assert "--resume" in failed.stderr
    assert project.house().erasing("main") is not None
    finished = recyclekit(prefect_sqlite, project, "erase", "--resume", "--yes")
    assert finished.returncode == 0, finished.stderr
    assert not [key for key, text in shown(prefect_sqlite, run).items() if gone in text]
    assert gone not in project.house().actions(run)["deal_id"]

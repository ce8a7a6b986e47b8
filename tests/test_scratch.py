"""What a killed process leaves among the temporary files is removed by the next run, and nobody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recyclekit import scratch
from recyclekit.errors import ExitCode
from tests.operations.company import AS_OF, sample_project

HOLDS = """
from recyclekit.scratch import own_folder
folder = own_folder()
(folder / "deals.csv").write_text("somebody")
print(folder, flush=True)
input()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_folder_goes_when_it_is_given_back_and_nobody_else_may_read_it(temporary: Path) -> None:
    folder = scratch.own_folder()
    assert folder.parent == temporary
    assert folder.stat().st_mode & 0o777 == 0o700
    scratch.give_back(folder)
    scratch.give_back(folder)
    assert not list(temporary.iterdir())


def test_only_what_dead_processes_left_is_swept(temporary: Path) -> None:
    env = os.environ | {"TMPDIR": str(temporary)}
    mine = scratch.own_folder()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        strange = temporary / "recyclekit-of-nobody"  # no lock: not made here
        strange.mkdir()
        assert scratch.sweep() == 0
        assert (theirs / "deals.csv").exists()
        process.send_signal(signal.SIGKILL)
    assert scratch.sweep() == 1
    assert sorted(temporary.iterdir()) == sorted([mine, strange])
    scratch.give_back(mine)


def test_the_next_run_removes_what_a_killed_one_left(temporary: Path, tmp_path: Path) -> None:
    project = sample_project(tmp_path / "crm")
    deals = project.folder / "deals.csv"
    deals.write_bytes(deals.read_text(encoding="utf-8").encode("utf-16"))  # is copied to be read
    env = os.environ | {"TMPDIR": str(temporary), "RECYCLEKIT_FAULT": "kill:sink.write.answered"}
    command = [sys.executable, "-m", "recyclekit", "--project", str(project.folder)]
    plan = project.folder / "plan.json"
    done = subprocess.run(
        [*command[:3], "plan", *command[3:], "--as-of", str(AS_OF), "--out", str(plan)],
        env=os.environ | {"TMPDIR": str(temporary)}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == ExitCode.SET_ASIDE, done.stderr
    assert not list(temporary.glob("recyclekit-*")), "a run that ends cleans up"
    done = subprocess.run(
        [*command[:3], "apply", str(plan), *command[3:], "--yes"], env=env, check=False, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = list(temporary.glob("recyclekit-*/*.csv"))
    assert left, "copies of the deals"

    project.job(as_of=AS_OF).extract()
    assert not any(path.exists() for path in left)

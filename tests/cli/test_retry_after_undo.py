"""A run that was killed and taken back stays taken back: retrying it is refused, and a bare retry passes it by."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from recyclekit.errors import ConfigError, StalePlanError
from recyclekit.project import open_project
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

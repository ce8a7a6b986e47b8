"""A small sample company as a project, for tests that deploy it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project

AS_OF = date(2026, 11, 20)


def sample_project(folder: Path, deals: int = 100) -> Project:
    """Write a project with its CSV files into a folder; every plan as of AS_OF has something to write."""
    folder.mkdir(parents=True, exist_ok=True)
    sample = generate(folder, deals=deals, seed=7, as_of=AS_OF)
    (folder / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    return open_project(folder)


def recyclekit(*arguments: str, env: Mapping[str, str], fails: int = 0, seconds: float = 120) -> str:
    """Run the command line in a process of its own; return stdout, or stderr where it is to end with `fails`."""
    command = [sys.executable, "-m", "recyclekit", *arguments]
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == fails, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stderr if fails else done.stdout

"""A small sample company as a project, for tests that deploy it."""

from __future__ import annotations

import shutil
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


def two_accounts(folder: Path) -> Project:
    """Write a project of two CRM accounts, each a connection with a pipeline of its own: fan-2 and fan-1."""
    one = sample_project(folder)
    for table in list(folder.glob("*.csv")):
        shutil.copy(table, table.with_stem(f"{table.stem}-2"))
    path = one.folder / "recyclekit.yaml"
    head, _, rest = path.read_text(encoding="utf-8").partition("connections:\n")
    crm, _, pipelines = rest.partition("\npipelines:\n")
    second = crm.replace("  crm:", "  crm_2:", 1).replace(".csv", "-2.csv")
    both = pipelines.replace("  main:", "  fan-2: {source: crm_2, policy: standard}\n  fan-1:")
    path.write_text(f"{head}connections:\n{crm}\n{second}\npipelines:\n{both}", encoding="utf-8")
    return open_project(one.folder)


def recyclekit(*arguments: str, env: Mapping[str, str], fails: int = 0, seconds: float = 120) -> str:
    """Run the command line in a process of its own; return stdout, or stderr where it is to end with `fails`."""
    command = [sys.executable, "-m", "recyclekit", *arguments]
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == fails, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stderr if fails else done.stdout

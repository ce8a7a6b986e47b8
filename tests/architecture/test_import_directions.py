"""The import contracts of pyproject.toml bite: each one, broken on purpose in a copy of the tree, is reported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.house import ROOT

ROOMS = ("src", "flows", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "plugins").glob("*/src"))))
PLANTED = {
    "floors": ("src/recyclekit/models/plan.py", "from recyclekit.ledger import protocol"),
    "stages": ("src/recyclekit/stages/schedule.py", "from recyclekit.stages import classify as other"),
    "pure": ("src/recyclekit/stages/classify.py", "import sqlite3"),
    "no-prefect": ("src/recyclekit/pipeline.py", "import prefect"),
    "flows": ("flows/recyclekit_flows/recycle.py", "from recyclekit import cli"),
    "plugins": ("plugins/recyclekit-hubspot/src/recyclekit_hubspot/__init__.py", "from recyclekit import ledger"),
    "plugins-apart": (
        "plugins/recyclekit-tryton/src/recyclekit_tryton/__init__.py",
        "import recyclekit_salesforce",
    ),
    "kit-door": ("src/recyclekit/project.py", "from recyclekit import testing"),
    "csv-door": ("src/recyclekit/project.py", "from recyclekit.connectors import csv"),
    "ledger-door": ("src/recyclekit/stages/write_back.py", "from recyclekit.ledger import sql"),
    "composition": ("src/recyclekit/pipeline.py", "from recyclekit.connectors import registry"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped tree, in which all contracts hold."""
    to = tmp_path_factory.mktemp("house")
    for room in ROOMS:
        shutil.copytree(ROOT / room, to / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", to)
    clean = _lint(to)
    assert clean.returncode == 0, clean.stdout
    return to


def test_every_contract_has_a_violation_to_prove_it() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == set(PLANTED)


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_violation_breaks_its_contract(copy: Path, contract: str) -> None:
    place, statement = PLANTED[contract]
    module = copy / place
    whole = module.read_text(encoding="utf-8")
    try:
        module.write_text(f"{whole}\n\n{statement}\n", encoding="utf-8")
        broken = _lint(copy, "--contract", contract)
    finally:
        module.write_text(whole, encoding="utf-8")
    assert broken.returncode == 1, broken.stdout
    assert "BROKEN" in broken.stdout


def test_a_module_that_no_floor_names_is_noticed(copy: Path) -> None:
    stray = copy / "src/recyclekit/stray.py"
    stray.write_text('"""Belongs nowhere."""\n')
    try:
        result = _lint(copy, "--contract", "floors")
    finally:
        stray.unlink()
    assert result.returncode == 1
    assert "stray" in result.stdout


def _lint(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    lint = Path(sys.executable).with_name("lint-imports")
    paths = os.pathsep.join(str(tree / room) for room in ROOMS)
    command = [str(lint), "--config", str(tree / "pyproject.toml"), "--no-cache", *options]
    environment = os.environ | {"PYTHONPATH": paths}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)

"""What `pip install recyclekit` gives: flows and library in one wheel, with all the data that they read."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.house import ROOT

DATA = {".yaml", ".json", ".txt", ".csv", ".html", ".j2", ".css", ".npz", ".mako", ".ini", ".typed"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    to = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(to)], cwd=ROOT)
    (built,) = to.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed, apart from the checkout."""
    to = tmp_path_factory.mktemp("site")
    _run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(to), str(wheel)],
        cwd=to,
    )
    return to


def test_the_wheel_holds_every_module_and_data_file_of_the_checkout(wheel: Path) -> None:
    shipped = set(zipfile.ZipFile(wheel).namelist())
    missing = [
        name
        for room in (ROOT / "src", ROOT / "flows")
        for path in room.rglob("*")
        if path.suffix in DATA | {".py"} and (name := path.relative_to(room).as_posix()) not in shipped
    ]
    assert not missing
    for needed in ("recyclekit_flows/recycle.py", "recyclekit/policy/packaged/standard.yaml", "recyclekit/py.typed"):
        assert needed in shipped
    assert any(name.startswith("recyclekit/ledger/migrations/") for name in shipped)
    assert any(name.startswith("recyclekit/reports/templates/") for name in shipped)


def test_the_wheel_holds_nothing_but_its_two_packages(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"recyclekit", "recyclekit_flows"}


def test_the_flows_are_importable_where_only_the_wheel_is_installed(installed: Path, tmp_path: Path) -> None:
    code = "import recyclekit, recyclekit_flows.recycle as r; print(recyclekit.__file__); print(r.__file__)"
    places = _run([sys.executable, "-c", code], cwd=tmp_path, path=installed).split()
    assert all(Path(place).is_relative_to(installed) for place in places)


@pytest.mark.slow
def test_the_demo_runs_where_only_the_wheel_is_installed(installed: Path, tmp_path: Path) -> None:
    _run([sys.executable, "-m", "recyclekit", "demo"], cwd=tmp_path, path=installed)
    assert list(tmp_path.rglob("*.html"))


def _run(command: list[str], cwd: Path, path: Path | None = None) -> str:
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

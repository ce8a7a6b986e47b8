"""`recyclekit connectors new` and `test`, end to end: written, installed without a network, found, proven, listed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from recyclekit.connectors import Capability
from recyclekit.errors import ConfigError
from recyclekit.testing.running import find_tests
from recyclekit.testing.template import new_connector
from tests.architecture.house import ROOT

FILES = ("__init__", "answers", "auth", "columns", "field_map", "preflight", "settings", "sink", "source", "transport")


def run(words: list[str], home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"XDG_STATE_HOME": str(home / "state"), "NO_COLOR": "1", "COLUMNS": "200"} | environment
    return subprocess.run(
        [sys.executable, "-m", "recyclekit", *words], cwd=home, env=env, capture_output=True, text=True,
        encoding="utf-8", timeout=240, check=False,
    )  # fmt: skip


def as_json(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `connectors new acme` has run."""
    home = tmp_path_factory.mktemp("home")
    done = run(["connectors", "new", "acme", "--out", ".", "--json"], home)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def installed(home: Path) -> Mapping[str, str]:
    """An environment in which the new package is installed, with nothing from a network."""
    site = home / "site"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(site), str(home / "recyclekit-acme")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return {"PYTHONPATH": str(site)}


def test_a_new_package_has_the_same_file_names_as_ours(home: Path) -> None:
    package = home / "recyclekit-acme"
    modules = sorted(path.stem for path in (package / "src/recyclekit_acme").glob("*.py"))
    assert modules == sorted(FILES)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".github/workflows/ci.yml", "src/recyclekit_acme/py.typed"):
        assert (package / name).stat().st_size or name.endswith("py.typed")
    left = [str(path) for path in package.rglob("*") if "{{" in path.name or path.suffix == ".jinja"]
    assert not left


def test_the_whole_template_travels_in_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=240)
    (wheel,) = tmp_path.glob("*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    room = ROOT / "src"
    files = [path for path in (room / "recyclekit/testing/template").rglob("*") if path.is_file()]
    ours = {path.relative_to(room).as_posix() for path in files if path.suffix != ".pyc"}
    assert len(ours) > 20
    assert ours <= shipped, ours - shipped


@pytest.mark.slow
def test_it_is_found_proven_to_the_highest_tier_and_listed_so(home: Path, installed: Mapping[str, str]) -> None:
    before = as_json(run(["connectors", "list", "--json"], home, **installed))
    acme = next(one for one in before["connectors"] if one["name"] == "acme")
    assert (acme["package"], acme["badge"]) == ("recyclekit-acme", None)

    proven = run(["connectors", "test", "acme", "--folder", "recyclekit-acme", "--json"], home, **installed)
    found = as_json(proven)
    failed = [one for one in found["results"] if one["outcome"] == "failed"]
    assert (proven.returncode, found["tier"], failed) == (0, "platinum", [])
    assert len(found["results"]) >= 30

    after = as_json(run(["connectors", "list", "--json"], home, **installed))
    assert next(one for one in after["connectors"] if one["name"] == "acme")["badge"]["tier"] == "platinum"

    code = home / "site/recyclekit_acme/auth.py"
    code.write_text(code.read_text(encoding="utf-8") + "\n# changed since\n", encoding="utf-8")
    changed = as_json(run(["connectors", "list", "--json"], home, **installed))
    assert next(one for one in changed["connectors"] if one["name"] == "acme")["badge"] is None


@pytest.mark.slow
def test_a_new_package_is_clean_to_linter_and_type_checker(home: Path) -> None:
    package = home / "recyclekit-acme"
    for words in (["ruff", "check", "."], ["mypy"]):
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_capability_that_works_may_not_be_called_not_yet(home: Path, tmp_path: Path) -> None:
    package = tmp_path / "recyclekit-acme"
    run(["connectors", "new", "acme", "--out", str(tmp_path)], tmp_path)
    init = package / "src/recyclekit_acme/__init__.py"
    code = init.read_text(encoding="utf-8")
    later = '        Capability.ENROL: Support(Level.NOT_YET, "soon"),\n        Capability.ERASE:'
    init.write_text(code.replace("        Capability.ERASE:", later), encoding="utf-8")

    done = run(
        ["connectors", "test", "acme", "--folder", str(package), "-k", "enrolment or every_deal", "--json"], tmp_path
    )
    results = {one["test"]: (one["outcome"], one["why"]) for one in as_json(done)["results"]}
    assert done.returncode == 1
    assert results["test_an_enrolment_stands_once_however_often_it_is_written"][0] == "failed"
    assert "declare it full" in results["test_an_enrolment_stands_once_however_often_it_is_written"][1]
    assert results["test_an_enrolment_is_taken_back"] == ("unproven", f"{Capability.ENROL} is not yet: soon")
    assert results["test_every_deal_is_read_once_over_all_pages"][0] == "passed"


def test_a_part_of_the_kit_earns_no_tier(home: Path) -> None:
    words = ["connectors", "test", "acme", "--folder", "recyclekit-acme", "-k", "one_plain_word"]
    assert "earns no tier" in run(words, home).stdout
    assert as_json(run([*words, "--json"], home))["tier"] is None


def test_a_connector_without_tests_is_told_where_they_belong(home: Path) -> None:
    done = run(["connectors", "test", "nowhere"], home)
    assert done.returncode == 2
    assert "tests/test_conformance.py" in done.stderr
    with pytest.raises(ConfigError, match="no conformance tests of 'x'"):
        find_tests("x", None, home)


def test_a_name_that_is_taken_is_refused(home: Path) -> None:
    done = run(["connectors", "new", "csv"], home)
    assert done.returncode == 2
    assert "already, of recyclekit" in done.stderr


@pytest.mark.parametrize(
    ("absent", "words"), [("pytest", ["test", "acme", "--folder", "recyclekit-acme"]), ("copier", ["new", "other"])]
)
def test_what_is_not_installed_is_named(home: Path, absent: str, words: list[str]) -> None:
    code = (
        f"import sys, importlib.util as u; real = u.find_spec; sys.modules[{absent!r}] = None;"
        f"u.find_spec = lambda name, *a: None if name == {absent!r} else real(name, *a);"
        f"from recyclekit.cli import main; main(['connectors', *{words!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert "recyclekit[testing]" in done.stderr


@pytest.mark.parametrize("name", ["Acme", "acme crm", "1acme", "../acme", ""])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="no name for a connector"):
        new_connector(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "recyclekit-acme").mkdir()
    (tmp_path / "recyclekit-acme/mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        new_connector("acme", tmp_path)

"""Each plugin's wheel, installed beside the core's in a clean environment, is found and can be used.

Clean: an environment of its own that holds the wheels and what they say they need, and nothing else of this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.architecture.house import ROOT

PLUGINS = sorted(path.name for path in (ROOT / "plugins").glob("recyclekit-*"))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The core's wheel and each plugin's."""
    out = tmp_path_factory.mktemp("wheels")
    for folder in (ROOT, *(ROOT / "plugins" / name for name in PLUGINS)):
        _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=folder)
    found = sorted(out.glob("*.whl"))
    assert len(found) == 1 + len(PLUGINS)
    return found


@pytest.fixture(scope="module")
def python(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with these wheels and what they need, each dependency linked from this environment."""
    home = tmp_path_factory.mktemp("clean")
    _run([sys.executable, "-m", "venv", "--without-pip", str(home)], cwd=home)
    (site,) = home.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site)]
    _run([*command, *map(str, wheels)], cwd=home)
    _link(site, _needed(["recyclekit", *PLUGINS]))
    return home / "bin/python"


def test_the_environment_is_clean(python: Path, tmp_path: Path) -> None:
    code = "import sys; print(*sys.path)"
    places = _run([str(python), "-c", code], cwd=tmp_path).split()
    assert not any(Path(place).is_relative_to(ROOT) for place in places), places
    absent = (
        "import importlib.util as u; print([n for n in ('pytest', 'hypothesis', 'copier', 'dlt') if u.find_spec(n)])"
    )
    assert _run([str(python), "-c", absent], cwd=tmp_path).strip() == "[]"


def test_every_plugin_is_found_beside_the_core(python: Path, tmp_path: Path) -> None:
    told = json.loads(_run([str(python), "-m", "recyclekit", "connectors", "--json"], cwd=tmp_path))
    names = {connector["name"] for connector in told["connectors"]}
    assert names == {"csv", *(name.removeprefix("recyclekit-") for name in PLUGINS)}
    assert told["broken"] == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_module_of_a_plugin_finds_what_it_needs(python: Path, tmp_path: Path, plugin: str) -> None:
    code = f"import {plugin.replace('-', '_')} as plugin{_IMPORT_ALL}"
    place = _run([str(python), "-W", "error", "-c", code], cwd=tmp_path).strip()
    assert Path(place).is_relative_to(python.parents[1])
    assert (Path(place).parent / "py.typed").exists()


_IMPORT_ALL = """
import importlib, pkgutil
for module in pkgutil.walk_packages(plugin.__path__, plugin.__name__ + "."):
    importlib.import_module(module.name)
print(plugin.__file__)
"""


@pytest.mark.parametrize("plugin", ["recyclekit-hubspot", "recyclekit-salesforce"])
def test_a_plugin_opens_its_doors_there(python: Path, tmp_path: Path, plugin: str) -> None:
    """Opening imports what was left for later: the vendor's own client too."""
    code = _OPEN.format(module=plugin.replace("-", "_"), settings=_SETTINGS[plugin])
    assert _run([str(python), "-c", code], cwd=tmp_path).split() == ["Source", "Sink"]


_SETTINGS = {
    "recyclekit-hubspot": {"token": "pat-na1-none", "url": "http://127.0.0.1:1"},
    "recyclekit-salesforce": {"domain": "https://127.0.0.1:1", "access_token": "none"},
}
_OPEN = """
from pathlib import Path
from zoneinfo import ZoneInfo
from recyclekit.connectors import Opening
from {module} import MANIFEST
opening = Opening(folder=Path(), timezone=ZoneInfo("Asia/Tokyo"))
settings = MANIFEST.settings.model_validate({settings})
for door in (MANIFEST.open_source, MANIFEST.open_sink):
    print("Source" if hasattr(door(settings, opening), "pages") else "Sink")
"""


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_wheel_names_its_licence_and_the_core_that_it_needs(python: Path, plugin: str) -> None:
    (metadata,) = python.parents[1].glob(f"lib/python*/site-packages/{plugin.replace('-', '_')}-*.dist-info/METADATA")
    text = metadata.read_text(encoding="utf-8")
    assert "License-Expression: Apache-2.0" in text
    assert "Requires-Dist: recyclekit<0.2,>=0.1" in text
    assert len(text.splitlines()) > 40, "the README is part of it"


def _needed(names: list[str]) -> set[str]:
    """Return the distributions that these need, by what they declare for this Python and system; not these."""
    found, left = set[str](), [(name, "") for name in names]
    while left:
        name, extra = left.pop()
        for line in distribution(name).requires or []:
            wanted = Requirement(line)
            one = wanted.name.lower().replace("_", "-")
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                fresh = [(one, more) for more in ("", *wanted.extras) if f"{one}[{more}]" not in found]
                found.update(f"{one}[{more}]" for one, more in fresh)
                left += fresh
    return {one.partition("[")[0] for one in found} - set(names)


def _link(site: Path, names: set[str]) -> None:
    for name in names:
        files = distribution(name).files or []
        tops = {file.parts[0] for file in files if file.parts[0] not in {"..", "__pycache__"}}
        for top in tops:
            place = Path(str(distribution(name).locate_file(top)))
            if place.exists() and not (site / top).exists():
                (site / top).symlink_to(place)


def _run(command: list[str], cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

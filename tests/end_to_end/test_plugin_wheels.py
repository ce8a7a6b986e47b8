"""Each plugin's wheel, installed beside the core's and apart from the checkout, is found and can be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import ROOT

PLUGINS = sorted(path.name for path in (ROOT / "plugins").glob("recyclekit-*"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what `pip install recyclekit recyclekit-hubspot …` would put there, without dependencies."""
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    for folder in (ROOT, *(ROOT / "plugins" / name for name in PLUGINS)):
        _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)], cwd=folder)
    found = [str(wheel) for wheel in wheels.glob("*.whl")]
    assert len(found) == 1 + len(PLUGINS)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site), *found]
    _run(command, cwd=wheels)
    return site


def test_every_plugin_is_found_beside_the_core(site: Path, tmp_path: Path) -> None:
    told = json.loads(_run([sys.executable, "-m", "recyclekit", "connectors", "--json"], cwd=tmp_path, path=site))
    names = {connector["name"] for connector in told["connectors"]}
    assert {"csv", *(name.removeprefix("recyclekit-") for name in PLUGINS)} <= names
    assert told["broken"] == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_what_is_imported_is_the_wheel_with_all_that_it_needs(site: Path, tmp_path: Path, plugin: str) -> None:
    module = plugin.replace("-", "_")
    code = (
        f"import {module} as p, {module}.source, {module}.sink, recyclekit as r; print(p.__file__); print(r.__file__)"
    )
    places = _run([sys.executable, "-c", code], cwd=tmp_path, path=site).split()
    assert all(Path(place).is_relative_to(site) for place in places)
    assert (site / module / "py.typed").exists()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_wheel_names_its_licence_and_the_core_that_it_needs(site: Path, plugin: str) -> None:
    (metadata,) = site.glob(f"{plugin.replace('-', '_')}-*.dist-info/METADATA")
    text = metadata.read_text(encoding="utf-8")
    assert "License-Expression: Apache-2.0" in text
    assert "Requires-Dist: recyclekit<0.2,>=0.1" in text
    assert len(text.splitlines()) > 40, "the README is part of it"


def _run(command: list[str], cwd: Path, path: Path | None = None) -> str:
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

"""The pins in requirements/: complete, hashed, from no particular index, and within what pyproject.toml allows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name as plain

from tests.architecture.house import ROOT

FILES = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_pin_has_a_hash_and_none_an_address(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links| @ ", text)
    assert all("==" in entry and "--hash=sha256:" in entry for entry in re.split(r"\n(?=\S)", text.strip()))


def test_what_we_depend_on_is_pinned_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = re.findall(
        r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements/dev.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    wanted = [Requirement(r) for r in (*project["project"]["dependencies"], *project["dependency-groups"]["dev"])]
    strays = [str(r) for r in wanted if not any(plain(n) == plain(r.name) and r.specifier.contains(v) for n, v in pins)]
    assert not strays, f"run `make pins`: {strays}"

"""The reference covers what is there: every command and every exit code."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from cyclopts import App

from recyclekit.cli.app import app
from recyclekit.errors import ExitCode
from tests.architecture.contract_page import PAGE, renewed
from tests.architecture.house import ROOT

REFERENCE = ROOT / "docs/reference"


def test_every_command_is_in_the_reference_and_nothing_else_is() -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `recyclekit ([a-z ]+)` \|", text, re.MULTILINE)
    assert sorted(told) == sorted(_commands(app))


@pytest.mark.parametrize("code", ExitCode, ids=lambda code: code.name)
def test_every_exit_code_is_in_the_reference(code: ExitCode) -> None:
    assert f"| {code} | {code.name} |" in (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")


def test_the_contract_is_documented_as_it_is_coded() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page), "renew it: python -m tests.architecture.contract_page"


def test_every_link_between_the_documents_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def _commands(app: App, before: str = "") -> Iterator[str]:
    for name in app:
        if name.startswith("-"):
            continue
        below = list(_commands(app[name], f"{before}{name} "))
        yield from below or [f"{before}{name}"]

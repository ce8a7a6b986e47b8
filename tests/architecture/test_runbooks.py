"""An operator finds a page for every alarm, and every command that the documents show is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App
from ruamel.yaml import YAML

from recyclekit.cli.app import app
from recyclekit.errors import ExitCode
from tests.architecture.house import ROOT

RUNBOOKS = ROOT / "docs/runbooks"
PAGES = sorted(page for page in RUNBOOKS.glob("*.md") if page.name != "README.md")
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PARTS = ("**What it means.**", "## Look", "## Do", "## How to know that it worked")
NO_ALARM = {ExitCode.DONE, ExitCode.PENDING}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_says_what_it_means_where_to_look_what_to_do_and_how_to_know(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    places = [text.find(part) for part in PARTS]
    assert -1 not in places, f"{page.name} lacks {[p for p, at in zip(PARTS, places, strict=True) if at < 0]}"
    assert places == sorted(places)


def test_every_runbook_is_in_the_table_and_every_alarming_exit_code_too() -> None:
    table = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert all(f"]({page.name})" in table for page in PAGES)
    codes = {
        int(code)
        for cell in re.findall(r"^\|[^|]+\|([ \d,]+)\|", table, re.MULTILINE)
        for code in cell.split(",")
        if code.strip()
    }
    assert codes == {int(code) for code in ExitCode if code not in NO_ALARM}


def test_every_automation_that_alarms_somebody_names_its_runbook() -> None:
    automations = YAML(typ="safe").load(ROOT / "deployments/automations.yaml")["automations"]
    alarms = [one for one in automations if one["enabled"]]
    assert alarms
    for alarm in alarms:
        named = re.search(r"See (\S+\.md)\.", alarm["description"])
        assert named, f"{alarm['name']!r} names no runbook"
        assert (ROOT / named.group(1)).is_file()


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_document_shows_is_there(page: Path) -> None:
    shown = _shown(page.read_text(encoding="utf-8"), "recyclekit")
    assert not [line for line in shown if not _exists(line.split()[1:], app)]


@pytest.mark.prefect
@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_prefects_that_a_document_shows_is_there(page: Path) -> None:
    from prefect.cli._app import _app as prefect

    shown = _shown(page.read_text(encoding="utf-8"), "prefect")
    assert not [line for line in shown if not _exists(line.split()[1:], prefect)]


@pytest.mark.prefect
def test_every_setting_of_prefects_that_a_document_or_a_deployment_file_names_is_one() -> None:
    from prefect.settings import Settings
    from prefect.settings.legacy import _get_settings_fields

    unlisted = {"PREFECT_SERVER_ENCRYPTION_KEY"}  # the server reads it from the environment by itself
    files = [*DOCUMENTS, *(file for file in (ROOT / "deployments").rglob("*") if file.is_file())]
    named = {name for file in files for name in re.findall(r"PREFECT_[A-Z_]+[A-Z]", file.read_text(encoding="utf-8"))}
    assert len(named) > 10
    assert not named - set(_get_settings_fields(Settings)) - unlisted


def test_the_page_on_upgrading_knows_every_schema_of_the_ledger() -> None:
    page = (ROOT / "docs/operations/upgrade.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (\d{4}) \|", page, re.MULTILINE)
    versions = (ROOT / "src/recyclekit/ledger/migrations/versions").glob("v[0-9]*.py")
    assert told == sorted(file.name[1:5] for file in versions)


def _shown(text: str, program: str) -> Iterator[str]:
    """Yield what a document shows as a program's command: lines of shell blocks, and code within sentences."""
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|;|\|", line.split(" #")[0]):
                words = part.strip().removeprefix("$ ")
                words = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", words)
                if words.startswith(f"{program} "):
                    yield words
    yield from re.findall(rf"`({program} [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def _exists(words: list[str], program: App) -> bool:
    """Whether the command is there, with all options that are given."""
    here = program
    words = words[2:] if words[:1] == ["--log"] else words  # stands anywhere
    while words and not words[0].startswith("-") and words[0] in here:
        here, words = here[words[0]], words[1:]
    if here is program:
        return all(word in {"--help", "--version"} or word == "COMMAND" for word in words)
    if here.default_command is None:  # a group of commands, of which none is named
        return not words
    options = {name for argument in here.assemble_argument_collection(parse_docstring=False) for name in argument.names}
    given = [word.partition("=")[0] for word in words if word.startswith("-")]
    return all(option in options | {"--help", "--log"} for option in given)

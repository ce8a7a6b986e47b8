"""The files of a new project can be used as they are written."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from ruamel.yaml import YAML

from recyclekit.models.field_map import Mapped
from recyclekit.models.tables import SCHEMAS, Table
from recyclekit.policy.loader import load_policy
from recyclekit.policy.reasons import TAXONOMY
from recyclekit.project import open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import DEMO_FIELDS, Kind, demo_project, demo_reasons, render_project

VARIABLES = ("HUBSPOT_TOKEN", "SALESFORCE_DOMAIN", "SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET")


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_project_file_of_each_kind_is_valid(kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "from-the-environment")
    spec = open_project(write(tmp_path, render_project(kind))).spec
    assert spec.connections["crm"].connector == kind
    assert spec.pipelines["main"].policy == "policy.yaml"


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_column_of_a_template_is_one_that_exists(kind: Any) -> None:
    fields = YAML(typ="safe").load(render_project(kind)["recyclekit.yaml"])["connections"]["crm"]["fields"]
    for table, columns in fields.items():
        assert set(columns) <= set(SCHEMAS[Table(table)].column_names())


def test_the_policy_of_a_new_project_extends_the_packaged_one(tmp_path: Path) -> None:
    write(tmp_path, render_project("csv"))
    own = load_policy("policy.yaml", folder=tmp_path).spec
    assert own.name == "our-policy"
    assert [r.name for r in own.rules] == [r.name for r in load_policy("standard").spec.rules]


def test_each_commented_example_of_the_policy_works_once_it_is_uncommented(tmp_path: Path) -> None:
    text = render_project("csv")["policy.yaml"]
    head, *examples = text.split("\n\n")
    lines = [line[2:] for part in examples for line in part.splitlines() if line[:2] == "# " and is_yaml(line[2:])]
    (tmp_path / "policy.yaml").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    spec = load_policy("policy.yaml", folder=tmp_path).spec
    assert spec.rules[0].name == "too_small"
    assert "maximum_cycles" not in {rule.name for rule in spec.rules}
    assert spec.status.stalled_after.average_lead_time
    assert spec.guards.maximum_deals == 500


def is_yaml(line: str) -> bool:
    keys = ("status:", "clock:", "cool_off:", "rules:", "without:", "guards:", "  ")
    return line.startswith(keys)


def test_the_files_of_a_new_project_hold_no_secret_and_keep_customer_data_out_of_git() -> None:
    assert "${HUBSPOT_TOKEN}" in render_project("hubspot")["recyclekit.yaml"]
    assert {"*.csv", ".recyclekit/", "ledger.db*"} <= set(render_project("csv")[".gitignore"].splitlines())


def test_the_time_zone_can_be_chosen() -> None:
    assert "timezone: Europe/Berlin " in render_project("csv", timezone="Europe/Berlin")["recyclekit.yaml"]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_projects_holidays_and_fiscal_year_are_those_of_its_zone(kind: Kind) -> None:
    calendar = YAML().load(render_project(kind, timezone="Europe/Berlin")["recyclekit.yaml"])["calendar"]
    assert (calendar["country"], calendar["fiscal_year"]) == ("DE", "1")
    nowhere = YAML().load(render_project(kind, timezone="UTC")["recyclekit.yaml"])["calendar"]
    assert "country" not in nowhere


def test_the_demo_project_names_only_headings_that_the_export_has(tmp_path: Path) -> None:
    sample = generate(tmp_path, deals=30, as_of=date(2026, 11, 22))
    mapped = Mapped(fields={t: dict(columns) for t, columns in DEMO_FIELDS.items()})  # type: ignore[arg-type]
    for table, specs in mapped.fields.items():
        with (tmp_path / sample.files[table]).open(encoding="utf-8", newline="") as file:
            headings = next(csv.reader(file))
        assert {spec.column for spec in specs.values()} <= set(headings)
        assert set(specs) <= set(SCHEMAS[table].column_names())


def test_the_demo_project_opens(tmp_path: Path) -> None:
    sample = generate(tmp_path, deals=30, as_of=date(2026, 11, 22))
    (tmp_path / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    project = open_project(tmp_path)
    assert project.spec.calendar.closed == ("2026-12-29/2027-01-03",)
    assert [owner.id for owner in project.roster().of("inside_sales")] == ["is-01", "is-02", "is-03", "is-04"]
    assert project.spec.connections["crm"].fields[Table.DEALS]["lost_reason"].column == "失注理由"


def test_the_demo_maps_its_picklist_to_reasons_that_exist() -> None:
    codes = [code for value in demo_reasons().values() for code in ((value,) if isinstance(value, str) else value)]
    assert set(codes) <= set(TAXONOMY)

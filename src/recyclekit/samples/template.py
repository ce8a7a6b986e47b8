"""The files of a new project, and the project file of the demo, as text. Nothing is written here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Literal

from recyclekit.models.tables import Table
from recyclekit.samples import company
from recyclekit.samples.generator import SampleProject

Kind = Literal["csv", "hubspot", "salesforce"]
PROJECT_SCHEMA = "recyclekit.schema.json"
POLICY_SCHEMA = "policy.schema.json"
"""Names of the JSON schemas to which the files point; editors complete and check by them where they lie beside."""


_HOME = "Asia/Tokyo"


def render_project(kind: Kind, *, timezone: str = _HOME, connection: Sequence[str] = ()) -> dict[str, str]:
    """Return the files of a new project: path relative to its folder → text.

    `connection` are lines to stand below the connector, in place of the template's example.
    """
    return {
        "recyclekit.yaml": _at_home_in(timezone, _with(connection, _packaged(f"{kind}.yaml"))),
        "policy.yaml": _packaged("policy.yaml"),
        "README.md": _packaged("README.md"),
        ".gitignore": _packaged("gitignore"),
        **{f"deployments/{name}": text for name, text in packaged_deployments().items()},
    }


def _with(connection: Sequence[str], project: str) -> str:
    if not connection:
        return project
    head, _, rest = project.partition("    settings:")
    _, _, tail = rest.partition("\npipelines:")
    old = head[head.index("# Put your") : head.index("\nversion:")]
    new = (
        "# Drafted from the exports named below. Look at every line, above all at each `to do`; then: recyclekit check"
    )
    return head.replace(old, new) + "\n".join(connection) + "\n\npipelines:" + tail


def _at_home_in(zone: str, project: str) -> str:
    """Return a project file with a zone's public holidays and usual fiscal year instead of the template's."""
    if zone == _HOME:
        return project
    country = _country(zone)
    holidays = f"  country: {country} " if country else "  # country: XX  <- yours, or Japan's public holidays count"
    for old, new in (
        (f"timezone: {_HOME} ", f"timezone: {zone} "),
        ("  country: JP ", holidays),
        ('fiscal_year: "4" ', 'fiscal_year: "1" '),
        ("no own: April;", "no own: January;"),
    ):
        project = project.replace(old, new)
    return project


def _country(zone: str) -> str | None:
    """Return the ISO 3166 code of the country that a time zone lies in; None where it is nobody's, like UTC."""
    table = (files("tzdata") / "zoneinfo/zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return next((code for code, _, name, *_ in rows if name == zone), None)


def packaged_deployments() -> dict[str, str]:
    """Return what deploying reads, for projects that have no files of their own: prefect.yaml, automations.yaml, …."""
    folder = files("recyclekit.samples") / "templates" / "deployments"
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.iterdir(), key=lambda one: one.name)}


def _packaged(name: str) -> str:
    return (files("recyclekit.samples") / "templates" / name).read_text(encoding="utf-8")


def demo_project(sample: SampleProject, *, policy: str = "standard") -> str:
    """Return the project file of generated sample data: its field map, stages, reasons, calendar and owners."""
    fields = {str(table): columns for table, columns in DEMO_FIELDS.items() if table in sample.rows}
    return _DEMO.format(
        settings=_flow({str(table): name for table, name in sample.files.items()}),
        fields="\n".join(_block(table, columns) for table, columns in fields.items()),
        won=_flow(company.WON_STAGES),
        lost=_flow(company.LOST_STAGES),
        reasons="\n".join(f"      {_flow(value)}: {_flow(code)}" for value, code in demo_reasons().items()),
        policy=policy,
        new_year=f"{sample.as_of.year}-12-29/{sample.as_of.year + 1}-01-03",
        owners="\n".join(
            f"    - {{id: {owner}, per_day: {per_day}, days: [mon, tue, wed, thu, fri]}}"
            for owner, per_day in zip(company.INSIDE_SALES, (35, 35, 25, 20), strict=True)
        ),
    )


def demo_reasons() -> dict[str, str | tuple[str, ...]]:
    """Return the demo's picklist values → canonical reason(s); two values of the export are left out on purpose."""
    single = {value: code for code, values in company.PICKLIST.items() for value in values}
    return {**single, **company.AMBIGUOUS_PICKLIST}


def _day(column: str) -> dict[str, str]:
    return {"column": column, "format": "%Y/%m/%d"}


_KINDS = {"電話": "call", "メール": "email", "訪問": "meeting", "メモ": "note", "一斉メール": "email", "タスク": "task"}
_MINUTE = {"column": "At", "format": "%Y-%m-%d %H:%M"}
DEMO_FIELDS: Mapping[Table, Mapping[str, object]] = {
    Table.DEALS: {
        "deal_id": "Deal ID",
        "name": "Deal Name",
        "account_id": "Account ID",
        "contact_id": "Contact ID",
        "deal_pipeline": "Pipeline",
        "deal_stage": "Stage",
        "amount": "Amount",
        "currency": "Currency",
        "owner": "Owner",
        "product": "Product",
        "created_on": _day("Created"),
        "closed_on": _day("Closed"),
        "last_activity_at": _day("Last Activity"),
        "lost_reason": "失注理由",
        "lost_note": "失注メモ",
        "next_approach_on": _day("次回アプローチ日"),
        "approach_person": "アプローチ担当",
        "hook": "フック",
        "competitor": "Competitor",
        "contract_ends_on": _day("Contract End"),
        "need_type": "Need Type",
    },
    Table.ACTIVITIES: {
        "activity_id": "Activity ID",
        "deal_id": "Deal ID",
        "contact_id": "Contact ID",
        "kind": {"column": "Type", "values": _KINDS},
        "at": _MINUTE,
        "automatic": "Automatic",
        "bulk": "Bulk ID",
        "done": "Done",
    },
    Table.CONTACTS: {
        "contact_id": "Contact ID",
        "account_id": "Account ID",
        "opted_out": "Opted Out",
        "bounced": "Bounced",
    },
    Table.ACCOUNTS: {
        "account_id": "Account ID",
        "country": "Country",
        "timezone": "Time Zone",
        "fiscal_year": "Fiscal Year",
        "contract_ends_on": _day("Contract End"),
    },
    Table.SIGNALS: {"contact_id": "Contact ID", "deal_id": "Deal ID", "kind": "Kind", "at": _MINUTE},
    Table.HISTORY: {"deal_id": "Deal ID", "field": "Field", "value": "Value", "at": _MINUTE},
}
"""Canonical column → heading of the generated files, with the format where it is not ISO."""


def _block(table: str, columns: object) -> str:
    assert isinstance(columns, Mapping)
    lines = [f"        {name}: {_flow(spec)}" for name, spec in columns.items()]
    return "\n".join([f"      {table}:", *lines])


def _flow(value: object) -> str:
    """Write a value in YAML's flow style, quoting every string that could be taken for something else."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    text = str(value)
    words = text.replace(" ", "").replace("_", "").replace(".", "")
    plain = words.isalnum() and not text[0].isdigit() and text.lower() not in {"true", "false", "null", "yes", "no"}
    return text if plain else json.dumps(text, ensure_ascii=False)


_DEMO = """\
# The demo's project: an invented company's CRM export, as CSV files. Change anything and run `recyclekit plan` again.
version: 1
timezone: Asia/Tokyo                  # the business zone: decides what "today" is
ledger: sqlite:///ledger.db           # what was planned and written

connections:
  crm:
    connector: csv
    settings: {settings}
    fields:                           # recyclekit's name: heading in the export
{fields}
    stages: {{won: {won}, lost: {lost}}}        # every other stage is open
    reasons:                          # picklist value: reason, or the reasons that it may mean
{reasons}

pipelines:
  main: {{source: crm, sink: crm, nurture: null, policy: {policy}}}

calendar:
  country: JP                         # public holidays
  closed: [{new_year}]
  fiscal_year: "4"                    # of customers whose own is not known: from April

owners:                               # who makes the touches, and how many a day
  inside_sales:
{owners}
"""

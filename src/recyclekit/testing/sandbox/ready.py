"""A sandbox with the demo's company in it, and the project file that works on it: what `recyclekit sandbox` offers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from recyclekit.models.tables import Table
from recyclekit.samples import company
from recyclekit.samples.template import demo_reasons
from recyclekit.testing.sandbox.crm import SandboxCrm
from recyclekit.testing.sandbox.seeding import Company, demo_company

Vendor = Literal["hubspot", "salesforce"]
LIST = "useful-reading"
"""The list to which the packaged policy enrols."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A running sandbox and the text of a recyclekit.yaml for it."""

    crm: SandboxCrm
    project: str


def ready(vendor: Vendor, *, port: int = 0, deals: int, seed: int, as_of: date) -> Ready:
    """Start a vendor's sandbox, put the demo's company in and return it with its project file. The caller stops it.

    Raises:
        OSError: the port is taken.
    """
    invented = demo_company(deals=deals, seed=seed, as_of=as_of)
    return (_hubspot if vendor == "hubspot" else _salesforce)(invented, port, seed)


def _hubspot(invented: Company, port: int, seed: int) -> Ready:
    from recyclekit.testing.sandbox.hubspot import HubSpotSandbox

    crm = HubSpotSandbox(seed=seed, port=port, own_fields=False)
    _begin(crm)
    crm.load(**_tables(invented))
    owners = [crm.add_owner(name) for name in company.INSIDE_SALES]
    settings = {**crm.settings, "lists": {LIST: crm.add_list("Useful reading")}}
    return Ready(crm, _project("hubspot", settings, {}, owners))


def _salesforce(invented: Company, port: int, seed: int) -> Ready:
    from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
    from recyclekit.testing.sandbox.salesforce.custom import SALES

    crm = SalesforceSandbox(seed=seed, port=port, own_fields=False, timezone="Asia/Tokyo")
    _begin(crm)
    crm.load(**_tables(invented))
    owners = [crm.org.add_user(name) for name in company.INSIDE_SALES]
    settings = {**crm.settings, "campaigns": {LIST: crm.create("Campaign", Name="Useful reading", IsActive=True)}}
    fields = {
        table: {name: field.name for name, field in SALES[table].items()} for table in (Table.DEALS, Table.ACCOUNTS)
    }
    fields[Table.ACCOUNTS].pop("external_id")
    return Ready(crm, _project("salesforce", settings, fields, owners))


def _begin(crm: SandboxCrm) -> None:
    try:
        crm.start()
    except OSError:
        crm.stop()  # it may have written a certificate
        raise


def _tables(invented: Company) -> dict[str, Any]:
    return {
        "deals": invented.deals,
        "contacts": invented.contacts,
        "accounts": invented.accounts,
        "activities": invented.activities,
        "signals": invented.signals,
    }


def _project(
    connector: str, settings: Mapping[str, Any], fields: Mapping[Table, Mapping[str, str]], owners: Sequence[str]
) -> str:
    """Return the project file; JSON's way to write a value is YAML's, too."""
    return _PROJECT.format(
        connector=connector,
        settings=_lines(settings),
        fields="    fields:\n" + _lines(fields) + "\n" if fields else "",
        reasons=_lines(demo_reasons()),
        owners="\n".join(
            f'    - {{id: "{owner}", per_day: {per_day}, days: [mon, tue, wed, thu, fri]}}'
            for owner, per_day in zip(owners, (35, 35, 25, 20), strict=True)
        ),
    )


def _lines(values: Mapping[Any, Any]) -> str:
    return "\n".join(
        f"      {json.dumps(str(name), ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    )


_PROJECT = """\
version: 1
timezone: Asia/Tokyo
ledger: sqlite:///ledger.db

connections:
  crm:
    connector: {connector}
    settings:
{settings}
{fields}    reasons:
{reasons}

pipelines:
  main: {{source: crm, sink: crm, nurture: null, policy: standard}}

calendar:
  country: JP
  fiscal_year: "4"

owners:
  inside_sales:
{owners}
"""

"""The demo's company in four systems at once: CSV files, both sandboxes, a real Tryton; one project that knows all."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from recyclekit import clock
from recyclekit.models.tables import SCHEMAS, Table
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.salesforce.custom import SALES
from recyclekit.testing.sandbox.seeding import Company, demo_company
from tests.tryton_server import Server, running

AS_OF = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
"""Noon of that day in Tokyo."""
PEOPLE = ("anna", "ben")
PER_DAY = 3
DEALS = 1000
"""So many that every rule of the standard policy fires that needs no cycle behind it."""
TRYTON_HAS = ("deal_id", "external_id", "name", "account_id", "contact_id", "deal_stage", "crm_state", "amount",
              "currency", "owner", "created_on", "closed_on", "lost_reason")  # fmt: skip
"""Of a deal; Tryton has no place for the rest."""
_TRYTON_STATE = {"won": "won", "lost": "lost", "open": "opportunity"}


@dataclass(frozen=True)
class Systems:
    """A project folder whose connections are the systems, all holding the same deals."""

    folder: Path
    names: Sequence[str]

    def unlimited(self) -> None:
        """Let nobody be full: then no deal's date depends on another's."""
        file = self.folder / "recyclekit.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace(f"per_day: {PER_DAY}", "per_day:"), encoding="utf-8")


@contextmanager
def systems(folder: Path, *names: str, deals: int = DEALS) -> Iterator[Systems]:
    """Run the systems of these names, load the same deals into each, and write a project that connects them."""
    company = demo_company(deals=deals, as_of=AS_OF)
    connections: dict[str, Any] = {}
    with ExitStack() as stack:
        for name in names:
            connections[name] = stack.enter_context(_SYSTEMS[name](folder, company))
        project = {
            "version": 1,
            "timezone": "Asia/Tokyo",
            "connections": connections,
            "owners": {"inside_sales": [{"id": person, "per_day": PER_DAY} for person in PEOPLE]},
            "pipelines": {"main": {"source": names[0], "policy": "standard"}},
        }
        with (folder / "recyclekit.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(project, file)
        yield Systems(folder, names)


# -- files -----------------------------------------------------------------------------------------------------------


@contextmanager
def _csv(folder: Path, company: Company) -> Iterator[dict[str, Any]]:
    """Files whose headings are our own words."""
    yield _files(folder / "all", company, {})


@contextmanager
def _csv_of_tryton(folder: Path, company: Company) -> Iterator[dict[str, Any]]:
    """The same, with only what Tryton has a place for."""
    few = replace(company, activities=_talks(company))
    yield _files(folder / "few", few, {Table.DEALS: TRYTON_HAS, Table.ACCOUNTS: ("account_id", "country")})


def _files(folder: Path, company: Company, only: Mapping[Table, Sequence[str]]) -> dict[str, Any]:
    folder.mkdir()
    fields: dict[str, dict[str, str]] = {}
    for table in (Table.DEALS, Table.ACTIVITIES, Table.CONTACTS, Table.ACCOUNTS):
        rows: list[dict[str, Any]] = getattr(company, table)
        filled = {name for row in rows for name in row} | ({"external_id"} if table is Table.DEALS else set())
        columns = [name for name in SCHEMAS[table].column_names() if name in filled & set(only.get(table, filled))]
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", restval="")
            writer.writeheader()
            writer.writerows(
                {**{n: _cell(v) for n, v in row.items()}, "external_id": row.get("deal_id")} for row in rows
            )
        fields[str(table)] = {name: name for name in columns}
    settings = {table: f"{folder.name}/{table}.csv" for table in fields}
    return {"connector": "csv", "settings": settings, "fields": fields}


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value).lower() if isinstance(value, bool) else value


# -- sandboxes -------------------------------------------------------------------------------------------------------


def _from_noon_on() -> Callable[[], datetime]:
    """A clock that runs as ours does, but began at noon of that day: limits are kept in real seconds."""
    began = clock.now()
    return lambda: NOON + (clock.now() - began)


@contextmanager
def _hubspot(_folder: Path, company: Company) -> Iterator[dict[str, Any]]:
    with HubSpotSandbox(seed=1, clock=_from_noon_on()) as crm:
        loaded = crm.load(**_tables(company))
        yield {"connector": "hubspot", "settings": crm.settings, "owners": dict(loaded.owners)}


@contextmanager
def _salesforce(_folder: Path, company: Company) -> Iterator[dict[str, Any]]:
    with SalesforceSandbox(seed=1, clock=_from_noon_on()) as crm:
        loaded = crm.load(**_tables(company))
        fields = {
            str(table): {ours: field.name for ours, field in own.items() if ours != "external_id"}
            for table, own in SALES.items()
            if table is not Table.CONTACTS
        }
        yield {"connector": "salesforce", "settings": crm.settings, "owners": dict(loaded.owners), "fields": fields}


def _tables(company: Company) -> dict[str, list[dict[str, Any]]]:
    deals = [{**row, "external_id": row["deal_id"]} for row in company.deals]
    return {
        "deals": deals,
        "contacts": company.contacts,
        "accounts": company.accounts,
        "activities": company.activities,
    }


# -- Tryton ----------------------------------------------------------------------------------------------------------


@contextmanager
def _tryton(_folder: Path, company: Company) -> Iterator[dict[str, Any]]:
    with running(_for_tryton(company)) as server:
        yield {
            "connector": "tryton",
            "settings": {"url": server.url, "database": "crm", "key": server.key, "calls_per_second": 1000},
            "owners": _numbers(server, "employees"),
        }


def _numbers(server: Server, table: str) -> dict[str, str]:
    return {ours: str(made) for ours, made in server.ids[table].items()}


def _for_tryton(company: Company) -> dict[str, Any]:
    """A company is a party, and so is each of its people; what was said is a note on the deal."""
    opted_out = {row["contact_id"] for row in company.contacts if row.get("opted_out")}
    parties = [{"id": row["account_id"], "country": row.get("country")} for row in company.accounts]
    people = [{"id": row["contact_id"], "opted_out": row["contact_id"] in opted_out} for row in company.contacts]
    return {
        "scenarios": ["newsletter"],
        "employees": [{"id": owner} for owner in sorted({row["owner"] for row in company.deals if row.get("owner")})],
        "parties": [*parties, *people],
        "deals": [_opportunity(row) for row in company.deals],
        "activities": [
            {"deal": row["deal_id"], "at": row["at"].astimezone(UTC).replace(tzinfo=None).isoformat()}
            for row in _talks(company)
        ],
    }


def _talks(company: Company) -> list[dict[str, Any]]:
    """Return what a note on a deal can say: that somebody talked, about this deal."""
    machine = ("automatic", "bulk")
    return [
        {**row, "kind": "note"}
        for row in company.activities
        if row.get("deal_id") and row.get("done") is not False and not any(row.get(name) for name in machine)
    ]


def _opportunity(row: Mapping[str, Any]) -> dict[str, Any]:
    state = _TRYTON_STATE[row["crm_state"]]
    return {
        "id": row["deal_id"],
        "party": row.get("account_id"),
        "contact": row.get("contact_id"),
        "name": row.get("name"),
        "amount": row.get("amount"),
        "currency": row.get("currency"),
        "employee": row.get("owner"),
        "created_on": _cell_date(row.get("created_on")),
        "closed_on": _cell_date(row.get("closed_on")),
        "state": "lead" if state == "opportunity" and not (row.get("account_id") and row.get("owner")) else state,
        "lost_reason": row.get("lost_reason"),
    }


def _cell_date(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


_SYSTEMS = {
    "csv": _csv,
    "csv_of_tryton": _csv_of_tryton,
    "hubspot": _hubspot,
    "salesforce": _salesforce,
    "tryton": _tryton,
}

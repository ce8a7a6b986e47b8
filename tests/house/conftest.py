"""A project whose deals have contacts with ids that nobody could mistake, on each store in turn."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recyclekit.project import Project, open_project
from tests.stores import empty_postgres_url, ledger_url, postgres_url, quick_folder

__all__ = ["empty_postgres_url", "ledger_url", "postgres_url"]

PROJECT = """
version: 1
timezone: Asia/Tokyo
ledger: {ledger}
connections:
  crm:
    connector: csv
    settings: {{deals: crm/deals.csv, contacts: crm/contacts.csv, own_tables: own, batch_size: 3}}
    fields:
      deals:
        deal_id: id
        contact_id: contact
        deal_stage: stage
        closed_on: closed
        lost_reason: reason
      contacts: {{contact_id: id, opted_out: {{column: out}}}}
    stages: {{won: [Won], lost: [Lost]}}
pipelines:
  main: {{source: crm}}
"""
WHO = "hanako.yamada@example.co.jp"
DEALS = 12


def deal_id(n: int) -> str:
    return f"DEAL-{n:03}-{'ERASEME' if n % 4 == 0 else 'STAYING'}"


def write(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory: a kill is a kill there, too."""
    made = quick_folder()
    yield made
    shutil.rmtree(made)


@pytest.fixture
def make_project(folder: Path) -> Callable[[str], Project]:
    """Every fourth deal is of the person who will be erased; their contact record has an opt-out nobody can read."""

    def make(ledger: str) -> Project:
        (folder / "recyclekit.yaml").write_text(PROJECT.format(ledger=ledger), encoding="utf-8")
        rows = [
            [deal_id(n), WHO if n % 4 == 0 else f"other{n}@example.com", "Lost", "2026-03-01", reason]
            for n in range(DEALS)
            for reason in [("Timing", "情報収集", "連絡がつかない")[n % 3]]
        ]
        write(folder / "crm" / "deals.csv", [["id", "contact", "stage", "closed", "reason"], *rows])
        people = [[WHO, "perhaps"], *([f"other{n}@example.com", "no"] for n in range(DEALS))]
        write(folder / "crm" / "contacts.csv", [["id", "out"], *people])
        return open_project(folder)

    return make


@pytest.fixture
def project(make_project: Callable[[str], Project], ledger_url: str) -> Project:
    return make_project(ledger_url)

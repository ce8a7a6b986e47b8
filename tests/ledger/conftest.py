"""Both stores for every test here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from recyclekit.ledger import open_ledger
from recyclekit.ledger.sql import SqlLedger
from tests.stores import empty_postgres_url, ledger_url, postgres_url, quick_folder

__all__ = ["empty_postgres_url", "ledger_url", "postgres_url"]


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[SqlLedger]:
    """An empty ledger, on each store in turn."""
    folder = quick_folder()
    opened = open_ledger(ledger_url, folder)
    yield opened
    opened.close()
    shutil.rmtree(folder)

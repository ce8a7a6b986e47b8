"""Both stores for every test here."""

from __future__ import annotations

from tests.stores import empty_postgres_url, ledger_url, postgres_url

__all__ = ["empty_postgres_url", "ledger_url", "postgres_url"]

"""Alembic's migrations of the ledger; they run only where its schema is not current."""

"""Positions in a source are kept beside the records that they stand behind, not here: their table goes."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Drop the table; no run ever wrote a row into it."""
    op.drop_table("cursors")

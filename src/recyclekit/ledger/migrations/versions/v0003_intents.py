"""Intents in parts, packed as columns; an action has a row once something has happened to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the table. Runs from before keep their rows, planned ones included."""
    op.create_table(
        "intents",
        sa.Column("run_no", sa.Integer, sa.ForeignKey("runs.run_no"), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True),
        sa.Column("first_id", BIG, nullable=False),
        sa.Column("last_id", BIG, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )

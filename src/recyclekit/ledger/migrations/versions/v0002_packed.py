"""Cycles and touches of a pipeline as packed tables, for planning to read at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table; the first run that ends fills it."""
    op.create_table(
        "packed",
        sa.Column("pipeline", sa.Text, primary_key=True),
        sa.Column("cycles", sa.LargeBinary, nullable=False),
        sa.Column("touches", sa.LargeBinary, nullable=False),
    )

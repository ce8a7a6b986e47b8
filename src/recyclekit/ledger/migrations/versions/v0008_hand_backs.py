"""Deals that runs hand back to sales."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table, and make room in plans that wait; what ran before this handed nothing back."""
    op.create_table(
        "hand_backs",
        sa.Column("run_no", sa.Integer, sa.ForeignKey("runs.run_no"), primary_key=True),
        sa.Column("deal_id", sa.Text, primary_key=True),
        sa.Column("cycle", sa.SmallInteger, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("track", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("opened_on", sa.Date),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("signal", sa.Text, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("contact_on", sa.Date),
        sa.Column("ended_on", sa.Date, nullable=False),
        sa.Column("ended_why", sa.Text, nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True)),
        sa.Column("undone_by", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("hand_backs_deal", "hand_backs", ["pipeline", "deal_id"])
    op.add_column("proposals", sa.Column("handed_back", sa.LargeBinary))

"""Plans that wait for a person's word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table; it begins empty."""
    op.create_table(
        "proposals",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("flow_run", sa.Text),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("actions", sa.LargeBinary),
        sa.Column("ended_cycles", sa.LargeBinary),
        sa.Column("dead_letters", sa.LargeBinary),
        sa.Column("decided_at", TIME),
        sa.Column("decided_by", sa.Text),
        sa.Column("deal_limit", sa.Integer),
        sa.Column("without", sa.Text),
    )
    op.create_index("proposals_newest", "proposals", ["pipeline", "made_at"])
    op.create_index("proposals_flow_run", "proposals", ["flow_run"])

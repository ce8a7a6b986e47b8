"""Rate limits that processes share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table; a window gets its row when it is first asked for."""
    op.create_table(
        "budgets",
        sa.Column("budget", sa.Text, primary_key=True),
        sa.Column("spent", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )

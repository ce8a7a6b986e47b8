"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

LIVE = "state IN ('sent', 'done', 'in_doubt') AND undone_by IS NULL"
DOUBT = "state IN ('sent', 'in_doubt')"
TIME = sa.DateTime(timezone=True)
BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create all tables."""
    _create_actions()
    _create_cursors()
    _create_cycles()
    _create_leases()
    _create_runs()
    _create_touches()
    _create_dead_letters()
    _create_receipts()


def _create_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("id", BIG, primary_key=True, autoincrement=False),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("deal_id", sa.Text, nullable=False),
        sa.Column("cycle", sa.SmallInteger),
        sa.Column("step", sa.Text),
        sa.Column("change", sa.Text),
        sa.Column("rule", sa.Text),
        sa.Column("track", sa.Text),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("fingerprint", sa.Text),
        sa.Column("remote_id", sa.Text),
        sa.Column("state", sa.Text, nullable=False, server_default="planned"),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("payload_hash", sa.Text),
        sa.Column("token", BIG),
        sa.Column("sent_at", TIME),
        sa.Column("settled_at", TIME),
        sa.Column("code", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("field", sa.Text),
        sa.Column("correlation", sa.Text),
        sa.Column("undone_by", sa.Text),
    )
    op.create_index(
        "actions_doubt",
        "actions",
        ["pipeline", "deal_id"],
        sqlite_where=sa.text(DOUBT),
        postgresql_where=sa.text(DOUBT),
    )
    op.create_index(
        "actions_live",
        "actions",
        ["pipeline", "key"],
        unique=True,
        sqlite_where=sa.text(LIVE),
        postgresql_where=sa.text(LIVE),
    )


def _create_cursors() -> None:
    op.create_table(
        "cursors",
        sa.Column("pipeline", sa.Text, primary_key=True),
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("position", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_cycles() -> None:
    op.create_table(
        "cycles",
        sa.Column("pipeline", sa.Text, primary_key=True),
        sa.Column("deal_id", sa.Text, primary_key=True),
        sa.Column("cycle", sa.SmallInteger, primary_key=True),
        sa.Column("track", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("opened_on", sa.Date, nullable=False),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("ended_on", sa.Date),
        sa.Column("ended_why", sa.Text),
        sa.Column("ended_by", sa.Text),
        sqlite_with_rowid=False,
    )


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("pipeline", sa.Text, primary_key=True),
        sa.Column("token", BIG, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("machine", sa.Text),
        sa.Column("expires_at", TIME),
        sqlite_with_rowid=False,
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_no", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.Text, nullable=False, unique=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("as_of", sa.Date),
        sa.Column("policy_name", sa.Text),
        sa.Column("policy_version", sa.Text),
        sa.Column("policy_hash", sa.Text),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("of_run", sa.Text),
        sa.Column("plan_sha256", sa.Text, nullable=False),
        sa.Column("flow_run", sa.Text),
        sa.Column("planned", sa.Integer, nullable=False),
        sa.Column("counts", sa.Text),
    )
    op.create_index("runs_newest", "runs", ["pipeline", "run_no"])


def _create_touches() -> None:
    op.create_table(
        "touches",
        sa.Column("pipeline", sa.Text, primary_key=True),
        sa.Column("deal_id", sa.Text, primary_key=True),
        sa.Column("cycle", sa.SmallInteger, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("step", sa.Text),
        sa.Column("due_on", sa.Date),
        sa.Column("channel", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("made_on", sa.Date, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("run_no", sa.Integer, sa.ForeignKey("runs.run_no"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("table_name", sa.Text),
        sa.Column("record_id", sa.Text),
        sa.Column("line", BIG),
        sa.Column("column_name", sa.Text),
        sa.Column("code", sa.Text),
        sqlite_with_rowid=False,
    )


def _create_receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("action_id", BIG, sa.ForeignKey("actions.id"), primary_key=True),
        sa.Column("attempt", sa.SmallInteger, primary_key=True),
        sa.Column("state", sa.Text, primary_key=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("token", BIG, nullable=False),
        sa.Column("remote_id", sa.Text),
        sa.Column("proof", sa.Text),
        sa.Column("code", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("field", sa.Text),
        sa.Column("correlation", sa.Text),
        sqlite_with_rowid=False,
    )

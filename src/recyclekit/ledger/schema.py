"""The ledger's tables. Every text column declares what it holds; none holds a name, an address or a person's words.

`info={"holds": ...}` is one of HOLDS; a test refuses a text column without it. All rows belong to a pipeline; tenants
have these tables each for themselves. Tables here and the migrations must agree: a test compares them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    text,
)

from recyclekit.ledger.states import DOUBT, LIVE

HOLDS = {
    "id": "an id of ours or of the other side",
    "code": "a word from a closed list, or a rule's, track's or connector's name",
    "hash": "a digest",
    "host": "which process of which machine",
    "json of codes": "our own fields and payloads: dates, codes, ids and the policy's own words",
    "remark": "what the other side said, cut short, with addresses and telephone numbers taken out",
}

metadata = MetaData()


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps it without the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # asked so
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def moment(at: datetime) -> str:
    """Return a moment as text that both stores read as UTC, written as SQLAlchemy writes it to SQLite."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _text(name: str, holds: str, **options: Any) -> Column[str]:
    return Column(name, Text, info={"holds": holds}, **options)


_BIG = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's own row id

runs = Table(
    "runs",
    metadata,
    Column("run_no", Integer, primary_key=True, autoincrement=True),
    _text("run", "id", nullable=False, unique=True),
    _text("pipeline", "code", nullable=False),
    _text("kind", "code", nullable=False),
    _text("state", "code", nullable=False),
    Column("as_of", Date),
    _text("policy_name", "code"),
    _text("policy_version", "code"),
    _text("policy_hash", "hash"),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    _text("of_run", "id"),
    _text("plan_sha256", "hash", nullable=False),
    _text("flow_run", "id"),
    Column("planned", Integer, nullable=False),
    _text("counts", "json of codes"),  # by state, kept while nothing moves; null while it does
    Index("runs_newest", "pipeline", "run_no"),
)

intents = Table(
    "intents",
    metadata,
    Column("run_no", Integer, ForeignKey("runs.run_no"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("first_id", _BIG, nullable=False),
    Column("last_id", _BIG, nullable=False),
    Column("content", LargeBinary, nullable=False),  # key to remote_id of the table below as Parquet, as planned
)

actions = Table(
    "actions",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=False),
    _text("pipeline", "code", nullable=False),
    _text("key", "id", nullable=False),
    _text("kind", "code", nullable=False),
    _text("deal_id", "id", nullable=False),
    Column("cycle", SmallInteger),
    _text("step", "code"),
    _text("change", "code"),
    _text("rule", "code"),
    _text("track", "code"),
    _text("payload", "json of codes", nullable=False),
    _text("before", "json of codes"),
    _text("fingerprint", "hash"),
    _text("remote_id", "id"),
    _text("state", "code", nullable=False, server_default="planned"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    _text("payload_hash", "hash"),  # of what was sent; committed before the call
    Column("token", _BIG),  # of the lease under which it was sent last
    Column("sent_at", UtcTime),
    Column("settled_at", UtcTime),
    _text("code", "code"),
    _text("reason", "remark"),
    _text("field", "code"),
    _text("correlation", "id"),
    _text("undone_by", "id"),
    # partial: a planned action is in no index, so a million intents cost one append each
    Index("actions_live", "pipeline", "key", unique=True, sqlite_where=text(LIVE), postgresql_where=text(LIVE)),
    Index("actions_doubt", "pipeline", "deal_id", sqlite_where=text(DOUBT), postgresql_where=text(DOUBT)),
)

receipts = Table(
    "receipts",
    metadata,
    Column("action_id", _BIG, ForeignKey("actions.id"), primary_key=True),
    Column("attempt", SmallInteger, primary_key=True),
    _text("state", "code", primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("token", _BIG, nullable=False),
    _text("remote_id", "id"),
    _text("proof", "remark"),
    _text("code", "code"),
    _text("reason", "remark"),
    _text("field", "code"),
    _text("correlation", "id"),
    sqlite_with_rowid=False,
)

cycles = Table(
    "cycles",
    metadata,
    _text("pipeline", "code", primary_key=True),
    _text("deal_id", "id", primary_key=True),
    Column("cycle", SmallInteger, primary_key=True),
    _text("track", "code"),
    _text("reason", "code"),
    Column("opened_on", Date, nullable=False),
    _text("opened_by", "id", nullable=False),
    Column("ended_on", Date),
    _text("ended_why", "code"),
    _text("ended_by", "id"),
    sqlite_with_rowid=False,
)

touches = Table(
    "touches",
    metadata,
    _text("pipeline", "code", primary_key=True),
    _text("deal_id", "id", primary_key=True),
    Column("cycle", SmallInteger, primary_key=True),
    _text("key", "id", primary_key=True),
    _text("step", "code"),
    Column("due_on", Date),
    _text("channel", "code"),
    _text("owner", "id"),
    Column("made_on", Date, nullable=False),
    sqlite_with_rowid=False,
)

hand_backs = Table(
    "hand_backs",
    metadata,
    Column("run_no", Integer, ForeignKey("runs.run_no"), primary_key=True),
    _text("deal_id", "id", primary_key=True),
    Column("cycle", SmallInteger, primary_key=True),
    _text("pipeline", "code", nullable=False),
    _text("track", "code"),
    _text("reason", "code"),
    Column("opened_on", Date),
    _text("steps", "json of codes", nullable=False),
    _text("signal", "code", nullable=False),
    _text("source", "code"),
    Column("contact_on", Date),
    Column("ended_on", Date, nullable=False),
    _text("ended_why", "code", nullable=False),
    Column("handed_at", UtcTime),  # null until every write of it is proven
    _text("undone_by", "id"),
    Index("hand_backs_deal", "pipeline", "deal_id"),
    sqlite_with_rowid=False,
)

packed = Table(
    "packed",
    metadata,
    _text("pipeline", "code", primary_key=True),
    Column("cycles", LargeBinary, nullable=False),  # the two tables above as Parquet, while nothing in them changes
    Column("touches", LargeBinary, nullable=False),
)

tombstones = Table(
    "tombstones",
    metadata,
    _text("pipeline", "code", primary_key=True),
    _text("digest", "hash", primary_key=True),  # keyed: tells that an id was erased, not whose it was
    _text("salt", "hash", nullable=False),  # the same for all of a pipeline
    _text("run", "id", nullable=False),  # that erased it
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    _text("pipeline", "code", primary_key=True),
    Column("token", _BIG, nullable=False),
    _text("holder", "host"),
    _text("machine", "hash"),
    Column("expires_at", UtcTime),
    sqlite_with_rowid=False,
)

proposals = Table(
    "proposals",
    metadata,
    _text("run", "id", primary_key=True),
    _text("pipeline", "code", nullable=False),
    _text("state", "code", nullable=False),
    _text("cause", "code", nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    _text("flow_run", "id"),
    _text("manifest", "json of codes", nullable=False),
    _text("sha256", "hash", nullable=False),  # of manifest and tables together
    Column("actions", LargeBinary),  # these three as Parquet; null once nobody can write them any more
    Column("ended_cycles", LargeBinary),
    Column("dead_letters", LargeBinary),
    Column("handed_back", LargeBinary),  # the same, where there are any
    Column("decided_at", UtcTime),
    _text("decided_by", "code"),
    Column("deal_limit", Integer),
    _text("without", "json of codes"),  # tracks left out
    Index("proposals_newest", "pipeline", "made_at"),
    Index("proposals_flow_run", "flow_run"),
)

budgets = Table(
    "budgets",
    metadata,
    _text("budget", "id", primary_key=True),  # connector, a digest of the account, and the window
    _text("spent", "json of codes", nullable=False),  # numbers of calls and moments
    sqlite_with_rowid=False,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("run_no", Integer, ForeignKey("runs.run_no"), primary_key=True),
    Column("position", Integer, primary_key=True),
    _text("stage", "code", nullable=False),
    _text("table_name", "code"),
    _text("record_id", "id"),
    Column("line", _BIG),
    _text("column_name", "code"),
    _text("code", "code"),
    sqlite_with_rowid=False,
)

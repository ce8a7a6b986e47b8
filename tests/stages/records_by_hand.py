"""Raw records written by hand, and normalize with the least around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.models.field_map import Mapped, StageMap
from recyclekit.models.snapshot import LINE, Extracted, Snapshot
from recyclekit.models.tables import Table
from recyclekit.stages.normalize import normalize

TOKYO = ZoneInfo("Asia/Tokyo")
STAGES = StageMap(won=("Won",), lost=("Lost",))
FIELDS: dict[str, Any] = {
    "deal_id": "Id",
    "deal_stage": "Stage",
    "amount": "Amount",
    "created_on": "Created",
    "closed_on": "Closed",
    "last_activity_at": "Last",
    "lost_reason": "Reason",
    "account_id": "Account",
}
GOOD = {
    "Id": "D1", "Stage": "Won", "Amount": "1000.50", "Created": "2026-01-02", "Closed": "2026-03-04",
    "Last": "2026-03-01T10:00:00Z", "Reason": "予算なし", "Account": "A1",
}  # fmt: skip


def raw(rows: Sequence[Mapping[str, str | None]]) -> pl.LazyFrame:
    """Return records as a file has them: lines from 2 on."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in columns}, schema=dict.fromkeys(columns, pl.String)
    )
    return frame.with_columns(pl.Series(LINE, range(2, len(rows) + 2), dtype=pl.UInt64)).lazy()


def deals(*changes: Mapping[str, str | None]) -> list[dict[str, str | None]]:
    """Return good deals D1, D2, … with these changes, one each."""
    return [{**GOOD, "Id": f"D{n}", **change} for n, change in enumerate(changes, 1)]


def read(
    rows: Sequence[Mapping[str, str | None]],
    fields: Mapping[str, Any] = FIELDS,
    stages: StageMap = STAGES,
    **more: Any,
) -> Snapshot:
    """Normalize deals, and `activities=(fields, rows)` or other tables beside them."""
    others = {name: more.pop(name) for name in list(more) if name in set(Table)}
    mapped = Mapped.model_validate(
        {
            "fields": {"deals": fields, **{name: other[0] for name, other in others.items()}},
            "stages": stages.model_dump(),
        }
    )
    records = {Table.DEALS: raw(rows), **{Table(name): raw(other[1]) for name, other in others.items()}}
    extracted = more.pop("extracted", Extracted)(records=records)
    return normalize(extracted, mapped, timezone=more.pop("timezone", TOKYO), **more)


def letters(snapshot: Snapshot) -> list[tuple[Any, ...]]:
    """Return record id, line, column and code of each dead letter."""
    return snapshot.dead_letters.select("record_id", "line", "column", "code").rows()

"""A plan put together from what stages 2 to 4 found, with the manifest that sums it up; the sums must close."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl

from recyclekit.errors import SumsError
from recyclekit.models.plan import ActionKind, Manifest, Plan, PlanInFiles
from recyclekit.models.shelf import together
from recyclekit.models.snapshot import SnapshotInSlices
from recyclekit.models.tables import Table
from recyclekit.stages.schedule import ScheduledInSlices

if TYPE_CHECKING:
    from recyclekit.models.plan import PolicyStamp
    from recyclekit.models.snapshot import Snapshot
    from recyclekit.stages.classify import Classified
    from recyclekit.stages.schedule import Scheduled

Forecast = Callable[[Mapping[ActionKind, int]], int]
"""Numbers of actions by kind → calls that writing them takes (a sink's `calls`)."""


def assemble(
    snapshot: Snapshot,
    classified: Classified,
    made: Scheduled,
    *,
    run: str,
    pipeline: str,
    as_of: date,
    made_at: datetime,
    policy: PolicyStamp,
    calls: Forecast,
    unfinished: pl.DataFrame,
) -> Plan:
    """Put the results of stages 2, 3 and 4 together; `unfinished` are runs that the ledger knows to have stopped early.

    Raises:
        SumsError: a deal that was read is in no bucket, or in two (a bug).
    """
    buckets = {**made.by_bucket, "dead_letter": snapshot.extracted_deals - sum(made.by_bucket.values())}
    _refuse_open_sums(snapshot, buckets)
    manifest = Manifest(
        run=run,
        pipeline=pipeline,
        as_of=as_of,
        made_at=made_at,
        policy=policy,
        deals=snapshot.extracted_deals,
        dead_letters=snapshot.dead_letters.height,
        by_status=dict(made.by_status),
        by_reason=dict(made.by_reason),
        by_verdict=dict(made.by_verdict),
        by_rule=dict(made.by_rule),
        by_track=dict(made.by_track),
        by_bucket=buckets,
        actions=dict(made.by_kind),
        changes=dict(made.changes),
        calls=calls({ActionKind(kind): count for kind, count in made.by_kind.items()}),
        sums_close=True,
        readings={str(table): dict(found) for table, found in snapshot.readings.items() if found},
        guards=list(made.guards),
    )
    in_slices = isinstance(made, ScheduledInSlices)
    plan = Plan(
        manifest=manifest,
        actions=pl.DataFrame() if in_slices else made.actions,
        decisions=pl.DataFrame() if in_slices else _with_money(made.decisions, snapshot.deals),
        dead_letters=snapshot.dead_letters,
        findings=(*snapshot.findings, *classified.findings),
        ended_cycles=_without(made.ended_cycles, made.handed_back),
        handed_back=made.handed_back,
        unmapped=classified.unmapped,
        unfinished=unfinished,
    )
    if isinstance(made, ScheduledInSlices) and isinstance(snapshot, SnapshotInSlices):
        return PlanInFiles(plan, together(made.lines), _with_money_in_slices(made, snapshot), made.shelf)
    return plan


def _without(ended_cycles: pl.DataFrame, handed_back: pl.DataFrame) -> pl.DataFrame:
    """Leave out the cycles that are handed back: their ends are the run's own, in the transactions that prove them."""
    return ended_cycles.join(handed_back, on=["deal_id", "cycle"], how="anti", maintain_order="left")


def _refuse_open_sums(snapshot: Snapshot, buckets: Mapping[str, int]) -> None:
    aside = snapshot.dead_letters.filter(pl.col("table") == str(Table.DEALS)).height
    if sum(buckets.values()) != snapshot.extracted_deals or buckets["dead_letter"] != aside:
        raise SumsError(
            f"{snapshot.extracted_deals} deals read, {sum(buckets.values())} accounted for: {buckets}.",
            why="Every deal must end in exactly one bucket; this is a fault of recyclekit.",
            fix="Nothing was written. Please report it.",
        )


def _with_money(decisions: pl.DataFrame, deals: pl.DataFrame) -> pl.DataFrame:
    # One row per deal, in the deals' order: that is what classify and schedule promise.
    money = {name: deals[name] for name in ("amount", "currency") if name in deals.columns}
    return pl.DataFrame(decisions.to_dict() | money)


def _with_money_in_slices(made: ScheduledInSlices, snapshot: SnapshotInSlices) -> pl.LazyFrame:
    money = pl.col("^(amount|currency)$")
    pairs = zip(made.slices, snapshot.slices, strict=True)
    return together([pl.concat([part, deals.select(money)], how="horizontal") for part, deals in pairs])

"""The product's own runs on a bench: stage 5 with a ledger, the drift check, and a whole job of plan and apply."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from recyclekit.models.fingerprint import fingerprint
from recyclekit.models.patience import Patience
from recyclekit.models.plan import Action
from recyclekit.models.run import Outcome, ReceiptState, Run, RunKind, RunState
from recyclekit.models.snapshot import Extracted, Snapshot, dead_letters
from recyclekit.models.tables import Table
from recyclekit.testing.factories import PIPELINE, as_frame

if TYPE_CHECKING:
    from recyclekit.connectors.protocols import ReadsBack, Sink
    from recyclekit.models.drift import Reread
    from recyclekit.pipeline import Job
    from recyclekit.project import Project
    from recyclekit.testing.stand import Stand

_PROJECT = """\
version: 1
timezone: {zone}
ledger: sqlite:///ledger.db
connections:
  crm: {{connector: {name}}}
pipelines:
  {pipeline}: {{source: crm, policy: standard}}
owners: {{inside_sales: [{{id: {owner}}}]}}
"""
_TRIES = Patience(attempts=6, longest_wait=10_000, passes=4)


def project(stand: Stand) -> Project:
    """Return a project whose one connection is the stand's connector, opened with the stand's settings."""
    from recyclekit.connection import Connection
    from recyclekit.project import Project, open_project

    folder = _folder(stand)
    owner = stand.bench.owner.replace("'", "''")
    text = _PROJECT.format(
        zone=stand.opening.timezone.key, name=stand.manifest.name, pipeline=PIPELINE, owner=f"'{owner}'"
    )
    (folder / "recyclekit.yaml").write_text(text, encoding="utf-8")
    found = open_project(folder)
    crm = Connection("crm", stand.manifest, "its package", stand.config, stand.opening, found.spec.connections["crm"])
    return Project(found.folder, found.spec, found.document, {"crm": crm})


def job(stand: Stand, as_of: date) -> Job:
    """Return a job of the packaged policy on this connector, its doors newly opened."""
    return project(stand).job(as_of=as_of)


def write_back(
    stand: Stand, actions: Sequence[Action], planned: Mapping[str, str] | None, run: str, sink: Sink | None
) -> Outcome:
    """Carry actions out as stage 5 does; `planned`: the deals' fingerprints, for the drift check."""
    prints = planned or {}
    frame = as_frame([replace(a, fingerprint=prints.get(a.deal_id)) for a in actions])
    return write_frame(stand, frame, run, sink, None if planned is None else _reread(stand))


def write_frame(
    stand: Stand,
    actions: pl.DataFrame | pl.LazyFrame,
    run: str = "r1",
    sink: Sink | None = None,
    reread: Reread | None = None,
) -> Outcome:
    """Carry actions out, given as a plan holds them (columns ACTIONS): for more than should be objects in memory."""
    from recyclekit.stages import write_back as stage_5

    return stage_5.write_back(
        _run(run), actions, dead_letters(), sink=sink or stand.sink(), ledger=project(stand).ledger(), reread=reread,
        sleep=stand.waits.append, patience=_TRIES,
    )  # fmt: skip


def resume(stand: Stand, run: str) -> Outcome:
    """Take a run up again, with doors newly opened, as another process would."""
    from recyclekit.stages import write_back as stage_5

    return stage_5.resume(
        run, sink=stand.sink(), ledger=project(stand).ledger(), sleep=stand.waits.append, patience=_TRIES
    )


def failed_rows(stand: Stand, run: str) -> list[dict[str, Any]]:
    """Return what the ledger holds of the failed actions of a run: key, code, reason and more."""
    return project(stand).ledger().actions(run, [ReceiptState.FAILED]).rows(named=True)


def read_back(stand: Stand, deals: Collection[str], sink: ReadsBack | None, tables: Collection[Table]) -> Snapshot:
    """Return deals (and what belongs to them) as the drift check sees them."""
    from recyclekit.stages.normalize import normalize

    readings = stand.snapshot(*(t for t in tables if t is not Table.DEALS)).readings
    raw = (sink or stand.reads_back()).read_back(list(deals), {table: stand.columns(table) for table in tables})
    lazy = {table: frame.lazy() for table, frame in raw.items()}
    return normalize(Extracted(records=lazy), stand.mapped.declaring(readings), timezone=stand.opening.timezone)


def prints(snapshot: Snapshot) -> dict[str, str]:
    """Return deal id → fingerprint of what its decision rests on."""
    deals = snapshot.deals
    return dict(zip(deals["deal_id"].to_list(), fingerprint(deals).to_list(), strict=True))


def _reread(stand: Stand) -> Callable[[Sequence[str]], pl.DataFrame]:
    sink = stand.reads_back()

    def read(deals: Sequence[str]) -> pl.DataFrame:
        now = prints(read_back(stand, deals, sink, (Table.DEALS,)))
        columns = {"deal_id": list(now), "fingerprint": list(now.values())}
        return pl.DataFrame(columns, schema={"deal_id": pl.String, "fingerprint": pl.String})

    return read


def _run(run: str) -> Run:
    return Run(
        run=run, pipeline=PIPELINE, kind=RunKind.APPLY, state=RunState.RUNNING, as_of=date(2026, 11, 20), policy=None,
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip


def _folder(stand: Stand) -> Path:
    folder = stand.opening.folder / "kit"
    folder.mkdir(exist_ok=True)
    return folder

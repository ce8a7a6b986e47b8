"""A hundred thousand records through a storm, for each vendor: what is lost, doubled or falsely done; calls, memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from recyclekit.testing.factories import as_frame
from tests.benchmarks.figure import Figure
from tests.benchmarks.measured import Cost, cost
from tests.chaos.storm import VENDORS, Vendor, brewed, written

MANY, FEW = 100_000, 10_000
SEED = 20261122
SILENCE = 3.0
"""Seconds until a client gives up: longer than any answer takes here, so that only faults are silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passed:
    """A run: what it took and said, the deals that had to be refused, and what stands in the system."""

    cost: Cost
    calls: int
    struck: int
    deals: frozenset[str]
    poisoned: frozenset[str]
    bare: frozenset[str]
    tasks: dict[str, int]
    keys: dict[str, str]

    @property
    def said(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.cost.answer
        return answer

    @property
    def lost(self) -> int:
        """Writes that came to no end."""
        said = self.said
        return int(said["records"] - said["applied"] - said["failed"])

    @property
    def falsely_done(self) -> int:
        """Deals that are not said to have failed, and whose fields or task do not stand there."""
        good = self.deals - set(self.said["refused"])
        return len(self.bare & good) + sum(self.keys[deal] not in self.tasks for deal in good)

    @property
    def wrongly_set_aside(self) -> int:
        """Deals set aside that are fit, or poisoned ones that are not; or without code and field."""
        refused = self.said["refused"]
        unnamed = {deal for deal, (code, field) in refused.items() if not (code and field)}
        return len((set(refused) ^ self.poisoned) | unnamed)


def measure() -> Iterator[Figure]:
    for vendor in VENDORS:
        few, many = (_passed(vendor, records, storm=True) for records in (FEW, MANY))
        clear = _passed(vendor, MANY, storm=False)
        told = f"{MANY:,} records, {many.struck / many.calls:.0%} of {many.calls:,} calls struck, seed {SEED}"
        yield Figure(name=f"{vendor}: lost", value=many.lost, unit="writes", bar=0, note=told)
        yield Figure(name=f"{vendor}: falsely done", value=many.falsely_done, unit="deals", bar=0)
        doubled = sum(count > 1 for count in many.tasks.values())
        yield Figure(name=f"{vendor}: doubled", value=doubled, unit="tasks", bar=0)
        note = f"{len(many.poisoned)} are poisoned; each must be named with code and field"
        yield Figure(name=f"{vendor}: wrongly set aside", value=many.wrongly_set_aside, unit="deals", bar=0, note=note)
        note = f"{clear.calls:,} calls under a clear sky"
        yield Figure(name=f"{vendor}: calls / a clear sky", value=many.calls / clear.calls, bar=1.5, note=note)
        peaks = few.cost.peak, many.cost.peak
        note = f"{peaks[0]:.0f} MB with {FEW:,} records, {peaks[1]:.0f} MB with {MANY:,}"
        yield Figure(name=f"{vendor}: peak memory", value=peaks[1] / peaks[0], bar=1.2, note=note)


def _passed(vendor: str, records: int, *, storm: bool) -> _Passed:
    with tempfile.TemporaryDirectory() as folder, VENDORS[vendor](records // 2, SEED, SILENCE) as there:
        poisoned = brewed(vendor, there, records, SEED) if storm else frozenset[str]()
        told = Path(folder) / "given.json"
        _plan(list(there.deals), there.owner).write_parquet(Path(folder) / "plan.actions.parquet")
        told.write_text(json.dumps(_given(there, folder)), encoding="utf-8")
        before = len(there.crm.journal)
        took = cost("tests.benchmarks.storm_case", vendor, told)
        there.crm.faults.clear()
        calls = list(there.crm.journal)[before:]
        return _Passed(
            cost=took, calls=len(calls), struck=sum(bool(call.fault) for call in calls), deals=frozenset(there.deals),
            poisoned=poisoned, bare=there.bare(), tasks=dict(there.tasks()),
            keys={deal: written(deal, there.owner)[1].key for deal in there.deals},
        )  # fmt: skip


def _given(there: Vendor, folder: str) -> dict[str, Any]:
    settings = {
        name: value if isinstance(value, int | float | str | None) else str(value)
        for name, value in there.settings.items()
    }
    return {
        "settings": settings, "owner": there.owner, "folder": folder, "plan": str(Path(folder) / "plan.actions.parquet")
    }  # fmt: skip


def _plan(deals: list[str], owner: str) -> pl.DataFrame:
    """Return the writes of all deals as a plan holds them, made from those of one."""
    example = as_frame(written("DEAL", owner))
    ids = pl.DataFrame({"deal_id": deals})
    frame = ids.join(example.drop("deal_id"), how="cross", maintain_order="left_right")
    named = frame.with_columns(pl.col("key").str.replace("DEAL", pl.col("deal_id"), literal=True))
    return named.select(example.columns)

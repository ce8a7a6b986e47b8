"""The same work done slice by slice, in memory: what the stages give must not depend on how deals are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from recyclekit.models.snapshot import Snapshot, SnapshotInSlices
from recyclekit.stages.classify import Classified
from recyclekit.stages.schedule import Scheduled

SUMS = ("by_status", "by_reason", "by_verdict", "by_rule", "by_track", "by_bucket", "by_kind", "changes")


def cut(frame: pl.DataFrame, size: int) -> Sequence[pl.LazyFrame]:
    """Return a frame in slices of so many rows; one of none where there are none."""
    return [frame.slice(at, size).lazy() for at in range(0, max(frame.height, 1), size)]


def in_slices(snapshot: Snapshot, size: int) -> SnapshotInSlices:
    """Return a snapshot whose deals come in slices."""
    return SnapshotInSlices(replace(snapshot, deals=snapshot.deals.clear()), cut(snapshot.deals, size))


def assert_same_decisions(whole: Classified, sliced: Classified) -> None:
    """Compare two results of stage 3."""
    assert_frame_equal(whole.decisions, sliced.decisions, categorical_as_str=True)
    assert_frame_equal(whole.unmapped, sliced.unmapped)
    assert whole.findings == sliced.findings


def assert_same_plan(whole: Scheduled, sliced: Scheduled) -> None:
    """Compare two results of stage 4: the writes in their order, too."""
    assert_frame_equal(whole.decisions, sliced.decisions, categorical_as_str=True)
    assert_frame_equal(whole.actions, sliced.actions)
    assert_frame_equal(whole.ended_cycles, sliced.ended_cycles)
    assert_frame_equal(whole.handed_back, sliced.handed_back)
    assert whole.guards == sliced.guards
    for name in SUMS:
        one: Any = getattr(whole, name)
        # The order of their entries is what a person reads.
        assert list(one.items()) == list(getattr(sliced, name).items()), name

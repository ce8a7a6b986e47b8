"""A whole job in slices: the demo is planned the same as all at once, before and after its plan is written."""

from __future__ import annotations

import gc
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from recyclekit.connectors.csv.opened import temporary_file
from recyclekit.models.plan import Plan, PlanInFiles
from recyclekit.pipeline import Job
from recyclekit.plans import plan_file
from recyclekit.project import open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project

AS_OF = date(2026, 11, 22)


def demo(folder: Path, deals: int) -> Path:
    """Write the demo's company with so many deals."""
    sample = generate(folder, deals=deals, as_of=AS_OF)
    (folder / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    return folder


def job(folder: Path, as_of: date = AS_OF, size: int | None = None) -> Job:
    """Return a job that takes the deals `size` by `size`; all at once without."""
    made = replace(open_project(folder).job(None, as_of), run="r20261122-000000-0001")
    return made if size is None else replace(made, in_memory=0, at_once=size)


def assert_same(whole: Plan, sliced: Plan) -> None:
    assert isinstance(sliced, PlanInFiles)
    assert not isinstance(whole, PlanInFiles)
    assert_frame_equal(whole.decisions, sliced.decisions, categorical_as_str=True)
    assert_frame_equal(whole.actions, sliced.actions)
    assert_frame_equal(whole.dead_letters, sliced.dead_letters)
    assert_frame_equal(whole.ended_cycles, sliced.ended_cycles)
    assert_frame_equal(whole.unmapped, sliced.unmapped)
    assert whole.findings == sliced.findings
    assert whole.writes == sliced.writes
    told = [plan.manifest.model_dump_json(exclude={"made_at"}) for plan in (whole, sliced)]
    assert told[0] == told[1]


@pytest.mark.parametrize("size", [199, 5_000])
def test_the_demo_is_planned_the_same_in_slices(tmp_path: Path, size: int) -> None:
    folder = demo(tmp_path, 600)
    assert_same(job(folder).plan(), job(folder, size=size).plan())


def test_deals_taken_one_by_one_are_planned_the_same(tmp_path: Path) -> None:
    folder = demo(tmp_path, 25)
    assert_same(job(folder).plan(), job(folder, size=1).plan())


def test_what_was_written_is_followed_up_the_same_in_slices(tmp_path: Path) -> None:
    folder = demo(tmp_path, 300)
    outcome = job(folder, size=70).write_back(job(folder, size=70).plan())
    assert outcome.applied == outcome.planned > 0
    again, later = AS_OF, AS_OF + timedelta(days=45)
    for day in (again, later):
        assert_same(job(folder, day).plan(), job(folder, day, size=70).plan())
    assert job(folder, again, size=70).plan().writes == 0
    assert job(folder, later, size=70).plan().writes > 0


def test_a_plan_in_files_outlives_its_job_and_is_saved_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, scratch = demo(tmp_path / "demo", 200), tmp_path / "tmp"
    scratch.mkdir()
    temporary_file()  # lies in a folder of the process, which is made once, and here is not to be among the job's
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    whole, sliced = job(folder).plan(), job(folder, size=50).plan()
    kept = plan_file.kept(tmp_path, plan_file.keep(sliced, tmp_path).stem)
    assert_frame_equal(kept.actions, whole.actions)
    assert_frame_equal(kept.decisions, whole.decisions, categorical_as_str=True)
    assert sliced.scan_decisions().select(pl.len()).collect().item() == whole.decisions.height
    assert list(scratch.iterdir())
    del sliced
    gc.collect()  # a job and what it opened know one another
    assert not list(scratch.iterdir())

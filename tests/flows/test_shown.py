"""What a flow run shows must not decide how it ends."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from prefect.logging import disable_run_logger

from recyclekit.project import open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from recyclekit_flows.shown import report_path, write_report
from tests.reports.plans import small_plan

AS_OF = date(2026, 11, 20)


def test_a_report_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    sample = generate(tmp_path, deals=20, as_of=AS_OF)
    (tmp_path / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    job, plan = open_project(tmp_path).job(as_of=AS_OF), small_plan()

    with disable_run_logger():
        assert str(report_path(job.state, plan.manifest.run)) in write_report(job, plan, None)
        folder = report_path(job.state, plan.manifest.run).parent
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        folder.write_text("in the way", encoding="utf-8")
        assert write_report(job, plan, None) == ""

"""What a run's plan had set aside is known wherever the run ends, not only where its plan lies."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from recyclekit.cli.outcome import set_aside_by
from recyclekit.plans import plan_file
from recyclekit.project import open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project

AS_OF = date(2026, 11, 20)


def test_what_was_set_aside_is_known_without_the_plan_that_another_machine_keeps(tmp_path: Path) -> None:
    sample = generate(tmp_path, deals=40, as_of=AS_OF, bad_rows=3)
    (tmp_path / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    project = open_project(tmp_path)
    job = project.job(as_of=AS_OF)
    plan = job.plan()
    plan_file.keep(plan, project.state)
    run = job.write_back(plan).run

    assert set_aside_by(project, run) == 3
    shutil.rmtree(project.state)
    assert set_aside_by(project, run) == 3

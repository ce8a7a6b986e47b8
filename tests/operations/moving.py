"""A sample company in whose cycles buyers move: what is handed back to sales."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project

AS_OF = date(2026, 11, 20)
MOVED_ON = date(2026, 11, 18)


def company_whose_buyers_move(folder: Path) -> Project:
    """A company with stalled deals in running cycles, to three of which their buyers have answered since."""
    sample = generate(folder, deals=100, seed=7, as_of=AS_OF)
    text = demo_project(sample).replace("  main: {source", "  moving: {source")  # so that others may deploy `main`
    (folder / "recyclekit.yaml").write_text(text, encoding="utf-8")
    project = open_project(folder)
    job = project.job("moving", AS_OF - timedelta(days=8))
    plan = job.plan()
    job.write_back(plan, approve_guards=True)
    stalled = plan.decisions.filter((pl.col("status") == "stalled") & (pl.col("bucket") == "scheduled"))
    with (folder / "activities.csv").open("a", encoding="utf-8") as file:
        for deal in stalled["deal_id"].head(3):
            file.write(f"answer-{deal},{deal},,メール,{MOVED_ON} 09:00,,false,,true,\n")
    return open_project(folder)

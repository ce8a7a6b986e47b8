"""What may be written now: a run is taken up, or back, by its own pipeline, since only that one has its doors."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from recyclekit.cli.commands.retry import retry
from recyclekit.cli.commands.undo import undo
from recyclekit.cli.options import Where
from recyclekit.errors import ConfigError, ExitCode, ProjectError, UnknownRunError
from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project

AS_OF = date(2026, 11, 20)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two pipelines of one project and ledger; the second is on a system of its own with the same deals."""
    sample = generate(tmp_path, deals=40, seed=7, as_of=AS_OF)
    generate(tmp_path / "branch", deals=40, seed=7, as_of=AS_OF)
    head, body = demo_project(sample).split("connections:\n", 1)
    crm, rest = body.split("pipelines:\n", 1)
    branch = re.sub(r"(\w+): (\w+\.csv)", r"\1: branch/\2", crm.replace("  crm:\n", "  branch:\n", 1))
    text = f"{head}connections:\n{crm}{branch}pipelines:\n  branch: {{source: branch}}\n{rest}"
    (tmp_path / "recyclekit.yaml").write_text(text, encoding="utf-8")
    return open_project(tmp_path)


def test_a_run_says_itself_of_which_pipeline_it_is(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    job = project.job("branch", AS_OF)
    run = job.write_back(job.plan()).run
    here = Where(project=project.folder)
    assert retry(run[:-2], where=here, as_json=True) == ExitCode.SET_ASIDE, "the sample has records that cannot be read"
    assert undo(run[:-2], where=here, yes=True, as_json=True) == ExitCode.DONE
    assert json.loads("[" + capsys.readouterr().out.replace("}\n{", "},{") + "]")[1]["applied"] > 0
    with pytest.raises(UnknownRunError, match="no run 'r0'"):
        undo("r0", where=here, yes=True)
    with pytest.raises(ProjectError, match="more than one pipeline"):
        retry(where=here)


def test_no_other_pipeline_takes_a_run_up_or_back(project: Project) -> None:
    ours, other = project.job("main", AS_OF), project.job("branch", AS_OF)
    run = ours.write_back(ours.plan()).run

    for take in (other.resume, other.undo):
        with pytest.raises(ConfigError, match=r"of pipeline main, not of branch.*--pipeline main"):
            take(run)

    assert not (project.folder / "branch" / "deals.recyclekit").exists(), "nothing was written over there"
    assert project.job("main", AS_OF).undo(run).applied > 0, "its own pipeline can still take it back"

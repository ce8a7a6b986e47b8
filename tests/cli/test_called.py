"""What a command advises next works as it stands: with the project it was called with, and unbroken."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path

import pytest

from recyclekit import cli
from recyclekit.cli.called import at_hand, likewise, remember
from recyclekit.cli.commands.deploy import left_out
from recyclekit.cli.render_parts import next_step, particulars
from recyclekit.cli.terminal import show
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project

AS_OF = date(2026, 11, 20)
FLOW_RUN = "60f19b05-fba4-4f8f-b6f1-05c1f5bd2a1c"


def shown(view: object) -> list[str]:
    """Return what a terminal of 80 columns gets to see of it."""
    with redirect_stdout(io.StringIO()) as out, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        show(view)  # type: ignore[arg-type]
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("project", "pipeline", "said"),
    [
        (Path(), None, "recyclekit retry r1"),
        (Path("berlin office"), None, "recyclekit retry r1 --project 'berlin office'"),
        (Path("/srv/crm"), "east", "recyclekit retry r1 --project /srv/crm --pipeline east"),
    ],
)
def test_what_is_advised_names_the_project_and_pipeline_that_were_named(
    project: Path, pipeline: str | None, said: str
) -> None:
    with at_hand():
        remember(project, pipeline)
        assert likewise("recyclekit retry r1") == said
        assert said in " ".join(shown(next_step("recyclekit retry r1", "sends only what is not done")))


def test_a_project_that_is_opened_outside_of_a_command_is_named_in_none() -> None:
    remember(Path("/srv/crm"), "east")
    assert likewise("recyclekit retry r1") == "recyclekit retry r1"


def test_a_command_or_an_address_is_longer_than_the_terminal_rather_than_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PREFECT_UI_URL", "https://prefect.an-office-in-osaka.example.org")
    page = f"https://prefect.an-office-in-osaka.example.org/runs/flow-run/{FLOW_RUN}"
    assert f"  flow run  {page}" in shown(particulars({"as of": "2026-11-20"}, FLOW_RUN))
    command = f"recyclekit retry r20261122-060000-1a2b --only {'D' * 60}"
    assert shown(next_step(command, "sends it again")) == [f"Next: {command}", "      sends it again"]


def test_a_plan_of_a_project_elsewhere_says_how_to_apply_it_from_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "company"
    folder.mkdir()
    sample = generate(folder, deals=50, seed=7, as_of=AS_OF, bad_rows=0)
    (folder / "recyclekit.yaml").write_text(demo_project(sample), encoding="utf-8")
    assert cli.run(["runs", "--project", str(folder)]) == 0
    assert f"recyclekit plan --out plan.json --project {folder}" in capsys.readouterr().err.replace("\n", "")
    out = tmp_path / "plan.json"
    assert cli.run(["plan", "--out", str(out), "--as-of", str(AS_OF), "--project", str(folder)]) == 0
    assert f"Next: recyclekit apply {out} --project {folder}" in capsys.readouterr().out.replace("\n", "")
    assert likewise("recyclekit plan") == "recyclekit plan", "the next command begins anew"


def test_what_deploying_left_out_for_one_reason_is_told_once() -> None:
    why = "the block x is not on the server"
    assert list(left_out({("automation", why): ["a"]})) == [f"  skipped automation  a: {why}"]
    several = list(left_out({("automation", why): ["a", "b: c"], ("pipeline", "it is off"): ["main"]}))
    assert several == [f"  skipped automation  2 of them: {why} (a; b: c)", "  skipped pipeline    main: it is off"]

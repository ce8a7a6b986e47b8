"""`recyclekit demo`: the whole main job on sample data, with nothing to configure."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from recyclekit.cli.options import AsOf, Json, business_date

if TYPE_CHECKING:
    from recyclekit.models.plan import Plan
    from recyclekit.models.run import Outcome
    from recyclekit.project import Project

_MARK = "recyclekit.yaml"


def demo(
    folder: Path = Path("recyclekit-demo"),
    *,
    deals: Annotated[int, Parameter(help="How many deals to invent.")] = 2400,
    seed: Annotated[int, Parameter(help="Same seed, same deals.")] = 20261122,
    as_of: AsOf = None,
    prefect: Annotated[
        bool, Parameter(negative=(), help="Run it as the Prefect flow, on a server of its own.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Invent a company's deals, plan, apply and report, to look around in. Touches nothing but its own folder.

    Args:
        folder: Where the demo project goes; what an earlier demo left there is replaced.

    Examples:
        recyclekit demo
    """
    from recyclekit.cli.outcome import as_document
    from recyclekit.cli.terminal import emit, say, show
    from recyclekit.errors import ExitCode
    from recyclekit.models.run import exit_code
    from recyclekit.reports.html import write_report

    project = _prepare(folder, deals, seed, business_date(as_of))
    made, outcome = _with_prefect(project, as_of) if prefect else _without(project, as_of, quiet=as_json)
    report = folder / "report.html"
    write_report(report, made, policy=project.policy(made.manifest.pipeline), outcome=outcome)
    code = exit_code(outcome, set_aside=made.manifest.dead_letters)
    if as_json:
        emit({"plan": made.manifest.model_dump(mode="json"), "outcome": as_document(outcome), "report": report})
    else:
        from recyclekit.cli.render import outcome_view, plan_view

        show(plan_view(made))
        show(outcome_view(outcome))
        say(f"\nReport:  {report.resolve()}")
        say(f"Project: {folder.resolve()}")
        say(f"\nNext:    cd {folder}")
        say("         recyclekit runs")
        say(f"         recyclekit explain {_telling_deal(made)}")
        say(f"         recyclekit undo {outcome.run}")
    # A few faulty rows are part of the demo: they must not make `make demo` look broken.
    return ExitCode.DONE if code is ExitCode.SET_ASIDE else code


def _prepare(folder: Path, deals: int, seed: int, as_of: object) -> Project:
    from datetime import date
    from zoneinfo import ZoneInfo

    from recyclekit import clock
    from recyclekit.cli.stopping import writes_from_here
    from recyclekit.errors import ConfigError
    from recyclekit.project import open_project
    from recyclekit.samples.generator import generate
    from recyclekit.samples.template import demo_project

    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise ConfigError(f"{folder.resolve()} is not empty, and no demo.", fix="Name another folder.")
    writes_from_here()
    _sweep(folder)
    day = as_of if isinstance(as_of, date) else clock.today(ZoneInfo("Asia/Tokyo"))
    sample = generate(folder, deals=deals, seed=seed, as_of=day)
    (folder / _MARK).write_text(demo_project(sample), encoding="utf-8")
    return open_project(folder)


def _sweep(folder: Path) -> None:
    import shutil

    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (folder / name).unlink(missing_ok=True)
    for name in ("deals.recyclekit", ".recyclekit"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _without(project: Project, as_of: str | None, *, quiet: bool) -> tuple[Plan, Outcome]:
    from recyclekit.cli.progress import listening
    from recyclekit.plans import plan_file

    with listening(quiet=quiet) as listen:
        job = project.job(None, business_date(as_of), listen)
        made = job.plan()
        plan_file.keep(made, project.state)
        return made, job.write_back(made)


def _with_prefect(project: Project, as_of: str | None) -> tuple[Plan, Outcome]:
    from recyclekit.cli.terminal import say
    from recyclekit.plans import plan_file

    say("Starting Prefect's own temporary server for this run (10 to 20 seconds) …")
    # By name, so that nothing of this package imports Prefect: the flows are a room of their own.
    flows = importlib.import_module("recyclekit_flows.recycle")
    outcome = flows.run_recycle(project.folder.resolve(), None, business_date(as_of))
    return plan_file.kept(project.state, outcome.run), outcome


def _telling_deal(made: Plan) -> str:
    import polars as pl

    recycled = made.decisions.filter(pl.col("status") == "stalled")["deal_id"]
    return str(recycled[0]) if len(recycled) else str(made.decisions["deal_id"][0])

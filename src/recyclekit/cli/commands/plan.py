"""`recyclekit plan`: read, decide, and show every intended write, without writing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from recyclekit.cli.options import AsOf, Json, Where, business_date


def plan(
    *,
    where: Where = Where(),
    as_of: AsOf = None,
    out: Annotated[Path | None, Parameter(help="Save the plan here, for `recyclekit apply`.")] = None,
    decisions: Annotated[Path | None, Parameter(help="Save one row per deal: .csv, .parquet or .jsonl.")] = None,
    detailed_exitcode: Annotated[bool, Parameter(negative=(), help="End with 3 where changes are pending.")] = False,
    as_json: Json = False,
) -> int:
    """Show what would be written, deal by deal, and save it for `apply`. Writes nothing to any CRM.

    Examples:
        recyclekit plan --out plan.json
        recyclekit plan --as-of 2026-12-01 --decisions decisions.csv
    """
    from recyclekit.cli.progress import listening
    from recyclekit.cli.terminal import emit, say, show
    from recyclekit.errors import ExitCode
    from recyclekit.plans import plan_file

    with listening(quiet=as_json) as listen:
        job = where.open().job(where.pipeline, business_date(as_of), listen)
        made = job.plan()
        kept = plan_file.keep(made, job.state)
    if out is not None:
        plan_file.save(made, out)
    if decisions is not None:
        plan_file.save_decisions(made.decisions, decisions)
    if as_json:
        tables = {"handed_back": made.handed_back.to_dicts(), "unfinished": made.unfinished.to_dicts()}
        emit({**made.manifest.model_dump(mode="json"), **tables})
    else:
        from recyclekit.cli.render import plan_view

        show(plan_view(made, apply_with=out or kept))
    for path in (out, decisions):
        if path is not None and not as_json:
            say(f"Saved {path}")
    if detailed_exitcode and made.writes:
        return ExitCode.PENDING
    return ExitCode.SET_ASIDE if made.manifest.dead_letters else ExitCode.DONE

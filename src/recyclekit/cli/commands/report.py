"""`recyclekit report`: a run as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from recyclekit.cli.options import AsOf, Json, Where, business_date


def report(
    *,
    where: Where = Where(),
    as_of: AsOf = None,
    out: Annotated[Path, Parameter(help="The page to write.")] = Path("report.html"),
    as_json: Json = False,
) -> int:
    """Write what a plan made now would do as one HTML page, which needs no network to be read."""
    from recyclekit.cli.progress import listening
    from recyclekit.cli.terminal import emit, say
    from recyclekit.reports.html import write_report

    with listening(quiet=as_json) as listen:
        job = where.open().job(where.pipeline, business_date(as_of), listen)
        made = job.plan()
    write_report(out, made, policy=job.policy)
    if as_json:
        emit({"report": out, "as_of": made.manifest.as_of, "policy": made.manifest.policy})
    else:
        say(f"Wrote {out}")
    return 0

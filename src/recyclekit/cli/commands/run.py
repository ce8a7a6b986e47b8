"""`recyclekit run`: plan and apply in one go, as the Prefect flow."""

from __future__ import annotations

import importlib
from typing import Annotated

from cyclopts import Parameter

from recyclekit.cli.options import AsOf, Json, Where, business_date


def run(
    *,
    where: Where = Where(),
    as_of: AsOf = None,
    limit: Annotated[int | None, Parameter(help="Write at most so many deals, the first of the plan.")] = None,
    as_json: Json = False,
) -> int:
    """Plan and apply as the Prefect flow, so that the run shows in Prefect's history.

    Uses the server that PREFECT_API_URL names, or else starts a temporary one. Where the pipeline asks for approval, or
    a guard stops the plan, it ends with exit code 9 and the plan waits: `recyclekit apply RUN`.
    """
    from recyclekit.cli.outcome import report_outcome, set_aside_by
    from recyclekit.cli.stopping import writes_from_here

    project = where.open()
    name = project.pipeline_name(where.pipeline)
    # By name, so that nothing of this package imports Prefect: the flows are a room of their own.
    flows = importlib.import_module("recyclekit_flows.recycle")
    writes_from_here()
    outcome = flows.run_recycle(project.folder.resolve(), name, business_date(as_of), limit=limit)
    return report_outcome(outcome, as_json=as_json, set_aside=set_aside_by(project, outcome.run))

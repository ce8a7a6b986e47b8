"""`recyclekit check`: what stands in the way of a run, and what to do about each finding."""

from __future__ import annotations

from recyclekit.cli.options import AsOf, Json, Where, business_date


def check(*, where: Where = Where(), as_of: AsOf = None, as_json: Json = False) -> int:
    """Check the project file, the policy, the connections, the field map, stages and reasons. Changes nothing.

    Wrong columns are named with the nearest right one; unmapped stages and reasons with their deals and money.
    """
    from recyclekit.cli.findings import report_findings
    from recyclekit.preflight import preflight

    return report_findings(preflight(where.open(), where.pipeline, business_date(as_of)), as_json=as_json)

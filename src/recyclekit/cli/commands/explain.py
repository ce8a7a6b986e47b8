"""`recyclekit explain`: why this deal was decided so, why not otherwise, and when that changes."""

from __future__ import annotations

from recyclekit.cli.options import AsOf, Json, Where, business_date


def explain(deal: str, *, where: Where = Where(), as_of: AsOf = None, as_json: Json = False) -> int:
    """Show every rule with the inputs that it saw, which fired, why not the others, and when the answer would flip.

    Args:
        deal: The deal's id in the CRM.
    """
    from recyclekit.asking import explain as explain_deal
    from recyclekit.cli.terminal import emit, show

    trace = explain_deal(where.open().job(where.pipeline, business_date(as_of)), deal)
    if as_json:
        emit(trace)
    else:
        from recyclekit.cli.render import trace_view

        show(trace_view(trace))
    return 0

"""From frozen facts to something that a terminal shows: one pure function per thing, gathered here by name."""

from __future__ import annotations

from recyclekit.cli.render_lists import connectors_view, dead_letters_view, findings_view, policy_view
from recyclekit.cli.render_plan import plan_view
from recyclekit.cli.render_run import outcome_view, run_view, runs_view
from recyclekit.cli.render_trace import trace_view

__all__ = [
    "connectors_view",
    "dead_letters_view",
    "findings_view",
    "outcome_view",
    "plan_view",
    "policy_view",
    "run_view",
    "runs_view",
    "trace_view",
]

"""Questions about deals as they are now: why this one, and what a policy's rules see of all. Plans nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from recyclekit.pipeline import Job
from recyclekit.policy.gather import facts

if TYPE_CHECKING:
    from recyclekit.policy.loader import Policy
    from recyclekit.reports.trace import Trace

_NEXT = ("bucket", "step", "next_approach_on", "owner", "channel", "hook", "note")


def explain(job: Job, deal: str) -> Trace:
    """Return why a deal is decided as it is, why not otherwise, when that changes, and what comes next."""
    from recyclekit.reports.trace import trace

    snapshot = job.normalize(job.extract()).in_memory()
    found = trace(
        deal,
        snapshot,
        job.policy,
        job.recall(job.as_of),
        as_of=job.as_of,
        timezone=job.timezone,
        reasons=job.mapped.reasons,
    )
    plan, this = job.schedule(snapshot, job.classify(snapshot)), pl.col("deal_id") == deal
    return replace(
        found,
        touch=plan.decisions.filter(this).select(_NEXT).row(0, named=True),
        handed_back=next(plan.handed_back.filter(this).iter_rows(named=True), None),
        was_handed_back=tuple(job.open_ledger().hand_backs_of(job.pipeline, deal)),
    )


def seen_by(policy: Policy, job: Job) -> pl.DataFrame:
    """Return what the rules of a policy (the job's own or another) see of its deals: FACTS, a row for each deal."""
    job = replace(job, policy=policy)
    snapshot = job.normalize(job.extract()).in_memory()
    seen = facts(
        snapshot, policy, job.recall(job.as_of), as_of=job.as_of, timezone=job.timezone, reasons=job.mapped.reasons
    )
    return seen.frame

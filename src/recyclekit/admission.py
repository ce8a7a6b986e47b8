"""Whether a plan may be written now: the same policy, no guard tripped, not written and taken back already."""

from __future__ import annotations

import hashlib

import polars as pl

from recyclekit.errors import GuardError, StalePlanError
from recyclekit.ledger.protocol import LedgerReader
from recyclekit.models.plan import Manifest, PolicyStamp

_LOOK_BACK = 1_000  # runs of a pipeline among which an undo is looked for


def admit(manifest: Manifest, today: PolicyStamp, *, approve_guards: bool = False) -> None:
    """Let a plan pass that was made under today's policy and trips no guard that nobody approved.

    Raises:
        StalePlanError: the policy has changed since.
        GuardError: the plan trips a change guard.
    """
    if manifest.policy.hash != today.hash:
        raise StalePlanError(
            f"The plan was made under policy {_named(manifest.policy)}; now it is {_named(today)}.",
            why="What is written must be what the policy says today.",
            fix="Make a new plan: recyclekit plan --out plan.json",
        )
    if manifest.guards and not approve_guards:
        raise GuardError(
            f"The policy's change guard stops this plan: {'; '.join(manifest.guards)}.",
            why="A run that would change this much is more often a mistake than a wish.",
            fix="Look at the plan. If it is right, raise `guards` in the policy and plan again.",
        )


def refuse_undone(ledger: LedgerReader, pipeline: str, run: str) -> None:
    """Stop a plan that was written and taken back: its keys are spent, so writing it again would do nothing.

    Raises:
        StalePlanError: an undo of this run is in the ledger.
    """
    undo = next((known for known in ledger.runs(pipeline, _LOOK_BACK) if known.of_run == run), None)
    if undo is not None:
        raise StalePlanError(
            f"The plan of run {run} was written, and taken back by {undo.run}.",
            why="A plan is written once.",
            fix="Make a new plan: recyclekit plan --out plan.json",
        )


def digest(actions: pl.DataFrame) -> str:
    """Return a hash that ties a run in the ledger to the actions of its plan."""
    text = actions.select(pl.concat_str(pl.col("key", "kind", "payload"), separator="\x1f")).to_series()
    return hashlib.sha256("\x1e".join(text.to_list()).encode()).hexdigest()


def _named(stamp: PolicyStamp) -> str:
    return f"{stamp.name} {stamp.version} ({stamp.hash[:8]})"

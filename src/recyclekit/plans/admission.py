"""Whether a plan may be written now (same policy, no guard, within the sink, not undone), and the run it becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from recyclekit import clock
from recyclekit.errors import ConfigError, GuardError, QuotaError, StalePlanError
from recyclekit.ledger.protocol import LedgerReader
from recyclekit.models.plan import ActionKind, Manifest, Plan, PolicyStamp
from recyclekit.models.run import Run, RunKind, RunState
from recyclekit.models.shelf import in_pieces

if TYPE_CHECKING:
    from recyclekit.connectors.protocols import Sink

_AT_ONCE = 10_000  # actions whose text is in memory while a plan is sealed


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
            fix="Look at the plan. If it is right, `recyclekit run` or the deployment: their plan waits for approval. "
            "Is the limit too low for good, raise `guards` in the policy and plan again.",
        )


def refuse_undone(ledger: LedgerReader, run: str) -> None:
    """Stop a plan that was written and taken back: its keys are spent, so writing it again would do nothing.

    Raises:
        StalePlanError: an undo of this run is in the ledger.
    """
    for undo in ledger.undos(run):
        raise StalePlanError(
            f"The plan of run {run} was written, and taken back by {undo.run}.",
            why="A plan is written once.",
            fix="Make a new plan: recyclekit plan --out plan.json",
        )


def refuse_foreign(run: Run, pipeline: str) -> None:
    """Stop what is about another pipeline's run: this one's doors lead to other systems, where its deals are not.

    Raises:
        ConfigError: the run is of another pipeline, which is named.
    """
    if run.pipeline != pipeline:
        raise ConfigError(
            f"Run {run.run} is of pipeline {run.pipeline}, not of {pipeline}.",
            why="Each pipeline has connections of its own.",
            fix=f"Name the run's own: --pipeline {run.pipeline}",
        )


def refuse_beyond_sink(sink: Sink, actions: pl.LazyFrame) -> None:
    """Stop a plan that the sink declares it cannot write, or that takes more calls than its system has left.

    Args:
        sink: the writing door; asks it for its quota, where it knows that.
        actions: columns ACTIONS.

    Raises:
        ConnectorError: a kind of action is beyond it (UnsupportedError: for ever).
        QuotaError: too few calls are left.
    """
    from recyclekit.connectors.abilities import refuse_incapable

    kinds = actions.group_by("kind").agg(pl.len(), pl.col("track").drop_nulls().unique().sort()).collect()
    found = {ActionKind(kind): (count, tracks) for kind, count, tracks in kinds.iter_rows()}
    refuse_incapable(sink, {kind: tracks for kind, (_, tracks) in found.items()})
    short = over_quota(sink, {kind: count for kind, (count, _) in found.items()})
    if short:
        raise QuotaError(
            f"This plan takes more calls than are left: {short}.",
            why="Nothing was written, so that the plan is not left half done.",
            fix="Apply it once the quota is renewed, or plan fewer deals at a time (the policy's `guards`).",
        )


def over_quota(sink: Sink, kinds: Mapping[ActionKind, int]) -> str:
    """Return where these numbers of actions would exceed a quota, in words; empty where they fit or nobody knows."""
    told = (
        f"{forecast:,} forecast, {left:,} left for {name}"
        for name, forecast, left in quotas(sink, kinds)
        if forecast > left
    )
    return "; ".join(told)


def quotas(sink: Sink, kinds: Mapping[ActionKind, int]) -> list[tuple[str, int, int]]:
    """Return (connector, calls that these numbers of actions take, calls left) for each system that knows its quota."""
    from recyclekit.connectors.doors import provider_of
    from recyclekit.connectors.protocols import KnowsQuota
    from recyclekit.connectors.routed import doors

    found = []
    for door, kinds_here in doors(sink):
        own = {kind: count for kind, count in kinds.items() if kind in kinds_here and count}
        left = door.calls_left() if isinstance(door, KnowsQuota) and own else None
        if left is not None:
            provider = provider_of(door)
            found.append((provider.connector if provider else "this system", door.calls(own), left))
    return found


def as_run(plan: Plan, pipeline: str, flow_run: str | None) -> Run:
    """Return the run that writes a plan, as the ledger is told of it: begun now, sealed by the plan's digest."""
    made = plan.manifest
    return Run(
        run=made.run, pipeline=pipeline, kind=RunKind.APPLY, state=RunState.RUNNING, as_of=made.as_of,
        policy=made.policy, started_at=clock.now(), plan_sha256=digest(plan.scan_actions()), flow_run=flow_run,
    )  # fmt: skip


def digest(actions: pl.DataFrame | pl.LazyFrame) -> str:
    """Return a hash that ties a run in the ledger to the actions of its plan."""
    seal, between = hashlib.sha256(), b""
    for piece in in_pieces(actions.lazy().select("key", "kind", "payload"), _AT_ONCE):
        text = piece.select(pl.concat_str(pl.all(), separator="\x1f")).to_series()
        seal.update(between + "\x1e".join(text.to_list()).encode())
        between = b"\x1e"
    return seal.hexdigest()


def _named(stamp: PolicyStamp) -> str:
    return f"{stamp.name} {stamp.version} ({stamp.hash[:8]})"

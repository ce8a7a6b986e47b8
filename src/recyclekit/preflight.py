"""What stands in the way of a run, found before it: project, policy, connections, field map, stages and reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl

from recyclekit.errors import InputError, RecyclekitError, RemoteError
from recyclekit.models.mapping import check_mapping
from recyclekit.models.plan import ActionKind
from recyclekit.models.snapshot import Finding, Snapshot
from recyclekit.pipeline import Job
from recyclekit.policy.check import check_policy
from recyclekit.project import Project

MOST = 20
"""How many values of one kind are listed; the rest is counted."""


def preflight(project: Project, pipeline: str | None = None, as_of: date | None = None) -> list[Finding]:
    """Return everything a person should know before the first plan; the worst comes first. Writes nothing.

    Raises:
        RecyclekitError: the project file itself, or the policy, cannot be read at all.
    """
    try:
        job = project.job(pipeline, as_of)
    except (InputError, RemoteError) as error:
        # What cannot be opened hides its own columns only; the rest is told all the same.
        policy = project.policy(project.pipeline_name(pipeline))
        shut = Finding(level="error", where="source", what=f"{error.what} {error.why}".strip(), fix=error.fix)
        return [shut, *_plugins(project), *(f for f in check_policy(policy) if f.level != "note")]
    found = [*_plugins(project), *_mapping(job), *_writing(job), *_roles(project, job), *_policy(job)]
    if not any(f.level == "error" for f in found):
        found += _data(job)
    return sorted(found, key=lambda f: ("error", "warning", "note").index(f.level))


def _plugins(project: Project) -> Iterator[Finding]:
    for plugin in project.registry.broken:
        what = f"The plugin {plugin.name} of {plugin.distribution} cannot be used: {plugin.reason}"
        yield Finding(level="warning", where="plugins", what=what, fix=f"Update or uninstall {plugin.distribution}.")


def _mapping(job: Job) -> Sequence[Finding]:
    source = job.open_source()
    return check_mapping(job.mapped, {table: source.columns(table) for table in source.tables()})


def _writing(job: Job) -> Iterator[Finding]:
    yield from job.open_sink().preflight([ActionKind.SET_FIELDS, ActionKind.CREATE_TASK, ActionKind.ENROL])
    try:
        job.recall(job.as_of)
    except RecyclekitError as error:
        yield Finding(level="error", where="ledger", what=f"{error.what} {error.why}".strip(), fix=error.fix)


def _policy(job: Job) -> Sequence[Finding]:
    # Which rule comes before which is for whoever writes the policy: `recyclekit policy check`.
    return [finding for finding in check_policy(job.policy) if finding.level != "note"]


def _roles(project: Project, job: Job) -> Iterator[Finding]:
    spec = job.policy.spec
    roles = {spec.owner_role, *(track.owner_role for track in spec.tracks.values() if track.owner_role)}
    for role in sorted(roles - set(project.spec.owners)):
        what = f"Nobody is named for the role {role}: its touches belong to '{role}' itself, without a daily limit."
        yield Finding(level="note", where="owners", what=what, fix=f"Name people under owners.{role}.")


def _data(job: Job) -> Iterator[Finding]:
    try:
        snapshot = job.normalize(job.extract())
    except RecyclekitError as error:
        yield Finding(level="error", where="data", what=f"{error.what} {error.why}".strip(), fix=error.fix)
        return
    yield from snapshot.findings
    yield from _set_aside(snapshot)
    yield from _stages(job, snapshot)
    yield from job.classify(snapshot).findings


def _set_aside(snapshot: Snapshot) -> Iterator[Finding]:
    letters = snapshot.dead_letters.group_by("table", "code").agg(pl.len(), pl.col("line", "reason").first())
    for table, code, count, line, reason in letters.sort("len", descending=True).head(MOST).iter_rows():
        where = f"{table}, line {line}" if line is not None else table
        what = f"{count:,} record(s) will be set aside ({code}). First: {reason}"
        yield Finding(level="warning", where=where, what=what, fix="Mend them in the system; the others go on.")


def _stages(job: Job, snapshot: Snapshot) -> Iterator[Finding]:
    deals = snapshot.deals
    closed = deals.filter(pl.col("crm_state") != "open").height
    if deals.height and not closed:
        what = f"None of {deals.height:,} deals is won or lost, so nothing can be recycled but what has stalled."
        yield Finding(level="error", where="stages", what=what, fix="Name the won and lost stages under `stages`.")
    if "deal_stage" not in deals.columns or job.mapped.stages.open is not None:
        return
    money = pl.col("amount").sum() if "amount" in deals.columns else pl.lit(0.0)
    known = [*job.mapped.stages.won, *job.mapped.stages.lost]
    unmapped = (
        deals.filter((pl.col("crm_state") == "open") & ~pl.col("deal_stage").is_in(known))
        .group_by("deal_stage")
        .agg(pl.len().alias("deals"), money.alias("money"))
        .sort("deals", descending=True)
    )
    for stage, count, amount in unmapped.head(MOST).iter_rows():
        what = f"The stage '{stage}' is taken for open: {count:,} deals, {amount or 0:,.0f} in money."
        fix = "Name it under `stages` if it is won or lost; `stages.open` lists those that are open."
        yield Finding(level="note", where="stages", what=what, fix=fix)

"""What stands in the way of a run, found before it: project, policy, connections, field map, stages and reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from recyclekit.connection import Connection
from recyclekit.connectors.abilities import shortfalls
from recyclekit.connectors.protocols import ReadsBack, SetsUp
from recyclekit.errors import InputError, RecyclekitError, RemoteError
from recyclekit.models.mapping import check_mapping
from recyclekit.models.parsing.choices import exact
from recyclekit.models.plan import ActionKind
from recyclekit.models.snapshot import Finding, Snapshot
from recyclekit.models.stage_words import sounds_closed, sounds_lost
from recyclekit.models.tables import Table
from recyclekit.models.wording import counted
from recyclekit.pipeline import Job
from recyclekit.plans.admission import quotas
from recyclekit.policy.check import check_policy
from recyclekit.policy.plannable import plannable
from recyclekit.project import Project
from recyclekit.yaml_file import did_you_mean

if TYPE_CHECKING:
    from recyclekit.stages.classify import Classified

_REASONS = "reasons"
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
        found += _data(project, job)
    return sorted(dict.fromkeys(found), key=lambda f: ("error", "warning", "note").index(f.level))


def _plugins(project: Project) -> Iterator[Finding]:
    for plugin in project.registry.broken:
        what = f"The plugin {plugin.name} of {plugin.distribution} cannot be used: {plugin.reason}"
        yield Finding(level="warning", where="plugins", what=what, fix=f"Update or uninstall {plugin.distribution}.")


def _mapping(job: Job) -> Sequence[Finding]:
    source = job.open_source()
    return check_mapping(job.mapped, {table: source.columns(table) for table in source.tables()})


def lacking(job: Job) -> Sequence[Finding]:
    """Return what the sink's system lacks for what the policy can plan, and what `set_up` would create."""
    sink = job.open_sink()
    return sink.missing(list(plannable(job.policy.spec))) if isinstance(sink, SetsUp) else ()


def set_up(job: Job) -> Sequence[Finding]:
    """Create what `lacking` lists; return a note on each thing made. Ask a person first."""
    sink = job.open_sink()
    return sink.set_up(list(plannable(job.policy.spec))) if isinstance(sink, SetsUp) else ()


def _writing(job: Job) -> Iterator[Finding]:
    """Ask only for the kinds of write that the policy can plan."""
    sink, kinds = job.open_sink(), plannable(job.policy.spec)
    yield from shortfalls(sink, kinds)
    said = list(sink.preflight(list(kinds)))
    yield from said
    for finding in lacking(job):
        if finding.what not in {one.what for one in said}:
            yield finding if finding.fix else replace(finding, fix="`recyclekit check --fix` creates it.")
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


def _data(project: Project, job: Job) -> Iterator[Finding]:
    try:
        snapshot = job.normalize(job.extract())
    except RecyclekitError as error:
        yield Finding(level="error", where="data", what=f"{error.what} {error.why}".strip(), fix=error.fix)
        return
    yield from snapshot.findings
    yield from _set_aside(snapshot)
    yield from _stages(job, snapshot)
    classified = job.classify(snapshot)
    yield from (finding for finding in classified.findings if finding.where != _REASONS)
    yield from _reasons(job, classified)
    nurture = project.nurture(job.pipeline)
    if nurture is not project.crm(job.pipeline) and ActionKind.ENROL in plannable(job.policy.spec):
        yield from _strangers(nurture, snapshot)
    yield from _forecast(job, snapshot, classified)


def _forecast(job: Job, snapshot: Snapshot, classified: Classified) -> Iterator[Finding]:
    """Tell what a plan made now would take of each quota that a system knows."""
    kinds = {ActionKind(kind): n for kind, n in job.schedule(snapshot, classified).manifest.actions.items()}
    for name, forecast, left in quotas(job.open_sink(), kinds):
        what = f"A plan made now takes about {counted(forecast, 'call')} of {name}; {left:,} are left."
        if forecast > left:
            yield Finding(level="error", where="quota", what=what, fix="Wait until the quota is renewed.")
        else:
            yield Finding(level="note", where="quota", what=what)


_ASKED = 5  # deals that a system must know one of


def _strangers(nurture: Connection, snapshot: Snapshot) -> Iterator[Finding]:
    """Say where a system that nurtures does not know our deals: an enrolment names the deal, nothing else."""
    where, sink = f"connections.{nurture.name}", nurture.sink
    deals = snapshot.deals["deal_id"].head(_ASKED).to_list()
    if not isinstance(sink, ReadsBack):
        what = "It cannot be asked whether it knows the deals that are to be enrolled."
        yield Finding(level="warning", where=where, what=what, fix="Look there for one of them by its id.")
        return
    spec = nurture.mapped.fields.get(Table.DEALS, {}).get("deal_id")
    column = spec.column if spec is not None else None
    found = sink.read_back(deals, {Table.DEALS: [column]}).get(Table.DEALS) if column else None
    if deals and (found is None or found.is_empty()):
        what = f"It knows none of the deals {', '.join(deals)}, so nobody could be enrolled: enrolments name the deal."
        fix = "Enrol in a system that holds these deals under the same ids, or take `nurture` out of the pipeline."
        yield Finding(level="error", where=where, what=what, fix=fix)


def _set_aside(snapshot: Snapshot) -> Iterator[Finding]:
    letters = snapshot.dead_letters.group_by("table", "code").agg(pl.len(), pl.col("line", "reason").first())
    for table, code, count, line, reason in letters.sort("len", descending=True).head(MOST).iter_rows():
        where = f"{table}, line {line}" if line is not None else table
        what = f"{counted(count, 'record')} will be set aside ({code}). First: {reason}"
        yield Finding(level="warning", where=where, what=what, fix="Mend them in the system; the others go on.")


def _reasons(job: Job, classified: Classified) -> Iterator[Finding]:
    """Say which values of the reason field are in no picklist, and what becomes of them as long as they are not."""
    from recyclekit.policy.reasons import read_reasons

    listed = classified.unmapped.head(MOST)
    read = dict.fromkeys(listed["value"]) if listed.height else {}
    if read and job.policy.spec.reasons.read_text:
        read |= dict(read_reasons(listed["value"], why=False).select("text", "reason").iter_rows())
    for value, count, amount in listed.iter_rows():
        whom = "it" if count == 1 else "them"
        meant = f"its words are read as {read[value]}" if read[value] else f"a person must look at {whom}"
        what = f"'{value}' is in no picklist: {counted(count, 'deal')}, {amount or 0:,.0f} in money; {meant}."
        yield Finding(level="warning", where=_REASONS, what=what, fix="Map each value to a reason under `reasons`.")


def _stages(job: Job, snapshot: Snapshot) -> Iterator[Finding]:
    deals = snapshot.deals
    closed = deals.filter(pl.col("crm_state") != "open").height
    if deals.height and not closed:
        what = (
            f"None of {counted(deals.height, 'deal')} is won or lost, so nothing can be recycled but what has stalled."
        )
        fix = f"Name the won and lost stages under `stages`{_for_example(deals)}."
        yield Finding(level="error", where="stages", what=what, fix=fix)
    elif closed and not (deals["crm_state"] == "lost").any():
        what = f"None of {counted(deals.height, 'deal')} is lost, so nothing can be recycled but what has stalled."
        yield Finding(level="warning", where="stages", what=what, fix="Name the lost stages under `stages`.")
    yield from _unheard(job, deals)
    own_state = "crm_state" in job.mapped.fields.get(Table.DEALS, {})
    if "deal_stage" not in deals.columns or own_state or job.mapped.stages.open is not None:
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
        what = f"The stage '{stage}' is taken for open: {counted(count, 'deal')}, {amount or 0:,.0f} in money."
        fix = "Name under `stages` those that are won or lost; `stages.open` lists those that are open."
        yield Finding(level="warning" if sounds_closed(stage) else "note", where="stages", what=what, fix=fix)


def _unheard(job: Job, deals: pl.DataFrame) -> Iterator[Finding]:
    """Name the stages of the project file that no deal has: mostly misspelt ones, and then the deals are left alone."""
    if "deal_stage" not in deals.columns or deals.is_empty():
        return
    stages = job.mapped.stages
    named = [*stages.won, *stages.lost, *(stages.open or ())]
    there = {exact(one): one for one in deals["deal_stage"].drop_nulls().unique().sort()}
    known = {exact(one) for one in named}
    for stage in (one for one in named if exact(one) not in there):
        near = did_you_mean(stage, [stands for folded, stands in there.items() if folded not in known])
        what = f"No deal has the stage '{stage}'{near or '.'}"
        yield Finding(level="warning" if near else "note", where="stages", what=what, fix="Correct it under `stages`.")


def _for_example(deals: pl.DataFrame) -> str:
    """Return what might be written, where stages sound closed."""
    if "deal_stage" not in deals.columns:
        return ""
    stages = [s for s in deals["deal_stage"].drop_nulls().unique().sort().head(100) if sounds_closed(s)]
    lost = [s for s in stages if sounds_lost(s)]
    won = [s for s in stages if s not in lost]
    return f", perhaps {{won: [{', '.join(won)}], lost: [{', '.join(lost)}]}}" if stages else ""

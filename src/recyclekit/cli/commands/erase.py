"""`recyclekit erase`: forget a person wherever recyclekit keeps anything, and never write about them again."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from recyclekit.cli.options import Json, Where, Yes

if TYPE_CHECKING:
    from recyclekit.housekeeping.erasing import Elsewhere, Grave, Subject
    from recyclekit.models.run import Run
    from recyclekit.project import Project


def erase(
    *person: str,
    where: Where = Where(),
    deal: Annotated[tuple[str, ...], Parameter(negative=(), help="A deal of theirs, by the CRM's id.")] = (),
    word: Annotated[tuple[str, ...], Parameter(negative=(), help="A name or address to be taken out of texts.")] = (),
    unread: Annotated[bool, Parameter(negative=(), help="Do not ask the CRM for their deals.")] = False,
    resume: Annotated[bool, Parameter(negative=(), help="Finish what was cut short.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Erase a person from the ledger, its log, kept plans, reports and what we keep ourselves; of all pipelines.

    What is left is a keyed digest, so that they are never planned for again. In the CRM itself, erase them there.

    Args:
        person: The contact's id, as the CRM names it (an address, where that is the id).

    Examples:
        recyclekit erase 5501 --word "山田 花子"
        recyclekit erase --deal D-118 --deal D-204
        recyclekit erase --resume
    """
    from recyclekit.cli.terminal import confirm, emit, say
    from recyclekit.errors import ConfigError
    from recyclekit.housekeeping import erasing
    from recyclekit.pipeline import new_run_id

    if not (person or deal or resume):
        raise ConfigError("Nobody is named.", fix="Name a contact's id, or a deal with --deal; or --resume.")
    project = where.open()
    names = [project.pipeline_name(where.pipeline)] if where.pipeline else list(project.spec.pipelines)
    graves = [_grave(project, name) for name in names]
    named = erasing.Subject(contacts=frozenset(person), deals=frozenset(deal), words=frozenset(word))
    found = [(grave, _with_deals(named, project, grave, unread=unread)) for grave in graves if named.ids]
    if resume:
        begun = [(grave, erasing.Subject(words=named.words)) for grave in graves if grave.house.erasing(grave.pipeline)]
        found = found or begun
    if not found:
        emit([]) if as_json else say("No erasing was cut short.")
        return 0
    if not confirm(_question(found, resume=not named.ids), yes=yes):
        say("Nothing was erased.")
        return 0
    runs = [(grave, erasing.erase(subject, grave, new_run_id())) for grave, subject in found]
    _report(runs, as_json=as_json)
    return 0


def _grave(project: Project, name: str) -> Grave:
    from recyclekit.housekeeping.erasing import Grave

    return Grave(
        pipeline=name, house=project.house(), open_sink=project.sink_of(name), state=project.state,
        elsewhere=_in_prefect(),
    )  # fmt: skip


def _in_prefect() -> Elsewhere:
    """Return what erases from Prefect's pages, where this environment names a server: importing it takes a second."""
    from recyclekit.housekeeping.erasing import nowhere

    if "PREFECT_API_URL" not in os.environ:
        return nowhere
    # By name, so that nothing of this package imports Prefect: the flows are a room of their own.
    found: Elsewhere = importlib.import_module("recyclekit_flows.erasing").erase
    return found


def _with_deals(named: Subject, project: Project, grave: Grave, *, unread: bool) -> Subject:
    """Return the same person with the deals that the source says are theirs."""
    from dataclasses import replace

    from recyclekit.housekeeping.erasing import deals_of

    if unread or not named.contacts:
        return named
    job = project.job(grave.pipeline)
    deals = deals_of(job.normalize(job.extract()).deals, named.contacts)
    return replace(named, deals=named.deals | deals)


def _question(found: list[tuple[Grave, Subject]], *, resume: bool) -> str:
    from recyclekit.models.wording import counted

    pipelines = ", ".join(grave.pipeline for grave, _ in found)
    if resume:
        return f"Finish the erasing that was cut short in {pipelines}?"
    deals = len(frozenset[str]().union(*(subject.deals for _, subject in found)))
    contacts = len(frozenset[str]().union(*(subject.contacts for _, subject in found)))
    return f"Erase {counted(contacts, 'contact')} and {counted(deals, 'deal')} from {pipelines}, for good?"


def _report(runs: list[tuple[Grave, Run]], *, as_json: bool) -> None:
    from recyclekit.cli.terminal import emit, say
    from recyclekit.housekeeping.erasing import left_to_systems

    if as_json:
        emit([_receipt(grave, run) for grave, run in runs])
        return
    for grave, run in runs:
        places = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in run.counts.items() if n)
        say(f"{grave.pipeline}: erased ({places or 'nothing was kept'}); the receipt is run {run.run}.")
        for told in left_to_systems(grave.open_sink()):
            say(f"  Not erased by us: {told}")


def _receipt(grave: Grave, run: Run) -> dict[str, object]:
    from recyclekit.housekeeping.erasing import left_to_systems

    stones = grave.house.tombstones(run.pipeline, run.run).digests
    return {
        "run": run.run, "pipeline": run.pipeline, "state": run.state, "ended_at": run.ended_at,
        "tombstones": len(stones), "erased": dict(run.counts),
        "left_to_systems": [*left_to_systems(grave.open_sink())],
    }  # fmt: skip

"""What stands in the way of writing to Tryton: models, rights and scenarios, asked for without writing anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from recyclekit.errors import RefusedError, RemoteError
from recyclekit.models.plan import ActionKind
from recyclekit.models.snapshot import Finding
from recyclekit_tryton.field_map import DEAL, ENROLMENT, MAILING_LIST, NOTE, SCENARIO, TASK
from recyclekit_tryton.settings import TrytonSettings
from recyclekit_tryton.transport import Transport

_NEEDS = {
    ActionKind.SET_FIELDS: (NOTE, "the module ir, which is always there"),
    ActionKind.CREATE_TASK: (TASK, "the module project"),
    ActionKind.ENROL: (ENROLMENT, "the module marketing_automation"),
}


def look(transport: Transport, settings: TrytonSettings, kinds: Collection[ActionKind]) -> Iterator[Finding]:
    """Yield what is missing for these kinds of action; one finding where nobody answers or the key is not accepted."""
    try:
        transport.read(DEAL, [], ["state"], limit=1)
    except RefusedError:
        yield _error("sale.opportunity", "There are no opportunities here.", "Activate the module sale_opportunity.")
        return
    except RemoteError as error:
        yield _error("tryton", f"{error.what} {error.why}".strip(), error.fix)
        return
    for kind in kinds:
        if kind in _NEEDS:
            yield from _model(transport, *_NEEDS[kind])
    if ActionKind.ENROL in kinds:
        yield from _scenarios(transport, settings)


def _model(transport: Transport, model: str, brought_by: str) -> Iterator[Finding]:
    try:
        transport.read(model, [], ["id"], limit=1)
    except RefusedError:
        yield _error(model, f"Tryton has no {model} here.", f"Activate {brought_by}.")
    except RemoteError as error:
        yield _error(model, f"{error.what} {error.why}".strip(), error.fix)


def _scenarios(transport: Transport, settings: TrytonSettings) -> Iterator[Finding]:
    wanted, lists = settings.scenarios, settings.mailing_lists
    if not wanted and not lists:
        what = "No scenario and no mailing list is named, so enrolments will be refused one by one."
        yield Finding(level="warning", where="scenarios", what=what, fix="Name one per track: scenarios: {TRACK: ID}.")
        return
    if lists:
        yield from _lists(transport, lists)
    domain = [["id", "in", sorted(set(wanted.values()))]]
    found = {row["id"]: row for row in transport.read(SCENARIO, domain, ["name", "state", "model"])}
    for track, scenario in wanted.items():
        row = found.get(scenario)
        if row is None:
            yield _error(f"scenarios.{track}", f"There is no scenario {scenario}.", "Correct its id.")
        elif row["model"] != "party.party":
            what = f"The scenario {row['name']} is for {row['model']}."
            yield _error(f"scenarios.{track}", what, "Choose one whose model is Party.")
        elif row["state"] != "running":
            what = f"The scenario {row['name']} is {row['state']}: whom we enrol waits until it runs."
            yield Finding(level="warning", where=f"scenarios.{track}", what=what, fix="Run it in Tryton.")


def _lists(transport: Transport, lists: Mapping[str, int]) -> Iterator[Finding]:
    known = {row["id"] for row in transport.read(MAILING_LIST, [["id", "in", sorted(set(lists.values()))]], ["id"])}
    for track, number in lists.items():
        if number not in known:
            yield _error(f"mailing_lists.{track}", f"There is no mailing list {number}.", "Correct its id.")


def _error(where: str, what: str, fix: str) -> Finding:
    return Finding(level="error", where=where, what=what, fix=fix)

"""Writing records: one by one, and in batches of up to 100 that fail as a whole unless all inputs carry trace ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recyclekit.testing.sandbox.faults import FaultKind, Faults
from recyclekit.testing.sandbox.hubspot.batches import Failure, Scope, batch_answer, scope_of
from recyclekit.testing.sandbox.hubspot.bodies import inputs_of, kind_of, plain_values, rows, table
from recyclekit.testing.sandbox.hubspot.checking import Checked
from recyclekit.testing.sandbox.hubspot.links import LinkType
from recyclekit.testing.sandbox.hubspot.object_types import UNLABELLED, ObjectType
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.hubspot.records import Record
from recyclekit.testing.sandbox.hubspot.said import invalid_message
from recyclekit.testing.sandbox.hubspot.showing import written
from recyclekit.testing.sandbox.hubspot.values import Problem
from recyclekit.testing.sandbox.wire import Answer, Request, json_answer

_GONE = "Could not get some {} objects, they may be deleted or not exist. Check that ids are valid."


@dataclass(slots=True)
class Wish:
    """One input of a batch: what it would do, and what stands against it."""

    given: dict[str, Any]
    record: Record | None = None
    checked: Checked | None = None
    failure: Failure | None = None
    conflict: bool = False
    created: bool = False
    upsert: bool = False

    @property
    def trace(self) -> str:
        """Its trace id, or empty."""
        return str(self.given.get("objectWriteTraceId") or "")

    def context(self) -> dict[str, list[str]]:
        """Return what says in an error which input is meant."""
        if self.trace:
            return {"objectWriteTraceId": [self.trace]}
        return {"ids": [str(self.given["id"])]} if "id" in self.given else {}

    def fail(self, category: str, message: str, problems: Sequence[Problem] = ()) -> None:
        """Set it aside."""
        self.failure = Failure(category, message, self.context(), problems)
        self.conflict = category == "CONFLICT"


class Writing:
    """The writing endpoints of objects."""

    def __init__(self, portal: Portal, faults: Faults) -> None:
        self._portal, self._faults = portal, faults

    # -- one ------------------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Answer:
        """POST /objects/{type}."""
        return self._single(request, self._plan_create, 201)

    def update(self, request: Request) -> Answer:
        """PATCH /objects/{type}/{id}."""
        return self._single(request, self._plan_update, 200)

    def archive(self, request: Request) -> Answer:
        """DELETE /objects/{type}/{id}: into the bin; again is no error."""
        kind = kind_of(request)
        record = self._portal.objects[kind.name].live(request.parts["id"])
        if record:
            self._portal.archive(kind.name, record)
        return Answer(204)

    def _single(self, request: Request, plan: Callable[[Scope, Wish], None], status: int) -> Answer:
        scope = scope_of(request)
        by = request.first("idProperty")
        where = {"id": request.parts["id"], **({"idProperty": by} if by else {})} if "id" in request.parts else {}
        wish = Wish({**scope.body, **where})
        self._prepare(scope, wish, plan)
        if wish.failure:
            return self._refused([wish])
        return json_answer(self._carry_out(scope.kind, wish), status)

    # -- batches --------------------------------------------------------------------------------------------------

    def batch_create(self, request: Request) -> Answer:
        """POST /objects/{type}/batch/create."""
        return self._batch(request, self._plan_create, 201)

    def batch_update(self, request: Request) -> Answer:
        """POST /objects/{type}/batch/update."""
        return self._batch(request, self._plan_update, 200)

    def batch_upsert(self, request: Request) -> Answer:
        """POST /objects/{type}/batch/upsert: by a unique property; `new` says what was made."""
        return self._batch(request, self._plan_upsert, 200)

    def batch_archive(self, request: Request) -> Answer:
        """POST /objects/{type}/batch/archive: what is gone already is no error."""
        scope = scope_of(request)
        inputs = inputs_of(scope.body)
        for given in inputs:
            record = self._portal.objects[scope.kind.name].live(str(given.get("id")))
            if record:
                self._portal.archive(scope.kind.name, record)
        return Answer(204)

    def _batch(self, request: Request, plan: Callable[[Scope, Wish], None], status: int) -> Answer:
        scope = scope_of(request)
        inputs = inputs_of(scope.body)
        wishes = [Wish(given) for given in inputs]
        twice = _repeated([str(given.get("id")) for given in inputs if "id" in given])
        if twice:
            return self._portal.say.bad_request(f"Duplicate IDs found in batch input: [{twice}]. IDs must be unique")
        for wish in wishes:
            self._prepare(scope, wish, plan)
        self._part_rivals(scope.kind, wishes)
        whole = self._whole(wishes)
        if whole is not None:
            return whole
        self._fail_some(request, wishes)
        results = [self._carry_out(scope.kind, wish) for wish in wishes if not wish.failure]
        failures = [wish.failure for wish in wishes if wish.failure]
        return batch_answer(self._portal, request, results, failures, status=status)

    def _whole(self, wishes: Sequence[Wish]) -> Answer | None:
        """Return the refusal of the whole batch: without trace ids one bad input is enough, a missing one excepted."""
        traces = [wish.trace for wish in wishes]
        if all(traces) and not _repeated(traces):
            return None
        bad = [wish for wish in wishes if wish.failure and wish.failure.category != "OBJECT_NOT_FOUND"]
        return self._refused(bad) if bad else None

    def _refused(self, bad: Sequence[Wish]) -> Answer:
        say = self._portal.say
        failures = [(wish, wish.failure) for wish in bad if wish.failure]
        conflict = next((failure for wish, failure in failures if wish.conflict), None)
        if conflict:
            return say.conflict(conflict.message)
        problems = [problem for _, failure in failures for problem in failure.problems]
        if problems:
            return say.invalid(problems)
        _, first = failures[0]
        return say.not_found(first.message) if first.category == "OBJECT_NOT_FOUND" else say.bad_request(first.message)

    def _part_rivals(self, kind: ObjectType, wishes: Sequence[Wish]) -> None:
        """Set aside what wants a unique value that an input before it in the same batch wants."""
        claimed: set[tuple[str, str]] = set()
        for wish in wishes:
            values = wish.checked.values if wish.checked and not wish.failure else {}
            wanted = {
                (name, value.lower())
                for name in self._portal.definitions[kind.name].unique
                if (value := values.get(name))
            }
            if wanted & claimed:
                wish.fail(
                    "CONFLICT", f"{kind.singular.title()} with the same {min(wanted & claimed)[0]} in this batch."
                )
            claimed |= wanted

    def _fail_some(self, request: Request, wishes: Sequence[Wish]) -> None:
        fault = request.fault
        if fault is None or fault.kind is not FaultKind.PARTIAL:
            return
        fine = [wish for wish in wishes if not wish.failure]
        for wish in self._portal.chance.sample(fine, min(fault.rows, len(fine))):
            wish.fail(fault.code or "INTERNAL_ERROR", fault.message or "This object could not be written; try again.")

    # -- one input ------------------------------------------------------------------------------------------------

    def _prepare(self, scope: Scope, wish: Wish, plan: Callable[[Scope, Wish], None]) -> None:
        plan(scope, wish)
        if wish.failure:
            return
        checked = wish.checked = self._portal.check(scope.kind.name, plain_values(wish.given), wish.record)
        struck = self._struck(scope, wish, checked)
        if struck:
            wish.fail("VALIDATION_ERROR", struck.message, [struck])
        elif checked.conflict:
            wish.fail("CONFLICT", checked.conflict)
        elif not checked.fine:
            wish.fail("VALIDATION_ERROR", invalid_message(checked.problems), checked.problems)
        else:
            self._check_links(scope.kind, wish)

    def _struck(self, scope: Scope, wish: Wish, checked: Checked) -> Problem | None:
        """Return what a fault on single records does to this one."""
        if not self._faults.on_records:
            return None
        keys = (checked.values.get(name) or "" for name in self._portal.definitions[scope.kind.name].unique)
        ends = (str(table(link.get("to"), "to").get("id")) for link in _links(wish))
        names = (wish.record.id if wish.record else str(wish.given.get("id") or ""), *keys, *ends)
        fault = self._faults.strike_record(scope.request, *names)
        if fault is None:
            return None
        code = fault.code or ("RECORD_LOCKED" if fault.kind is FaultKind.LOCK_ROW else "INVALID_VALUE")
        return Problem(fault.field, code, fault.message or f"{fault.field or 'The record'} was refused: {code}")

    def _plan_create(self, _scope: Scope, wish: Wish) -> None:
        wish.created = True

    def _plan_update(self, scope: Scope, wish: Wish) -> None:
        record_id, by = str(wish.given.get("id")), wish.given.get("idProperty")
        if by:
            if not self._is_unique(scope, str(by)):
                wish.fail("VALIDATION_ERROR", self._not_unique(scope, str(by)))
                return
            wish.record = self._portal.by_unique(scope.kind.name, str(by), record_id)
        else:
            single = "id" in scope.request.parts
            target = self._portal.merged.get((scope.kind.name, record_id), record_id) if single else record_id
            wish.record = self._portal.objects[scope.kind.name].live(target)
        if wish.record is None:
            wish.fail("OBJECT_NOT_FOUND", _GONE.format(scope.kind.singular))

    def _plan_upsert(self, scope: Scope, wish: Wish) -> None:
        by = str(wish.given.get("idProperty") or "")
        if not self._is_unique(scope, by):
            wish.fail("VALIDATION_ERROR", self._not_unique(scope, by or "hs_object_id"))
            return
        wish.record = self._portal.by_unique(scope.kind.name, by, str(wish.given.get("id")))
        wish.created, wish.upsert = wish.record is None, True
        wish.given["properties"] = {by: str(wish.given.get("id")), **plain_values(wish.given)}

    def _is_unique(self, scope: Scope, name: str) -> bool:
        definition = self._portal.definitions[scope.kind.name].open(name)
        return definition is not None and definition.unique

    def _not_unique(self, scope: Scope, name: str) -> str:
        where = f"{scope.kind.type_id} property {name} in portal ID {self._portal.number}"
        return f"Unable to perform update/upsert by non-unique {where}"

    def _check_links(self, kind: ObjectType, wish: Wish) -> None:
        for link in _links(wish):
            if _target(self._portal, kind, link) is None:
                wish.fail("VALIDATION_ERROR", f"The association {link} is not valid: no such object or type.")

    def _carry_out(self, kind: ObjectType, wish: Wish) -> Mapping[str, Any]:
        values = wish.checked.values if wish.checked else {}
        if wish.record is None:
            wish.record = self._portal.create(kind.name, values)
            echoed = set(wish.record.properties)
        else:
            echoed = {*self._portal.write(kind.name, wish.record, values), kind.modified}
        for link in _links(wish):
            target = _target(self._portal, kind, link)
            if target is not None:
                self._portal.link(kind.name, wish.record.id, *target)
        shown = written(wish.record, echoed | values.keys())
        if wish.upsert:
            shown["new"] = wish.created
        return {**shown, "objectWriteTraceId": wish.trace} if wish.trace else shown


def _links(wish: Wish) -> list[dict[str, Any]]:
    return rows(wish.given.get("associations"), "associations")


def _target(portal: Portal, kind: ObjectType, link: Mapping[str, Any]) -> tuple[str, str, list[LinkType]] | None:
    """Return type, id and kinds of an association in a create's body, or None where it fits nothing."""
    numbers = {str(given.get("associationTypeId")) for given in rows(link.get("types"), "types")}
    to_id = str(table(link.get("to"), "to").get("id"))
    for (from_, to), number in UNLABELLED.items():
        if from_ == kind.name and str(number) in numbers and portal.objects[to].live(to_id):
            return to, to_id, [LinkType(number)]
    return None


def _repeated(words: Sequence[str]) -> str:
    """Return the first word that stands in it twice, or empty."""
    seen: set[str] = set()
    for word in words:
        if word in seen:
            return word
        seen.add(word)
    return ""

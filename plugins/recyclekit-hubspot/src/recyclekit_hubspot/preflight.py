"""What stands in the way of writing, and what we can create ourselves: properties, lists, owners."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from recyclekit.errors import InDoubtError, RefusedError, SignInError
from recyclekit.models.plan import ActionKind
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import OWN_FIELDS
from recyclekit_hubspot.answers import read_batch, read_object
from recyclekit_hubspot.field_map import OWN_LABELS, OWN_TYPES
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.source.account import Account
from recyclekit_hubspot.transport import Call, Transport

_STATIC = ("MANUAL", "SNAPSHOT")
_CONTACTS = "0-1"
_FIELD_KINDS = {ActionKind.SET_FIELDS, ActionKind.RESTORE_FIELDS}
_TASK_KINDS = {ActionKind.CREATE_TASK, ActionKind.REMOVE_TASK}
Wanted = Mapping[str, Mapping[str, Any]]


class Preflight:
    """Looks before the first write; creates what it is told to."""

    def __init__(self, settings: HubSpotSettings, transport: Transport, account: Account) -> None:
        self._settings, self._transport, self._account = settings, transport, account

    def findings(self, kinds: Collection[ActionKind]) -> list[Finding]:
        """Return what stands in the way, what could be created among it."""
        found: list[Finding] = []
        for check in (self.missing, self._fields, self._tasks, self._lists, self._rights):
            try:
                found += check(kinds)
            except SignInError as error:
                found.append(Finding(level="error", where="hubspot", what=f"{error.what} {error.why}", fix=error.fix))
        return found

    def missing(self, kinds: Collection[ActionKind]) -> list[Finding]:
        """Return the properties that these kinds of action need and the account lacks."""
        return [
            Finding(
                level="error",
                where=f"hubspot {kind}",
                what=f"The property {name} ({wanted['type']}) on {kind} is missing.",
                fix="`recyclekit check --fix` creates it.",
            )
            for kind, lacking in self._lacking(kinds).items()
            for name, wanted in lacking.items()
        ]

    def set_up(self, kinds: Collection[ActionKind]) -> list[Finding]:
        """Create them, in a group of their own; what is there already is left alone."""
        made: list[Finding] = []
        for kind, lacking in self._lacking(kinds).items():
            if not lacking:
                continue
            self._make_group(kind)
            for name in self._make(kind, lacking):
                what = f"The property {name} ({lacking[name]['type']}) was created on {kind}."
                made.append(Finding(level="note", where=f"hubspot {kind}", what=what))
        self._account.forget()
        return made

    # -- rights

    def _rights(self, kinds: Collection[ActionKind]) -> Iterator[Finding]:
        """Find out which rights to write are missing, by writing nothing: the right is asked for first."""
        objects, lists = self._transport.paths.objects, self._transport.paths.lists
        empty: dict[str, Any] = {"inputs": []}
        calls: list[tuple[str, str, str, Any]] = []
        if _FIELD_KINDS & set(kinds):
            calls.append(("properties of deals", "POST", objects("deals", "batch", "update"), empty))
        if _TASK_KINDS & set(kinds):
            calls.append(("tasks", "POST", objects("tasks", "batch", "create"), empty))
        if ActionKind.ENROL in kinds and self._settings.lists:
            some = next(iter(self._settings.lists.values()))
            calls.append(("members of lists", "PUT", lists(some, "memberships", "add"), []))
        for what, method, path, body in calls:
            try:
                # What HubSpot says of an empty call does not matter, as long as it does not refuse us.
                with suppress(RefusedError, InDoubtError):
                    self._transport.ask(Call(method=method, path=path, body=body, writes=True), lambda _: None)
            except SignInError as error:
                said = f"{error.what} {error.why}".strip()
                yield Finding(level="error", where=f"hubspot {what}", what=said, fix=error.fix)

    # -- properties

    def _wanted(self, kinds: Collection[ActionKind]) -> dict[str, Wanted]:
        wanted: dict[str, Wanted] = {}
        if _FIELD_KINDS & set(kinds):
            wanted["deals"] = {self._settings.property_of(own): self._definition(own) for own in OWN_FIELDS}
        if _TASK_KINDS & set(kinds):
            key = {"label": "Recycle: key / リサイクル: キー", "type": "string", "fieldType": "text"}
            wanted["tasks"] = {self._settings.task_key: {**key, "hasUniqueValue": True}}
        return wanted

    def _definition(self, own: str) -> dict[str, Any]:
        kind, field_kind = OWN_TYPES[own]
        return {"label": OWN_LABELS[own], "type": kind, "fieldType": field_kind}

    def _lacking(self, kinds: Collection[ActionKind]) -> dict[str, Wanted]:
        return {
            kind: {name: one for name, one in wanted.items() if name not in self._account.properties(kind)}
            for kind, wanted in self._wanted(kinds).items()
        }

    def _fields(self, kinds: Collection[ActionKind]) -> Iterator[Finding]:
        for kind, wanted in self._wanted(kinds).items():
            there = self._account.properties(kind)
            for name, one in wanted.items():
                if name in there:
                    yield from _unfit(kind, name, one, there[name])

    def _make_group(self, kind: str) -> None:
        body = {"name": self._settings.property_group, "label": "recyclekit", "displayOrder": -1}
        path = self._transport.paths.properties(kind, "groups")
        try:
            self._transport.ask(Call(method="POST", path=path, body=body, writes=True), read_object)
        except RefusedError as refusal:
            if not _is_there_already(refusal):
                raise

    def _make(self, kind: str, lacking: Wanted) -> Sequence[str]:
        group = self._settings.property_group
        inputs = [{"groupName": group, "name": name, **wanted} for name, wanted in lacking.items()]
        path = self._transport.paths.properties(kind, "batch", "create")
        call = Call(method="POST", path=path, body={"inputs": inputs}, writes=True)
        try:
            batch = self._transport.ask(call, read_batch)
        except RefusedError as refusal:
            if not _is_there_already(refusal):
                raise
            return self._make_one_by_one(kind, inputs)
        made = {str(one.get("name")) for one in batch.results}
        return [name for name in lacking if name in made]

    def _make_one_by_one(self, kind: str, inputs: Sequence[Mapping[str, Any]]) -> Sequence[str]:
        """Create singly where somebody else has created one meanwhile, which fails the batch."""
        made = []
        for one in inputs:
            call = Call(method="POST", path=self._transport.paths.properties(kind), body=one, writes=True)
            try:
                self._transport.ask(call, read_object)
                made.append(str(one["name"]))
            except RefusedError as refusal:
                if not _is_there_already(refusal):
                    raise
        return made

    # -- tasks and lists

    def _tasks(self, kinds: Collection[ActionKind]) -> Iterator[Finding]:
        if ActionKind.CREATE_TASK in kinds and not any(self._account.owners.values()):
            what = "HubSpot knows no active owner, so nobody could be given a task."
            yield Finding(level="error", where="hubspot owners", what=what, fix="Add users in HubSpot.")

    def _lists(self, kinds: Collection[ActionKind]) -> Iterator[Finding]:
        if ActionKind.ENROL not in kinds:
            return
        if not self._settings.lists:
            what = "The policy enrols contacts, and no list is named to add them to."
            fix = "Name a static contact list per track: settings: lists: {track: list id}"
            yield Finding(level="error", where="hubspot lists", what=what, fix=fix)
        for name, list_id in self._settings.lists.items():
            yield from self._list(name, list_id)

    def _list(self, name: str, list_id: str) -> Iterator[Finding]:
        where = f"hubspot lists.{name}"
        try:
            answer = self._transport.get(self._transport.paths.lists(list_id))
        except RefusedError:
            what = f"There is no list {list_id}."
            yield Finding(level="error", where=where, what=what, fix="Write the list's id, as in its address.")
            return
        found = answer.get("list", answer)
        if found.get("processingType") not in _STATIC:
            what = f"The list {list_id} is not static ({found.get('processingType')}), so nobody can be added."
            yield Finding(level="error", where=where, what=what, fix="Make a static list of contacts.")
        if found.get("objectTypeId", _CONTACTS) != _CONTACTS:
            what = f"The list {list_id} is not one of contacts."
            yield Finding(level="error", where=where, what=what, fix="Make a static list of contacts.")


def _unfit(kind: str, name: str, wanted: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[Finding]:
    where = f"hubspot {kind}.{name}"
    modification = there.get("modificationMetadata") or {}
    if there.get("calculated") or modification.get("readOnlyValue"):
        yield Finding(level="error", where=where, what="The property cannot be written.", fix="Name another one.")
    if there.get("type") != wanted["type"]:
        what = f"The property is of type {there.get('type')}, not {wanted['type']}."
        yield Finding(level="error", where=where, what=what, fix="Name another property under `own_fields`.")
    if wanted.get("hasUniqueValue") and not there.get("hasUniqueValue"):
        what = "The property does not have unique values, so a lost answer could double a task."
        fix = "Name another under `task_key`; uniqueness can only be chosen when a property is created."
        yield Finding(level="error", where=where, what=what, fix=fix)


def _is_there_already(refusal: RefusedError) -> bool:
    words = f"{refusal.code} {refusal.what}".lower()
    return "409" in words or "conflict" in words or "already exist" in words or "exists" in words

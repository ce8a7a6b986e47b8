"""Tasks: upserted on our key, found by it, and removed where nobody touched them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_salesforce.answers import DUPLICATE, Refusal, failed, receipt, rows, skipped
from recyclekit_salesforce.columns import soql
from recyclekit_salesforce.columns.catalogue import Among, Catalogue, query_among
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.sink.ingest import ingest
from recyclekit_salesforce.sink.removing import delete
from recyclekit_salesforce.sink.rows import Row, deliver
from recyclekit_salesforce.transport import Transport

OBJECT = "Task"
_USER = re.compile(r"^005[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$")
_QUEUE = re.compile(r"^00G[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$")
_SUBJECT = 255
_FACTS = ("hook", "reason", "track", "step", "channel", "rule")


class Tasks:
    """create_task and remove_task."""

    def __init__(self, transport: Transport, catalogue: Catalogue, settings: SalesforceSettings) -> None:
        self._transport, self._catalogue, self._settings = transport, catalogue, settings
        self._active: dict[str, bool] = {}

    def write(self, actions: Sequence[Action]) -> list[Receipt]:
        """Create the tasks; one whose key is there already is left as one."""
        self._look_up_owners([str(a.payload.get("owner") or "") for a in actions])
        settled: list[Receipt] = []
        outgoing: list[Row] = []
        for action in actions:
            owner = self._owner(action)
            if owner is None:
                settled.append(failed(action, _no_owner(action)))
            else:
                outgoing.append(Row(action, self._body(action, owner), action.deal_id))
        return settled + self._sent(outgoing)

    def find(self, actions: Sequence[Action]) -> list[Receipt]:
        """Tell by key whether the tasks are there."""
        there = self._by_key([a.key for a in actions])
        return [self._found(a, there.get(a.key)) for a in actions]

    def remove(self, actions: Sequence[Action]) -> list[Receipt]:
        """Delete the tasks that are still as we made them; one that is gone is done."""
        keys = {a.key: str(a.payload.get("key") or "") for a in actions}
        there = self._by_key([key for key in keys.values() if key])
        settled: list[Receipt] = []
        ids: dict[str, Action] = {}
        for action in actions:
            task = there.get(keys[action.key])
            if task is None:
                settled.append(
                    Receipt(key=action.key, state=ReceiptState.DONE, proof="no task holds this key any more")
                )
            elif touched := self._touched(action, task):
                settled.append(skipped(action, touched, f"A person changed {touched} of the task; it stays."))
            else:
                ids[str(task["Id"])] = action
        return settled + delete(self._transport, ids)

    # -- sending ---------------------------------------------------------------------------------------------------

    def _sent(self, outgoing: Sequence[Row]) -> list[Receipt]:
        if not outgoing:
            return []
        transport, settings = self._transport, self._settings
        if len(outgoing) >= settings.bulk_write_from:
            return ingest(transport, outgoing, self._collection, settings, table=OBJECT, external_id=settings.key_field)
        return deliver(transport, outgoing, self._collection, parallel=settings.parallel)

    def _collection(self, chunk: Sequence[Row]) -> list[Receipt]:
        path = f"composite/sobjects/{OBJECT}/{self._settings.key_field}"
        records = [{"attributes": {"type": OBJECT}, **row.body} for row in chunk]
        # Not repeated in doubt: the key is looked up first, by whoever asks `find`.
        answer = self._transport.write_json("PATCH", path, {"allOrNone": False, "records": records})
        correlation = self._transport.session.correlation
        listed = rows(answer, len(chunk), f"PATCH {path}")
        receipts = [receipt(row.action, one, correlation=correlation) for row, one in zip(chunk, listed, strict=True)]
        doubles = {one.key: one for one in receipts if one.code == DUPLICATE}
        if not doubles:
            return receipts
        again = {one.key: one for one in self.find([r.action for r in chunk if r.action.key in doubles])}
        return [
            again[one.key] if one.key in again and again[one.key].state is ReceiptState.DONE else one
            for one in receipts
        ]

    def _body(self, action: Action, owner: str) -> dict[str, Any]:
        payload = action.payload
        return {
            self._settings.key_field: action.key,
            "WhatId": action.deal_id,
            "OwnerId": owner,
            "Subject": str(payload.get("subject") or "recyclekit")[:_SUBJECT],
            "ActivityDate": payload.get("due_on"),
            "Status": self._settings.task_status,
            "Priority": self._settings.task_priority,
            "Description": _description(action),
        }

    # -- owners ----------------------------------------------------------------------------------------------------

    def _look_up_owners(self, owners: Sequence[str]) -> None:
        unknown = [one for one in dict.fromkeys(owners) if _USER.match(one) and one not in self._active]
        asked = Among(fields=["Id", "IsActive"], table="User", column="Id")
        found = {str(user["Id"])[:15]: bool(user["IsActive"]) for user in query_among(self._transport, asked, unknown)}
        self._active |= {one: found.get(one[:15], False) for one in unknown}

    def _owner(self, action: Action) -> str | None:
        owner = str(action.payload.get("owner") or "")
        if self._active.get(owner) or _QUEUE.match(owner):
            return owner
        return self._settings.fallback_owner

    # -- as they stand now -----------------------------------------------------------------------------------------

    def _by_key(self, keys: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        key = self._settings.key_field
        names = self._catalogue.get(OBJECT).only(
            [
                "Id", key, "Subject", "ActivityDate", "OwnerId", "Status", "IsClosed", "CreatedById",
                "LastModifiedById",
            ]
        )  # fmt: skip
        living = soql.flag("IsDeleted", is_set=False)
        # Archived tasks are still there, and only queryAll shows them.
        asked = Among(fields=names, table=OBJECT, column=key, where=living, everything=True)
        return {str(task[key]): task for task in query_among(self._transport, asked, keys)}

    def _found(self, action: Action, task: Mapping[str, Any] | None) -> Receipt:
        if task is None:
            return Receipt(key=action.key, state=ReceiptState.PLANNED, code="absent")
        found = str(task["Id"])
        return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=found, proof=f"task {found} holds the key")

    def _touched(self, action: Action, task: Mapping[str, Any]) -> str:
        """Return the field that shows that somebody worked with the task; empty where none does."""
        if task.get("IsClosed") or task.get("Status") != self._settings.task_status:
            return "Status"
        if task.get("LastModifiedById") != task.get("CreatedById"):
            return "LastModifiedById"
        payload = action.payload
        if "due_on" in payload and task.get("ActivityDate") != payload["due_on"]:
            return "ActivityDate"
        if "subject" in payload and task.get("Subject") != str(payload["subject"] or "recyclekit")[:_SUBJECT]:
            return "Subject"
        owner, held = str(payload.get("owner") or ""), str(task.get("OwnerId") or "")
        fallback = self._settings.fallback_owner or ""
        if (_USER.match(owner) or _QUEUE.match(owner)) and held[:15] not in {owner[:15], fallback[:15]}:
            return "OwnerId"
        return ""


def _description(action: Action) -> str:
    """Return what stands in the task: codes and the policy's own words, nothing of a person."""
    lines = [f"{name}: {action.payload[name]}" for name in _FACTS if action.payload.get(name)]
    return "\n".join([*lines, f"recyclekit: {action.key}"])


def _no_owner(action: Action) -> Refusal:
    owner = action.payload.get("owner")
    message = f"'{owner}' is no active user of this org. Name users under `owners`, or a `fallback_owner`."
    return Refusal("unknown_owner", message, "OwnerId")

"""Tasks with our key: created with their associations, found by the key, removed while nobody touched them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from recyclekit import clock
from recyclekit.errors import InDoubtError, RefusedError, RemoteError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_hubspot.answers import read_batch, read_nothing
from recyclekit_hubspot.columns import ID
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.sink.parallel import in_parts
from recyclekit_hubspot.sink.receipts import done, doubtful, failed, of_item, of_refusal, skipped, unsent
from recyclekit_hubspot.source.account import Account
from recyclekit_hubspot.source.links import Links, main_of
from recyclekit_hubspot.source.records import Records
from recyclekit_hubspot.transport import Call, Transport

_TO_DEAL, _TO_CONTACT = 216, 204
_TYPES = {"phone": "CALL", "call": "CALL", "mail": "EMAIL", "email": "EMAIL"}
_OPEN = "NOT_STARTED"
_CONFLICTS = frozenset({"CONFLICT", "409", "DUPLICATE_VALUE", "PROPERTY_VALUE_NOT_UNIQUE"})
_LINES = ("track", "reason", "rule", "step", "channel", "hook", "missing")


class Tasks:
    """Creates, finds and removes tasks."""

    def __init__(
        self, settings: HubSpotSettings, transport: Transport, account: Account, links: Links, zone: ZoneInfo
    ) -> None:
        self._settings, self._transport, self._account, self._links = settings, transport, account, links
        self._records, self._zone = Records(transport, settings.threads), zone

    def create(self, actions: Sequence[Action]) -> list[Receipt]:
        """Create a task each, tied to the deal and its main contact; one that has our key already counts as done."""
        idle = {a.key: reason for a in actions if (reason := self._nobody(a))}
        refused = [failed(a, *idle[a.key], field="hubspot_owner_id") for a in actions if a.key in idle]
        good = [a for a in actions if a.key not in idle]
        contacts = self._contacts(good)
        return refused + in_parts(good, lambda part: self._created(part, contacts), self._settings.threads)

    def find(self, actions: Sequence[Action]) -> list[Receipt]:
        """Tell which of the tasks are there, by our key."""
        there = self._by_key([a.key for a in actions])
        return [
            done(a, there[a.key][ID], f"task {there[a.key][ID]} holds our key")
            if a.key in there
            else unsent(a, "absent", "no task holds its key")
            for a in actions
        ]

    def remove(self, actions: Sequence[Action]) -> list[Receipt]:
        """Remove tasks that are as we made them; what is gone already counts as done."""
        there, receipts, todo = self._by_key([_key(a) for a in actions]), list[Receipt](), list[Action]()
        for action in actions:
            task = there.get(_key(action))
            if task is None:
                receipts.append(done(action, action.remote_id or "", "no task holds its key any more"))
            elif touched := self._touched(action, task):
                receipts.append(skipped(action, "changed", f"A person changed it since: {touched}."))
            else:
                todo.append(action)
        ids = {a.key: str(there[_key(a)][ID]) for a in todo}
        return receipts + in_parts(todo, lambda part: self._archived(part, ids), self._settings.threads)

    # -- creating

    def _created(self, actions: Sequence[Action], contacts: Mapping[str, str]) -> list[Receipt]:
        """Create in one call; after doubt or a conflict, look which are there and send only the others.

        A call that is refused as a whole is halved until what is to blame stands alone: one task to blame among 100
        takes 14 calls more. What was looked up and is absent is sent again, so often as `tries` says, all halves
        together.
        """
        told: dict[str, Receipt] = {}
        parts, again = [actions], 1
        while parts:
            part = parts.pop()
            try:
                answered = self._create_once(part, contacts)
            except RemoteError:
                if not told:
                    raise
                break
            if isinstance(answered, RefusedError) and len(part) > 1:
                half = len(part) // 2
                parts += [part[half:], part[:half]]
                continue
            if isinstance(answered, RefusedError):
                answered = [of_refusal(part[0], answered)]
            told |= self._looked_up(part, answered)
            absent = [a for a in part if told[a.key].state is ReceiptState.PLANNED]
            if absent and again < self._transport.tries:
                if not self._transport.pause(again - 1):
                    break
                again += 1
                parts.append(absent)
        return [told.get(a.key) or unsent(a, "unsent", "not sent") for a in actions]

    def _create_once(self, actions: Sequence[Action], contacts: Mapping[str, str]) -> list[Receipt] | RefusedError:
        """Return the receipts of what was answered, or why the call was refused as a whole.

        What is not among the receipts must be looked up.
        """
        inputs = [
            {**self._input(action, contacts.get(action.deal_id)), "objectWriteTraceId": str(n)}
            for n, action in enumerate(actions)
        ]
        path = self._transport.paths.objects("tasks", "batch", "create")
        call = Call(method="POST", path=path, body={"inputs": inputs}, writes=True, repeatable=False)
        try:
            batch = self._transport.ask(call, read_batch)
        except InDoubtError:
            return []
        except RefusedError as refused:
            refusal = refused
        else:
            return self._told(actions, batch.results, batch.errors)
        # A conflict names one task; others may be there as well, and only they hold up the rest.
        found = self.find(actions) if _is_conflict(refusal.code) else []
        return found if any(receipt.state is ReceiptState.DONE for receipt in found) else refusal

    def _looked_up(self, actions: Sequence[Action], answered: Sequence[Receipt]) -> dict[str, Receipt]:
        """Return a receipt each, by key: what the answer leaves open is looked up before anything is sent again."""
        told = {receipt.key: receipt for receipt in answered}
        told |= {a.key: doubtful(a, "the answer does not mention it") for a in actions if a.key not in told}
        doubt = [a for a in actions if told[a.key].state is ReceiptState.IN_DOUBT]
        with suppress(RemoteError):
            told |= {receipt.key: receipt for receipt in (self.find(doubt) if doubt else [])}
        return told

    def _told(
        self, actions: Sequence[Action], results: Sequence[Mapping[str, Any]], errors: Sequence[Mapping[str, Any]]
    ) -> list[Receipt]:
        by_key = {a.key: a for a in actions}
        found: dict[str, Receipt] = {}
        for result in results:
            key = str((result.get("properties") or {}).get(self._settings.task_key))
            action = by_key.get(key) or _traced(actions, [result.get("objectWriteTraceId")])
            if action is not None and result.get("id"):
                found[action.key] = done(action, str(result["id"]), f"task {result['id']} echoed")
        for error in errors:
            context = error.get("context")
            action = _traced(actions, context.get("objectWriteTraceId") or [] if isinstance(context, Mapping) else [])
            # One that conflicts is looked up: it may be there under our own key.
            receipt = of_item(action, error) if action is not None else None
            if receipt is not None and not _is_conflict(receipt.code):
                found.setdefault(receipt.key, receipt)
        return list(found.values())

    def _input(self, action: Action, contact: str | None) -> dict[str, Any]:
        payload = action.payload
        channel = str(payload.get("channel") or "")
        properties = {
            "hs_timestamp": self._due(payload),
            "hs_task_subject": str(payload.get("subject") or "recyclekit"),
            "hs_task_body": _body(payload),
            "hs_task_status": _OPEN,
            "hs_task_type": _TYPES.get(channel, "TODO"),
            "hs_task_priority": "MEDIUM",
            self._settings.task_key: action.key,
        }
        if payload.get("owner"):
            properties["hubspot_owner_id"] = str(payload["owner"])
        ties = [_tie(action.deal_id, _TO_DEAL), *([_tie(contact, _TO_CONTACT)] if contact else [])]
        return {"properties": properties, "associations": ties}

    def _due(self, payload: Mapping[str, object]) -> str:
        """Return when a task is due: a morning hour of the business zone, as an instant."""
        due = payload.get("due_on")
        day = date.fromisoformat(str(due)) if due else clock.today(self._zone)
        local = datetime.combine(day, time(self._settings.due_hour), tzinfo=self._zone)
        return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def _nobody(self, action: Action) -> tuple[str, str] | None:
        """Return a code and a reason where nobody would see the task."""
        owner = action.payload.get("owner")
        if not owner:
            return None
        active = self._account.owners.get(str(owner))
        if active is None:
            return "unknown_owner", f"'{owner}' is no owner in HubSpot; name people by their owner ids."
        return None if active else ("inactive_owner", f"Owner {owner} has left HubSpot; name somebody else.")

    def _contacts(self, actions: Sequence[Action]) -> dict[str, str]:
        found = main_of(
            self._links.of("deals", "contacts", [a.deal_id for a in actions]), label=self._settings.main_contact_label
        )
        return dict(found.iter_rows())

    # -- removing

    def _archived(self, actions: Sequence[Action], ids: Mapping[str, str]) -> list[Receipt]:
        path = self._transport.paths.objects("tasks", "batch", "archive")
        body = {"inputs": [{"id": ids[a.key]} for a in actions]}
        self._transport.ask(Call(method="POST", path=path, body=body, writes=True), read_nothing)
        return [done(a, ids[a.key], "204") for a in actions]

    def _touched(self, action: Action, task: Mapping[str, str | None]) -> str:
        """Return which of the things that we wrote is another now; empty where none is."""
        payload = action.payload
        if (task["hs_task_status"] or _OPEN) != _OPEN:
            return "hs_task_status"
        if payload.get("due_on") and not _same_instant(task["hs_timestamp"], self._due(payload)):
            return "hs_timestamp"
        if payload.get("owner") and (task["hubspot_owner_id"] or "") != str(payload["owner"]):
            return "hubspot_owner_id"
        if payload.get("subject") and (task["hs_task_subject"] or "") != str(payload["subject"]):
            return "hs_task_subject"
        return ""

    def _by_key(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        own = self._settings.task_key
        names = [own, "hs_task_status", "hs_timestamp", "hubspot_owner_id", "hs_task_subject"]
        found = self._records.read("tasks", keys, names, by=own)
        return {str(row[own]): row for row in found.iter_rows(named=True)}


def _key(action: Action) -> str:
    """Return our key of the task that is to be removed."""
    return str(action.payload.get("key") or action.key)


def _tie(to: str, kind: int) -> dict[str, Any]:
    return {"to": {"id": to}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]}


def _traced(actions: Sequence[Action], traces: Sequence[object]) -> Action | None:
    numbers = [int(str(one)) for one in traces if str(one).isdecimal()]
    return actions[numbers[0]] if numbers and numbers[0] < len(actions) else None


def _is_conflict(code: str) -> bool:
    return code.upper() in _CONFLICTS or "UNIQUE" in code.upper() or "CONFLICT" in code.upper()


def _body(payload: Mapping[str, object]) -> str:
    """Return what whoever makes the touch should know: codes and the policy's own words, no person."""
    lines = [f"{name}: {escape(str(payload[name]))}" for name in _LINES if payload.get(name)]
    if payload.get("hook_source") == "sales":
        lines.append("hook: see the deal")
    return "<br>".join(["recyclekit", *lines])


def _same_instant(now: str | None, ours: str) -> bool:
    try:
        return datetime.fromisoformat(now or "") == datetime.fromisoformat(ours)
    except (ValueError, TypeError):
        return now == ours

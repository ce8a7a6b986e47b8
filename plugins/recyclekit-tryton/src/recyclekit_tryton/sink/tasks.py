"""Touches as tasks of the module project, which have neither due date nor assignee: their comment says both."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_tryton.answers import Record
from recyclekit_tryton.field_map import TASK, key_line, task_text
from recyclekit_tryton.sink.deals import Deal
from recyclekit_tryton.transport import Domain, Transport, either


class Tasks:
    """Creates and removes tasks, found again by the key in their comment."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        # Tryton numbers tasks from a sequence that it does not lock: of two at once, one is refused.
        self._one_at_a_time = threading.Lock()

    def there(self, actions: Sequence[Action]) -> Mapping[str, tuple[int | None, str]]:
        """Return the tasks that these actions have made already, by key."""
        keys = {key_line(_key(action)): action.key for action in actions}
        return {
            keys[line]: (row["id"], f"task {row['id']} holds the key")
            for row in self._with(list(keys))
            for line in (row["comment"] or "").splitlines()
            if line in keys
        }

    def put(self, action: Action, deal: Deal) -> Receipt:
        """Create the task; Tryton echoes its id."""
        due, subject = action.payload.get("due_on"), action.payload.get("subject") or action.step
        values: Record = {
            "name": f"{due} {subject}" if due else str(subject),
            "type": "task",
            "company": deal.company,
            "comment": task_text(action.key, action.deal_id, action.payload),
        }
        with self._one_at_a_time:
            task = self._transport.create(TASK, values)
        return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=str(task), proof=f"id {task} of a task")

    def take_back(self, action: Action) -> Receipt:
        """Remove the task unless somebody edited it."""
        line = key_line(_key(action))
        found = [row for row in self._with([line]) if line in (row["comment"] or "").splitlines()]
        touched = [row["id"] for row in found if row["write_date"] is not None]
        if touched:
            reason = f"somebody worked on task {touched[0]}"
            return Receipt(key=action.key, state=ReceiptState.SKIPPED, code="changed", reason=reason)
        gone = [self._transport.delete(TASK, row["id"]) for row in found]
        return Receipt(key=action.key, state=ReceiptState.DONE, proof=f"{len(gone)} tasks with our key removed")

    def _with(self, lines: Sequence[str]) -> list[Record]:
        # In a pattern `_` stands for any character and keys hold some: the caller compares the lines themselves.
        domain: Domain = [["type", "=", "task"], either([["comment", "like", f"%{line}%"] for line in lines])]
        return self._transport.read(TASK, domain, ["comment", "write_date"])


def _key(action: Action) -> str:
    """Return our key of the task: that of the action which made it, also where this one removes it."""
    return str(action.payload.get("key") or action.key)

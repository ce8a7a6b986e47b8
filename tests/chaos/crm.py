"""A small CRM on a file, which never forgives: the same key written twice leaves two effects, and anyone can see them.

It is a sink (writes, finds, undoes) and can be told to fail. Its journal is append-only, so a kill loses nothing that
was applied; a fault point after every record lets a test stop it in the middle of a batch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import polars as pl

from recyclekit.errors import RefusedError
from recyclekit.faultpoint import faultpoint
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import Finding

Entry = dict[str, object]
Fault = Callable[[str, Sequence[Action]], None]


def no_fault(_call: str, _actions: Sequence[Action]) -> None:
    """Let every call through."""


@dataclass
class Crm:
    """State is what the journal says. `before` runs before a call is applied, `after` after it; both may raise."""

    path: Path
    batch_size: int = 4
    before: Fault = no_fault
    after: Fault = no_fault
    answer: Callable[[list[Receipt]], Sequence[Receipt]] = list
    poison: Collection[str] = ()
    keyed: bool = False  # true: a key that is there already has no second effect
    lie: int = 0  # so many calls answer "done" and apply nothing
    seen: Counter[str] = field(default_factory=Counter)

    # -- the sink --------------------------------------------------------------------------------------------------

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return []

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        return -(-sum(kinds.values()) // self.batch_size)

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._call("write", actions, self._apply)

    def undo(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._call("undo", actions, self._take_back)

    def find(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        self.seen["find"] += 1
        self.before("find", actions)
        there = {entry["key"]: n for n, entry in enumerate(self.entries())}
        return [
            Receipt(key=a.key, state=ReceiptState.DONE, remote_id=f"x{there[a.key]}", proof="found by key")
            if a.key in there
            else Receipt(key=a.key, state=ReceiptState.PLANNED)
            for a in actions
        ]

    def _call(self, name: str, actions: Sequence[Action], apply: Callable[[Action], Receipt]) -> Sequence[Receipt]:
        self.seen[name] += 1
        self.before(name, actions)
        bad = [a for a in actions if a.key in self.poison]
        if bad:
            raise RefusedError("One of them is bad.", code="INVALID", field="recycle_track", correlation="c-1")
        if self.lie and name == "write":
            self.lie -= 1
            return [Receipt(key=a.key, state=ReceiptState.DONE) for a in actions]
        receipts = [apply(a) for a in actions]
        self.after(name, actions)
        return self.answer(receipts)

    def _apply(self, action: Action) -> Receipt:
        if self.keyed and self.effects()[action.key]:
            return Receipt(key=action.key, state=ReceiptState.DONE, remote_id="x", proof="was there")
        where = self._append({"op": action.kind, "key": action.key, "deal": action.deal_id, "what": action.payload})
        return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=f"x{where}", proof="id echoed")

    def _take_back(self, action: Action) -> Receipt:
        """Three-way: what holds our value goes back, what is back already is done, what a person changed stays."""
        if action.kind is ActionKind.RESTORE_FIELDS:
            now, put = self.fields(action.deal_id), {k: v for k, v in action.payload.items() if k != "expect"}
            if all(now.get(k) == v for k, v in put.items()):
                return Receipt(key=action.key, state=ReceiptState.DONE, proof="already back")
            expect = action.payload["expect"]
            assert isinstance(expect, Mapping)
            changed = [k for k, v in expect.items() if now.get(k) != v]
            if changed:
                reason = f"changed since: {', '.join(changed)}"
                return Receipt(key=action.key, state=ReceiptState.SKIPPED, code="changed", reason=reason)
            self._append({"op": action.kind, "key": action.key, "deal": action.deal_id, "what": put})
        else:
            key = action.payload["key"]
            if self.effects()[str(key)]:
                self._append({"op": "remove", "key": action.key, "deal": action.deal_id, "gone": key})
        return Receipt(key=action.key, state=ReceiptState.DONE, proof="204")

    # -- what a person does and sees -------------------------------------------------------------------------------

    def edit(self, deal: str, **values: object) -> None:
        """Let a person change a deal: our fields by name, or `stage`, which the fingerprint covers."""
        self._append({"op": "edit", "key": None, "deal": deal, "what": values})

    def delete(self, deal: str) -> None:
        self._append({"op": "delete", "key": None, "deal": deal})

    def entries(self) -> list[Entry]:
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        return [json.loads(line) for line in lines]

    def effects(self) -> Counter[str]:
        """Return how often each key stands in the CRM now."""
        found: Counter[str] = Counter()
        for entry in self.entries():
            if entry["op"] == "remove":
                found[str(entry["gone"])] -= 1
            elif entry["key"] is not None:
                found[str(entry["key"])] += 1
        return found

    def fields(self, deal: str) -> dict[str, object]:
        """Return a deal's fields as they stand."""
        state: dict[str, object] = {}
        for entry in self.entries():
            if entry["deal"] == deal and entry["op"] in {"set_fields", "restore_fields", "edit"}:
                what = entry["what"]
                assert isinstance(what, dict)
                state |= what
        return state

    def reread(self, deals: Sequence[str]) -> pl.DataFrame:
        """Return the deals as the drift check wants them."""
        faultpoint("crm.reread")
        self.seen["reread"] += 1
        self.before("reread", [])
        gone = {entry["deal"] for entry in self.entries() if entry["op"] == "delete"}
        rows = [{"deal_id": d, **_row(self.fields(d))} for d in deals if d not in gone]
        names = ("deal_id", "fingerprint", "recycle_track", "recycle_next_on")
        return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))

    def _append(self, entry: Entry) -> int:
        with self.path.open("ab") as journal:
            journal.write(json.dumps(entry).encode() + b"\n")
        faultpoint("crm.applied")
        return len(self.entries()) - 1


def _row(state: Mapping[str, object]) -> dict[str, object]:
    track, day = state.get("recycle_track"), state.get("recycle_next_on")
    return {"fingerprint": fingerprint(state.get("stage")), "recycle_track": track, "recycle_next_on": day}


def fingerprint(stage: object) -> str:
    """Return the fingerprint of a deal whose only decision field is its stage."""
    return f"f-{stage}"


def fail_at(
    n: int, error: Callable[[], Exception], names: Collection[str] = ("write", "find", "undo", "reread")
) -> Fault:
    """Return a fault that raises at the n-th call of these names, once."""
    numbers = count(1)

    def fault(name: str, _actions: Sequence[Action]) -> None:
        if name in names and next(numbers) == n:
            raise error()

    return fault

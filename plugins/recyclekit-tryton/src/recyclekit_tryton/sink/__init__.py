"""The writing door: our fields as notes, touches as project tasks, enrolments as records of a scenario.

Tryton has no batches: a batch here is one look at what is there already, then one call a record, several at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import polars as pl

from recyclekit.connectors import Calls
from recyclekit.errors import ConnectorError, InDoubtError, RefusedError, RemoteError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import Table
from recyclekit_tryton import preflight
from recyclekit_tryton.field_map import DEAL
from recyclekit_tryton.settings import TrytonSettings
from recyclekit_tryton.sink.deals import Deal, number
from recyclekit_tryton.sink.enrolments import Enrolments
from recyclekit_tryton.sink.fields import Fields
from recyclekit_tryton.sink.tasks import Tasks
from recyclekit_tryton.source import TrytonSource, person
from recyclekit_tryton.transport import Domain, Transport

BATCH = 100
NOT_APPLIED = "not_applied"


class TrytonSink:
    """Sink, ReadsBack, FindsByKey and Undoes over one database."""

    def __init__(self, transport: Transport, settings: TrytonSettings, source: TrytonSource) -> None:
        self._transport, self._settings, self._source = transport, settings, source
        fields, tasks, enrolments = Fields(transport, source), Tasks(transport), Enrolments(transport, settings)
        self._desks: Mapping[ActionKind, Fields | Tasks | Enrolments] = {
            ActionKind.SET_FIELDS: fields,
            ActionKind.CREATE_TASK: tasks,
            ActionKind.ENROL: enrolments,
            ActionKind.RESTORE_FIELDS: fields,
            ActionKind.REMOVE_TASK: tasks,
            ActionKind.UNENROL: enrolments,
        }

    @property
    def batch_size(self) -> int:
        return BATCH

    def told_calls(self) -> Calls:
        return self._transport.told_calls()

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        each = {ActionKind.ENROL: 2, ActionKind.RESTORE_FIELDS: 2, ActionKind.REMOVE_TASK: 2, ActionKind.UNENROL: 2}
        looks = 4  # at most: the deals, our notes twice, what is there already
        return sum(each.get(kind, 1) * count + looks * -(-count // BATCH) for kind, count in kinds.items())

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return list(preflight.look(self._transport, self._settings, kinds))

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        if len(actions) > BATCH:
            raise ConnectorError(f"A batch holds at most {BATCH} actions, not {len(actions)}.")
        if not actions:
            return []
        deals = self._deals(actions)
        there = self._there(actions)
        gone = [_gone(action) for action in actions if number(action.deal_id) not in deals]
        known = [action for action in actions if action.key in there]
        new = [a for a in actions if a.key not in there and number(a.deal_id) in deals]
        made = self._each(new, lambda action: self._put(action, deals[number(action.deal_id)]))
        done = [_done(action, there[action.key]) for action in known]
        return [*(receipt for receipt in gone if receipt.key not in there), *done, *made]

    def find(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        there = self._there(actions)
        return [
            _done(action, there[action.key])
            if action.key in there
            else Receipt(key=action.key, state=ReceiptState.PLANNED, code="absent", reason="it is not in Tryton")
            for action in actions
        ]

    def undo(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._each(actions, lambda action: self._desks[action.kind].take_back(action))

    def read_back(
        self, deal_ids: Sequence[str], columns: Mapping[Table, Collection[str]]
    ) -> Mapping[Table, pl.DataFrame]:
        """Return these deals, all notes on them, and their parties."""
        ids = sorted({number(deal) for deal in deal_ids} - {0})
        asked = {table: wanted for table, wanted in columns.items() if table in self._source.tables()}
        deals = self._transport.read(DEAL, [["id", "in", ids]], ["party", "contact.party"])
        parties = sorted({party for deal in deals for party in (deal["party"], person(deal)) if party is not None})
        within: dict[Table, Domain] = {
            Table.DEALS: [["id", "in", ids]],
            Table.ACTIVITIES: [["resource", "in", [f"{DEAL},{deal}" for deal in ids]]],
            Table.CONTACTS: [["id", "in", parties]],
            Table.ACCOUNTS: [["id", "in", parties]],
        }
        return {table: self._source.records_of(table, within[table], wanted) for table, wanted in asked.items()}

    # -- one by one --------------------------------------------------------------------------------------------------

    def _deals(self, actions: Sequence[Action]) -> Mapping[int, Deal]:
        ids = sorted({number(action.deal_id) for action in actions} - {0})
        rows = self._transport.read(DEAL, [["id", "in", ids]], ["party", "contact.party", "company"])
        sets = any(action.kind is ActionKind.SET_FIELDS for action in actions)
        own = self._source.own_fields(ids) if sets else {}
        return {
            row["id"]: Deal(id=row["id"], person=person(row), company=row["company"], own=own.get(row["id"], {}))
            for row in rows
        }

    def _there(self, actions: Sequence[Action]) -> Mapping[str, tuple[int | None, str]]:
        """Return what is in Tryton already: key → (id, or None where it is not ours alone; what proves it)."""
        found: dict[str, tuple[int | None, str]] = {}
        for kind in dict.fromkeys(action.kind for action in actions):
            found |= self._desks[kind].there([action for action in actions if action.kind is kind])
        return found

    def _put(self, action: Action, deal: Deal) -> Receipt:
        return self._desks[action.kind].put(action, deal)

    def _each(self, actions: Sequence[Action], do: Callable[[Action], Receipt]) -> list[Receipt]:
        """Return a receipt for each; raise only where the other side stopped us and nothing at all was applied."""
        errors: list[RemoteError] = []
        with ThreadPoolExecutor(self._settings.parallel) as pool:
            receipts = list(pool.map(partial(_receipt, do, errors), actions))
        if errors and all(receipt.code == NOT_APPLIED for receipt in receipts):
            raise errors[0]
        return receipts


def _receipt(do: Callable[[Action], Receipt], errors: list[RemoteError], action: Action) -> Receipt:
    try:
        return do(action)
    except InDoubtError as doubt:
        return Receipt(key=action.key, state=ReceiptState.IN_DOUBT, code="no_answer", reason=doubt.what)
    except RefusedError as error:
        return Receipt(
            key=action.key,
            state=ReceiptState.FAILED,
            code=error.code or "refused",
            reason=error.what,
            field=error.field,
        )
    except RemoteError as error:
        errors.append(error)
        return Receipt(key=action.key, state=ReceiptState.PLANNED, code=NOT_APPLIED, reason=error.what)


def _done(action: Action, there: tuple[int | None, str]) -> Receipt:
    remote_id = None if there[0] is None else str(there[0])
    return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=remote_id, proof=there[1])


def _gone(action: Action) -> Receipt:
    return Receipt(
        key=action.key, state=ReceiptState.FAILED, code="gone", reason="the opportunity is not there any more"
    )

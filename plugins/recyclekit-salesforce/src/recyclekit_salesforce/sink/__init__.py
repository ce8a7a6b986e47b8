"""The writing door: our fields, tasks and campaign members; read back before, found again after, taken back on undo."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

import polars as pl

from recyclekit.connectors import Calls, Opening
from recyclekit.errors import ConnectorError, InDoubtError, RemoteError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import Table
from recyclekit_salesforce import preflight
from recyclekit_salesforce.answers import doubtful
from recyclekit_salesforce.preflight import lacking
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.sink.fields import Fields
from recyclekit_salesforce.sink.members import Members
from recyclekit_salesforce.sink.rows import MOST, UNSENT
from recyclekit_salesforce.sink.tasks import Tasks
from recyclekit_salesforce.source import SalesforceSource
from recyclekit_salesforce.transport import Transport

_DEALS_A_QUERY = 350
_QUERIES = 7
"""Of so many deals read back: themselves, our closed tasks, contacts, tasks and events by deal and by contact."""
_JOB_CALLS = 12
_OPENING = 8
"""Signing in, and describing the objects that are read and written."""
Door = Callable[[Sequence[Action]], list[Receipt]]


class SalesforceSink:
    """Sink, ReadsBack, FindsByKey, Undoes, KnowsQuota and SetsUp over one org."""

    def __init__(
        self,
        settings: SalesforceSettings,
        opening: Opening,
        transport: Transport | None = None,
        today: Callable[[], date] | None = None,
    ) -> None:
        self.settings = settings
        self._source = SalesforceSource(settings, opening, transport, today)
        self.transport, self.catalogue = self._source.transport, self._source.catalogue
        self._fields = Fields(self.transport, self.catalogue, settings)
        self._tasks = Tasks(self.transport, self.catalogue, settings)
        self._members = Members(self.transport, self.catalogue, settings)

    @property
    def batch_size(self) -> int:
        return self.settings.batch_size

    # -- before the first write ------------------------------------------------------------------------------------

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return preflight.findings(self._source, kinds)

    def missing(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return lacking.missing(self.catalogue, self.settings, kinds)

    def set_up(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return lacking.set_up(self.transport, self.catalogue, self.settings, kinds)

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        most = max(kinds.values(), default=0)
        if not most:
            return 0
        reading = math.ceil(most / _DEALS_A_QUERY) * _QUERIES + _OPENING
        return reading + sum(self._writing(kind, count) for kind, count in kinds.items() if count)

    def _writing(self, kind: ActionKind, count: int) -> int:
        per_batch = min(count, self.batch_size)
        if kind in {ActionKind.SET_FIELDS, ActionKind.CREATE_TASK} and per_batch >= self.settings.bulk_write_from:
            return math.ceil(count / self.batch_size) * _JOB_CALLS
        if kind is ActionKind.SET_FIELDS and count <= self.settings.conditional_up_to:
            return count
        looks = 0 if kind is ActionKind.SET_FIELDS else math.ceil(count / _DEALS_A_QUERY)
        return math.ceil(count / MOST) + looks

    def told_calls(self) -> Calls:
        return self.transport.told_calls()

    def calls_left(self) -> int | None:
        """Ask the org; where the limits are hidden from our user, the header of that very answer tells."""
        return preflight.calls_left(self.transport)

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._by_kind(
            actions,
            {
                ActionKind.SET_FIELDS: self._fields.write,
                ActionKind.CREATE_TASK: self._tasks.write,
                ActionKind.ENROL: self._members.write,
                **self._undoing(),
            },
        )

    def find(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._by_kind(
            actions,
            {
                ActionKind.SET_FIELDS: self._fields.find,
                ActionKind.CREATE_TASK: self._tasks.find,
                ActionKind.ENROL: self._members.find,
            },
        )

    def undo(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._by_kind(actions, self._undoing())

    def read_back(
        self, deal_ids: Sequence[str], columns: Mapping[Table, Collection[str]]
    ) -> Mapping[Table, pl.DataFrame]:
        found, seen = self._source.read_back(deal_ids, columns)
        self._fields.seen = dict(seen)
        return found

    def _undoing(self) -> dict[ActionKind, Door]:
        return {
            ActionKind.RESTORE_FIELDS: self._fields.restore,
            ActionKind.REMOVE_TASK: self._tasks.remove,
            ActionKind.UNENROL: self._members.remove,
        }

    def _by_kind(self, actions: Sequence[Action], doors: Mapping[ActionKind, Door]) -> list[Receipt]:
        """Hand the actions to their doors, kind by kind.

        An error of a later kind does not undo what an earlier one did: its actions are then told as unsent.
        """
        if len(actions) > self.batch_size:
            raise ConnectorError(f"A batch holds at most {self.batch_size} actions, not {len(actions)}.")
        receipts: list[Receipt] = []
        for kind in dict.fromkeys(action.kind for action in actions):
            own = [action for action in actions if action.kind is kind]
            receipts += _one_door(doors[kind], own, is_first=not receipts)
        return receipts


def _one_door(door: Door, actions: Sequence[Action], *, is_first: bool) -> list[Receipt]:
    try:
        return door(actions)
    except InDoubtError as error:
        if is_first:
            raise
        return [doubtful(action, error.what) for action in actions]
    except RemoteError as error:
        if is_first:
            raise
        return [Receipt(key=a.key, state=ReceiptState.PLANNED, code=UNSENT, reason=error.what) for a in actions]

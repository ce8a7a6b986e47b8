"""The writing door of HubSpot: own fields, tasks and enrolments, each with proof and with a way back."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.connectors import Calls
from recyclekit.errors import RemoteError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import Table
from recyclekit_hubspot.preflight import Preflight
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.sink.enrolments import Enrolments
from recyclekit_hubspot.sink.fields import Fields
from recyclekit_hubspot.sink.parallel import PART
from recyclekit_hubspot.sink.receipts import of_error
from recyclekit_hubspot.sink.rereading import Rereading
from recyclekit_hubspot.sink.tasks import Tasks
from recyclekit_hubspot.source import HubSpotSource
from recyclekit_hubspot.transport import Transport

Write = Callable[[Sequence[Action]], list[Receipt]]
_MORE_THAN_USUAL = 1.5  # what is worth recycling was worked on more than others
_OWNERS = 2  # calls that list the owners, those who left included
_ABOUT = 4  # calls that ask for properties and stages
_ORDER = (
    ActionKind.REMOVE_TASK, ActionKind.UNENROL, ActionKind.CREATE_TASK, ActionKind.ENROL, ActionKind.SET_FIELDS,
    ActionKind.RESTORE_FIELDS,
)  # fmt: skip
"""What goes, what comes, and then the fields that tell of it."""


class HubSpotSink:
    """Sink, ReadsBack, FindsByKey, Undoes, KnowsQuota and SetsUp over one HubSpot account."""

    def __init__(self, settings: HubSpotSettings, transport: Transport, zone: ZoneInfo) -> None:
        self._settings, self._transport = settings, transport
        source = HubSpotSource(settings, transport)
        self._preflight = Preflight(settings, transport, source.account)
        self._fields = Fields(settings, transport, source.records)
        self._tasks = Tasks(settings, transport, source.account, source.links, zone)
        self._enrolments = Enrolments(settings, transport, source.links, source.records)
        self._rereading = Rereading(settings, source)

    @property
    def batch_size(self) -> int:
        return PART * self._settings.threads

    # -- before the first write

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return self._preflight.findings(kinds)

    def missing(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return self._preflight.missing(kinds)

    def set_up(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return self._preflight.set_up(kinds)

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        """Forecast calls: the writes, a hundred together, and before them the deals with all that decides on them."""
        actions, batches = sum(kinds.values()), math.ceil(sum(kinds.values()) / self.batch_size)
        if not actions:
            return 0
        engagements = actions * self._transport.engagements_per_deal * _MORE_THAN_USUAL
        before = 2 * math.ceil(actions / PART) + math.ceil(engagements / PART)
        before += _ABOUT + batches * (2 + 3 * len(self._settings.activities))
        writes = sum(math.ceil(n / PART) for n in kinds.values())
        people = kinds.get(ActionKind.ENROL, 0) + kinds.get(ActionKind.CREATE_TASK, 0)
        return before + writes + 2 * math.ceil(people / PART) + (_OWNERS if people else 0)

    def told_calls(self) -> Calls:
        return self._transport.told_calls()

    def calls_left(self) -> int | None:
        if self._transport.daily.left is None:
            self._transport.get(self._transport.paths.owners(), limit="1")
        return self._transport.daily.left

    # -- writing

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._carry_out(
            actions,
            {
                ActionKind.SET_FIELDS: self._fields.set,
                ActionKind.CREATE_TASK: self._tasks.create,
                ActionKind.ENROL: self._enrolments.add,
            },
        )

    def undo(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._carry_out(
            actions,
            {
                ActionKind.RESTORE_FIELDS: self._fields.put_back,
                ActionKind.REMOVE_TASK: self._tasks.remove,
                ActionKind.UNENROL: self._enrolments.remove,
            },
        )

    def find(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._carry_out(
            actions,
            {
                ActionKind.SET_FIELDS: self._fields.find,
                ActionKind.CREATE_TASK: self._tasks.find,
                ActionKind.ENROL: self._enrolments.find,
            },
        )

    def read_back(
        self, deal_ids: Sequence[str], columns: Mapping[Table, Collection[str]]
    ) -> Mapping[Table, pl.DataFrame]:
        return self._rereading.read_back(deal_ids, columns)

    def _carry_out(self, actions: Sequence[Action], doors: Mapping[ActionKind, Write]) -> list[Receipt]:
        """Hand each kind to its part, one kind after the other.

        Raises:
            RemoteError: of the first part, where nothing at all was written before.
        """
        receipts: list[Receipt] = []
        for kind in _ORDER:
            some = [a for a in actions if a.kind is kind]
            if not some:
                continue
            try:
                receipts += doors[kind](some)
            except RemoteError as error:
                if not receipts:
                    raise
                receipts += of_error(some, error)
        return receipts

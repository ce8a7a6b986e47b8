"""One sink made of two: enrolments go to the system that nurtures, everything else to the CRM."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import cast

from recyclekit.connectors.doors import provider_of
from recyclekit.connectors.protocols import Erases, FindsByKey, ReadsBack, SetsUp, Sink, Undoes
from recyclekit.errors import ConnectorError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import Finding

NURTURED = frozenset({ActionKind.ENROL, ActionKind.UNENROL})
"""The kinds of action that go to the system that nurtures."""
Answer = Callable[[Sequence[Action]], Sequence[Receipt]]


def routed(crm: Sink, nurture: Sink) -> Sink:
    """Return a sink that sends NURTURED actions to `nurture` and all others to `crm`.

    It can do what the system can that an action goes to: an enrolment is looked up and taken back over there. Deals are
    read back from the CRM. Each batch is split by system, so that an error speaks for the whole of a call.
    """
    return cast("Sink", _Routed(crm, nurture))


def doors(sink: Sink) -> Sequence[tuple[Sink, frozenset[ActionKind]]]:
    """Return the sinks that one stands for, each with the kinds of action that go there."""
    if isinstance(sink, _Routed):
        return [(sink.crm, frozenset(ActionKind) - NURTURED), (sink.nurture, NURTURED)]
    return [(sink, frozenset(ActionKind))]


def named(sink: Sink, kind: ActionKind) -> str:
    """Return who carries out a kind of action, for the beginning of a sentence."""
    behind = (provider_of(door) for door, kinds in doors(sink) if kind in kinds)
    return next((str(provider) for provider in behind if provider), "The sink")


class _Routed:
    def __init__(self, crm: Sink, nurture: Sink) -> None:
        self.crm, self.nurture = crm, nurture
        self.batch_size = min(crm.batch_size, nurture.batch_size)
        both = (crm, nurture)
        # Only what one of them can do may be there: `isinstance` against a protocol looks for the method.
        offered = vars(self)
        if isinstance(crm, ReadsBack):
            offered["read_back"] = crm.read_back
        if any(isinstance(sink, FindsByKey) for sink in both):
            offered["find"] = self._find
        if any(isinstance(sink, Undoes) for sink in both):
            offered["undo"] = self._undo
        if any(isinstance(sink, SetsUp) for sink in both):
            offered["missing"], offered["set_up"] = self._missing, self._set_up
        if any(isinstance(sink, Erases) for sink in both):
            offered["erase"] = self._erase

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return [one for sink, here in self._asked(kinds) for one in sink.preflight(here)]

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        return sum(sink.calls({kind: kinds[kind] for kind in here}) for sink, here in self._asked(kinds))

    def parts(self, actions: Sequence[Action]) -> Sequence[Sequence[Action]]:
        over_there = [a for a in actions if a.kind in NURTURED]
        here = [a for a in actions if a.kind not in NURTURED]
        return [part for part in (here, over_there) if part]

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return self._door(actions).write(actions) if actions else []

    def _find(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        sink = self._door(actions)
        if isinstance(sink, FindsByKey):
            return sink.find(actions)
        reason = "this system cannot be asked what became of it"
        return [_left(a, ReceiptState.IN_DOUBT, "cannot_find", reason) for a in actions]

    def _undo(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        sink = self._door(actions)
        if isinstance(sink, Undoes):
            return sink.undo(actions)
        return [_left(a, ReceiptState.SKIPPED, "not_undoable", "this system cannot take writes back") for a in actions]

    def _missing(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return [one for sink, here in self._asked(kinds) if isinstance(sink, SetsUp) for one in sink.missing(here)]

    def _set_up(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return [one for sink, here in self._asked(kinds) if isinstance(sink, SetsUp) for one in sink.set_up(here)]

    def _erase(self, deals: Collection[str]) -> int:
        return sum(sink.erase(deals) for sink in (self.crm, self.nurture) if isinstance(sink, Erases))

    def _asked(self, kinds: Collection[ActionKind]) -> list[tuple[Sink, list[ActionKind]]]:
        here = [kind for kind in kinds if kind not in NURTURED]
        over_there = [kind for kind in kinds if kind in NURTURED]
        return [(sink, own) for sink, own in ((self.crm, here), (self.nurture, over_there)) if own]

    def _door(self, actions: Sequence[Action]) -> Sink:
        if len(self.parts(actions)) > 1:
            raise ConnectorError("A call goes to one system, not to two.", fix="Split the batch with `parts` first.")
        return self.nurture if actions[0].kind in NURTURED else self.crm


def _left(action: Action, state: ReceiptState, code: str, reason: str) -> Receipt:
    return Receipt(key=action.key, state=state, code=code, reason=reason)

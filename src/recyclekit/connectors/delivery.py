"""A sink and how stage 5 speaks to it: call by call and patiently, with a receipt for every action.

What a call answers is not taken at its word: a receipt without proof is none. What is refused is halved until the
record that is to blame stands alone, and what no answer came for is in doubt, never simply sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

from recyclekit.connectors.protocols import FindsByKey, Sink, SplitsBatches, Undoes
from recyclekit.connectors.routed import named
from recyclekit.errors import InDoubtError, RefusedError
from recyclekit.faultpoint import faultpoint
from recyclekit.models.inverse import UNDO_KINDS
from recyclekit.models.patience import Patience
from recyclekit.models.plan import Action
from recyclekit.models.proof import breaches, found, in_doubt, proven, refused
from recyclekit.models.run import Receipt

T = TypeVar("T")
Call = Callable[[Sequence[Action]], Sequence[Receipt]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How one attempt at a run speaks to its sink.

    Attributes:
        sink: the writing door.
        patience: how often and how long nothing applied is tried again.
        wait: waits so many seconds between two tries.
        should_stop: asked before such a wait.
        beating: keeps the caller's lease alive while a call lasts.
        remarks: in words, where an answer broke the contract of receipts; the first five say enough.
    """

    sink: Sink
    patience: Patience
    wait: Callable[[float], None]
    should_stop: Callable[[], bool]
    beating: Callable[[], AbstractContextManager[None]]
    remarks: list[str] = field(default_factory=list)

    def parts(self, actions: Sequence[Action]) -> Iterator[Sequence[Action]]:
        """Yield the actions call by call: undoing before the rest, and one system after the other."""
        for undoing in (True, False):
            part = [a for a in actions if (a.kind in UNDO_KINDS) is undoing]
            if part:
                yield from self.sink.parts(part) if isinstance(self.sink, SplitsBatches) else [part]

    def deliver(self, actions: Sequence[Action]) -> Iterator[list[Receipt]]:
        """Yield the receipts of each call; a refused batch is halved until the record that is to blame stands alone.

        Raises:
            RemoteError: the other side stops us; what was not yielded was not applied.
        """
        try:
            receipts = self.call_patiently(actions)
            self._remark(actions, receipts)
            yield proven(actions, receipts)
        except InDoubtError as doubt:
            yield [in_doubt(a, "no_answer", doubt.what) for a in actions]
        except RefusedError as refusal:
            if len(actions) == 1:
                yield [refused(actions[0], refusal)]
                return
            half = len(actions) // 2
            yield from self.deliver(actions[:half])
            yield from self.deliver(actions[half:])

    def find(self, actions: Sequence[Action]) -> list[Receipt]:
        """Ask the other side what became of actions of one part; doubt that it cannot settle stays doubt."""
        sink = self.sink
        if not isinstance(sink, FindsByKey):
            return [in_doubt(a, "cannot_find", "this system cannot be asked what became of it") for a in actions]
        try:
            return found(actions, self.patiently(lambda: self.call(sink.find, actions, "find")))
        except (InDoubtError, RefusedError) as error:
            return [in_doubt(a, "not_found_out", error.what) for a in actions]

    def call_patiently(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        """Return what the sink answers to one batch, which is to be written or to be taken back."""
        undoing = actions[0].kind in UNDO_KINDS
        door: Call = self.sink.undo if undoing and isinstance(self.sink, Undoes) else self.sink.write
        return self.patiently(lambda: self.call(door, actions, "write"))

    def call(self, door: Call, actions: Sequence[Action], name: str) -> Sequence[Receipt]:
        """Make one call, between two points at which a test may kill the process."""
        faultpoint(f"sink.{name}")
        with self.beating():
            receipts = door(actions)
        faultpoint(f"sink.{name}.answered")
        return receipts

    def patiently(self, ask: Callable[[], T]) -> T:
        """Return an answer, asking again while nothing was applied."""
        return self.patience.ask(ask, self.wait, self.should_stop)

    def _remark(self, actions: Sequence[Action], receipts: Sequence[Receipt]) -> None:
        if len(self.remarks) < 5 and (said := breaches(actions, receipts)):
            self.remarks.append(f"{named(self.sink, actions[0].kind)} broke the contract of receipts: {said}.")

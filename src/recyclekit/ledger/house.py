"""The ledger for those who keep it: all of `SqlLedger`, and what `recyclekit erase` and `recyclekit ledger` need."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from recyclekit.faultpoint import faultpoint
from recyclekit.ledger import erasing, tombs
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.run import Run, RunState
from recyclekit.models.tombstone import Erasable, Tombstones


class House(SqlLedger):
    """`recyclekit.ledger.housekeeping` on a store."""

    # -- erasing ---------------------------------------------------------------------------------------------------

    def erasing(self, pipeline: str) -> Run | None:
        return self._read(lambda c: erasing.unfinished(c, pipeline), None)

    def begin_erasing(self, lease: Lease, run: Run, ids: Collection[tuple[Erasable, str]]) -> Run:
        return erasing.begin(self.store, lease, run, ids)

    def tombstones(self, pipeline: str, run: str | None = None) -> Tombstones:
        return self._read(lambda c: tombs.standing(c, pipeline, run), Tombstones())

    def named(self, pipeline: str, run: str) -> frozenset[str]:
        return self._read(lambda c: erasing.named(c, pipeline, run), frozenset[str]())

    def erase_rows(self, lease: Lease, run: str, texts: Collection[str] = ()) -> Mapping[str, int]:
        return erasing.remove(self.store, lease, run, texts)

    def note_erased(self, lease: Lease, run: str, found: Mapping[str, int], state: RunState | None = None) -> Run:
        return erasing.note(self.store, lease, run, found, state)

    def scrub(self) -> None:
        faultpoint("ledger.scrub")
        self.store.scrub()
        faultpoint("ledger.scrubbed")

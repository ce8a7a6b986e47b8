"""The ledger for those who keep it: all of `SqlLedger`, and what `recyclekit erase` and `recyclekit ledger` need."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from recyclekit.errors import InputError
from recyclekit.faultpoint import faultpoint
from recyclekit.ledger import backup, erasing, looking, pruning, restoring, tombs
from recyclekit.ledger.backup import Backup
from recyclekit.ledger.looking import Status
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.sql import SqlLedger
from recyclekit.ledger.version import version
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

    # -- tidying ---------------------------------------------------------------------------------------------------

    def prune(
        self,
        lease: Lease,
        *,
        runs_before: datetime | None,
        dead_letters_before: datetime | None,
        plans_before: datetime | None,
    ) -> Mapping[str, int]:
        return pruning.prune(
            self.store, lease, runs_before=runs_before, dead_letters_before=dead_letters_before,
            plans_before=plans_before,
        )  # fmt: skip

    def tidy(self) -> None:
        self.store.tidy()

    # -- keeping a copy --------------------------------------------------------------------------------------------

    def save_to(self, path: Path) -> Backup:
        if not self.store.exists():
            raise InputError(f"There is no ledger {self.store.place} yet, so there is nothing to keep.")
        return backup.save(self.store, path)

    def restore_from(self, path: Path) -> Backup:
        return restoring.restore(self.store, path)

    # -- the schema ------------------------------------------------------------------------------------------------

    def schema(self) -> str | None:
        return self.store.read(version) if self.store.exists() else None

    def status(self) -> Status:
        return looking.look(self.store)

    def upgrade(self) -> str | None:
        before = self.schema()
        self._make_ready()
        return before

    def scrub(self) -> None:
        faultpoint("ledger.scrub")
        self.store.scrub()
        faultpoint("ledger.scrubbed")

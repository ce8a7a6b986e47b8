"""What the ledger can be asked by those who keep it: erasing people, tidying, backup, restoring, upgrading."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from recyclekit.ledger.protocol import Lease, Ledger
from recyclekit.models.run import Run, RunState
from recyclekit.models.tombstone import Erasable, Tombstones

if TYPE_CHECKING:
    from recyclekit.ledger.backup import Backup
    from recyclekit.ledger.looking import Status


class Erasing(Ledger, Protocol):
    """A ledger that can forget a person. The order is: begin, then everywhere else, then the rows, then scrub."""

    def erasing(self, pipeline: str) -> Run | None:
        """Return the run of erasing that was cut short; None where there is none."""
        ...

    def begin_erasing(self, lease: Lease, run: Run, ids: Collection[tuple[Erasable, str]]) -> Run:
        """Put up tombstones under a run of kind ERASE, or under the one that was cut short; return that run.

        From here on plans leave these deals out, and plans from before that name them are refused.
        """
        ...

    def tombstones(self, pipeline: str, run: str | None = None) -> Tombstones:
        """Return a pipeline's tombstones: all, or those of one run."""
        ...

    def named(self, pipeline: str, run: str) -> frozenset[str]:
        """Return the deals under a run's tombstones that rows still name: what an interrupted run can go by."""
        ...

    def erase_rows(self, lease: Lease, run: str, texts: Collection[str] = ()) -> Mapping[str, int]:
        """Take what lies under a run's tombstones out of all rows, in one transaction; again it changes nothing.

        Actions stay, with their state, and say no more which deal they were about: sums keep closing. What was not
        sent is skipped. Cycles and touches go. `texts` (names, addresses) are taken out of remarks.
        """
        ...

    def note_erased(self, lease: Lease, run: str, found: Mapping[str, int], state: RunState | None = None) -> Run:
        """Add numbers to a run's receipt, by place; with a state the run has ended. Return the run."""
        ...

    def scrub(self) -> None:
        """Write the database anew without anything that was deleted, SQLite's write-ahead log included.

        Raises:
            LedgerBusyError: somebody else keeps reading; nothing is lost.
        """
        ...


class Housekeeping(Erasing, Protocol):
    """A ledger that can be tidied, copied, filled from a copy and brought up to date."""

    def prune(
        self,
        lease: Lease,
        *,
        runs_before: datetime | None,
        dead_letters_before: datetime | None,
        plans_before: datetime | None,
    ) -> Mapping[str, int]:
        """Forget what a pipeline has from before these moments; None keeps all. Return how many rows went, by kind.

        Cycles, touches, doubt, tombstones and what has not ended stay: `memory` is the same before and after.
        """
        ...

    def tidy(self) -> None:
        """Give back the room of deleted rows."""
        ...

    def save_to(self, path: Path) -> Backup:
        """Write all pipelines, at one moment, to a file; runs may go on meanwhile. Its schema is left as it is.

        Raises:
            InputError: there is no ledger yet, or the file cannot be written.
        """
        ...

    def restore_from(self, path: Path) -> Backup:
        """Fill this ledger, which must be empty, from a backup of any schema and either database; all or nothing.

        Raises:
            InputError: the file is no backup or damaged. ConfigError: this ledger is not empty.
            LedgerVersionError: a newer version made the backup.
        """
        ...

    def schema(self) -> str | None:
        """Return the number of the schema that the ledger stands at; None where there is none yet."""
        ...

    def status(self) -> Status:
        """Return what the ledger holds and who may write now; makes and migrates nothing."""
        ...

    def upgrade(self) -> str | None:
        """Bring the schema up to date; return where it stood before.

        Raises:
            LedgerVersionError: it is newer than this version knows.
        """
        ...

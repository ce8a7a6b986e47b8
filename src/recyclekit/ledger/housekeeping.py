"""What the ledger can be asked by those who keep it: erasing people, tidying, backup, restoring, upgrading."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from recyclekit.ledger.protocol import Lease, Ledger
from recyclekit.models.run import Run, RunState
from recyclekit.models.tombstone import Erasable, Tombstones


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
    """All of it."""

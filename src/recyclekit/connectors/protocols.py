"""The doors of a connector, as typed protocols asked for with `isinstance`. Frozen: growth means a new protocol.

Connectors raise the errors of `recyclekit.errors` (the group "the other side"); only stages turn them into outcomes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import polars as pl

from recyclekit.models.field_map import Mapped
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt
from recyclekit.models.snapshot import Finding, dead_letters
from recyclekit.models.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records read together.

    Attributes:
        records: String columns named by the vendor, plus `_line` UInt64 (see models.snapshot.LINE). May be empty.
        cursor: opaque position after the last record of this page; handing it back resumes right behind it.
        set_aside: records that could not be split into columns, as dead letters of stage extract.
    """

    table: Table
    records: pl.DataFrame
    cursor: str
    set_aside: pl.DataFrame = field(default_factory=dead_letters)


@runtime_checkable
class Source(Protocol):
    """The reading door. Never writes."""

    def tables(self) -> Collection[Table]:
        """Return the tables that can be read here."""
        ...

    def mapped(self) -> Mapped:
        """Return the default field map, the stage metadata and known reasons, as the system itself reports them."""
        ...

    def columns(self, table: Table) -> Collection[str]:
        """Return the vendor's column names of a table, for `check` and "did you mean"."""
        ...

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        """Yield pages of a table's records after a cursor, at least the given columns, in a stable order.

        Raises:
            SignInError, RetryableError, QuotaError: see recyclekit.errors.
        """
        ...


@runtime_checkable
class ScansColumns(Protocol):
    """A source that can hand a whole table over as one lazy scan (files): the fast path."""

    def scan(self, table: Table, columns: Collection[str]) -> tuple[pl.LazyFrame, pl.DataFrame]:
        """Return the records (as in Page.records, lazily) and the dead letters of what could not be split.

        Columns that hold nothing in any record may be left out.
        """
        ...


@runtime_checkable
class KnowsTidiness(Protocol):
    """A source that scans columns and has looked at every byte of them: it can spare others a second look."""

    def tidy(self, table: Table) -> Collection[str]:
        """Return the columns in which, for sure, no text is empty, holds a control character or has outer blanks."""
        ...


@runtime_checkable
class Sink(Protocol):
    """The writing door."""

    @property
    def batch_size(self) -> int:
        """How many actions one call of `write` takes at most."""
        ...

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        """Return what stands in the way of these kinds of action: fields, options, lists, owners, rights, quota."""
        ...

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        """Write a batch; return one receipt per action, in any order. The same key written twice has one effect.

        Raises:
            RefusedError: the batch was refused as a whole, nothing applied.
            RetryableError, QuotaError, SignInError: nothing applied.
            InDoubtError: sent, and no proof came back for any of it.
        """
        ...

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        """Forecast how many API calls these numbers of actions take."""
        ...


@runtime_checkable
class ReadsBack(Protocol):
    """A sink that can re-read single deals just before writing: what the drift check and undo need."""

    def read_back(
        self, deal_ids: Sequence[str], columns: Mapping[Table, Collection[str]]
    ) -> Mapping[Table, pl.DataFrame]:
        """Return the raw records of these deals, their activities and contacts; missing deals are absent."""
        ...


@runtime_checkable
class FindsByKey(Protocol):
    """A sink that can tell, from its side, whether an action took effect: settles doubt after a crash."""

    def find(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        """Return a receipt for each: `done` if found, `planned` if proven absent, `in_doubt` if unknowable."""
        ...


@runtime_checkable
class Undoes(Protocol):
    """A sink that can take our writes back."""

    def undo(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        """Carry out restore_fields, remove_task and unenrol; `skipped`, with a reason, where a person changed it.

        The same undo twice has one effect: what already holds the value to put back, or is already gone, is `done`.
        `remote_id` and `payload["key"]` (our key of the task or enrolment) say what to remove.
        """
        ...


@runtime_checkable
class SplitsBatches(Protocol):
    """A sink whose batches go to more than one place: each part is a call of its own, so errors speak for all of it."""

    def parts(self, actions: Sequence[Action]) -> Sequence[Sequence[Action]]:
        """Return the actions in parts, to be handed to `write`, `find` or `undo` one after the other; none left out."""
        ...


@runtime_checkable
class KnowsQuota(Protocol):
    """A sink that can tell how many calls its system still lets us make: a plan that takes more is refused."""

    def calls_left(self) -> int | None:
        """Return the calls that are left in the window that runs out first (of a day, usually); None if unknown.

        What counts is what `calls` forecasts in: the same unit, after a margin that the connector keeps for other
        users of the same quota. Asked in `check` and before a plan is written, so it may take a call.

        Raises:
            SignInError, RetryableError, QuotaError: see recyclekit.errors. QuotaError means that nothing is left.
        """
        ...


@runtime_checkable
class SetsUp(Protocol):
    """A sink that can create what its system lacks for our writes, such as our own fields: `check --fix`."""

    def missing(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        """Return, one finding each, what these kinds of action lack here and `set_up` would create. Writes nothing.

        `what` names the thing and its type ("The property recycle_reason (enumeration) on deals"). What is lacking
        and cannot be created (rights, a licence) is not listed here: it belongs into `preflight`.
        """
        ...

    def set_up(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        """Create all that `missing` lists and return a note on each thing made; what is there already is left alone.

        Twice has one effect. Only called after somebody agreed to the list.

        Raises:
            SignInError, RefusedError, RetryableError, QuotaError, InDoubtError: what was made until then stays.
        """
        ...

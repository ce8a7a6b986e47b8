"""The doors of a connector, as typed protocols asked for with `isinstance`. Frozen: growth means a new protocol.

Connectors raise the errors of `recyclekit.errors` (the group "the other side"); only stages turn them into outcomes.
Ids, columns and values are the system's own; one thread at a time uses a door. docs/reference/connector-contract.md is
made from these docstrings.
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
        table: the table that the records are of.
        records: String columns named by the vendor, plus `_line` UInt64 (see models.snapshot.LINE). Values are the
            text that the system holds (a number's digits, a date as it is written there), null where it holds nothing.
            May be empty.
        cursor: opaque position after the last record of this page; handing it back, to another process too, resumes
            right behind it. Text, not empty, without secrets, different from every earlier one of the same reading
            (only an empty last page may repeat the one before it).
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
        """Return the tables that can be read here; `deals` is among them, or there is nothing to recycle."""
        ...

    def mapped(self) -> Mapped:
        """Return the default field map, the stage metadata and known reasons, as the system itself reports them.

        The map is data that a project file may override column by column. It fills `deals.deal_id` and, where the
        sink writes them, all eight own fields, so that what was written is read again. Won and lost come from what the
        system says of its stages, never from their names. Times that the system writes without a zone get one here.
        """
        ...

    def columns(self, table: Table) -> Collection[str]:
        """Return the vendor's column names of a table, for `check` and "did you mean"."""
        ...

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        """Yield pages of a table's records after a cursor, with at least the given columns, in a stable order.

        Without a cursor, everything, each record once. Behind the last page's cursor, where `incremental` is declared:
        what changed or came since reading began (a record may come again, with its newest state); else nothing.
        Reading ends by itself; a connector repeats failed calls of its own only where that skips and doubles nothing.

        Raises:
            ConnectorError: the cursor is not one of this connector.
            SignInError, RetryableError, QuotaError: see recyclekit.errors; the pages yielded before stand, and reading
                can be taken up behind the last of them. A broken answer is never a shorter one.
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
class CountsRecords(Protocol):
    """A source that scans columns and knows how many records there are: those too many for memory are read in parts."""

    def count(self, table: Table) -> int:
        """Return the number of records that `scan` hands over. Takes no second reading of them."""
        ...


@runtime_checkable
class Sink(Protocol):
    """The writing door."""

    @property
    def batch_size(self) -> int:
        """How many actions one call of `write` takes at most: at least 1, and the same for the life of the door.

        It may be several of the vendor's batches, which the sink then sends by itself.
        """
        ...

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        """Return what stands in the way of these kinds of action: fields, options, lists, owners, rights, quota.

        Only reads. Level `error` where writing would fail; each finding names the thing as the system calls it and says
        what to do.

        Raises:
            SignInError, RetryableError, QuotaError: the system cannot be asked.
        """
        ...

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        """Write a batch; return one receipt per action, in any order. The same key written twice has one effect.

        Kinds may come mixed; no action is no call. On a deal only the named own fields are touched; None clears one.
        A contact who opted out since the plan was made is not enrolled: `skipped`, unless `read_back` shows it.

        Each receipt stands for itself: `done` with what proves it and the system's id; `failed` with the vendor's code
        and, where named, field and correlation id; `skipped` with a reason; `planned` where it was not applied and may
        be sent again; `in_doubt` where nobody knows. Never `done` for an answer that proves nothing, even a 200.

        Raises:
            RefusedError: the batch was refused as a whole, nothing applied; it will be halved and tried again.
            RetryableError, QuotaError, SignInError: nothing applied. `retry_after` hands the other side's hint on.
            InDoubtError: sent, and no proof came back for any of it; `find` is asked before anything is repeated.
        """
        ...

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        """Forecast how many API calls these numbers of actions take, with the reading that goes with them.

        That is `read_back` before every batch, where there is one, and whatever `write` looks up by itself.
        An upper bound as long as nothing fails, at most a few times what is really taken; 0 for nothing. Takes no call.
        """
        ...


@runtime_checkable
class ReadsBack(Protocol):
    """A sink that can re-read single deals just before writing: what the drift check and undo need."""

    def read_back(
        self, deal_ids: Sequence[str], columns: Mapping[Table, Collection[str]]
    ) -> Mapping[Table, pl.DataFrame]:
        """Return the raw records of these deals, and of their activities, contacts and accounts where asked for.

        Frames as in Page.records, with the same text for the same value, as they stand now: never from a cache or an
        index that lags. Deals that are gone are absent; further records of the other tables do no harm.

        Raises:
            SignInError, RetryableError, QuotaError: see recyclekit.errors.
        """
        ...


@runtime_checkable
class FindsByKey(Protocol):
    """A sink that can tell, from its side, whether an action took effect: settles doubt after a crash."""

    def find(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        """Return a receipt for each: `done` if found, `planned` if proven absent, `in_doubt` if unknowable.

        Tasks and enrolments are found by their key, not by their deal; fields by whether the deal holds these values.
        Writes nothing.

        Raises:
            SignInError, RetryableError, QuotaError, InDoubtError: nothing was found out.
        """
        ...


@runtime_checkable
class Undoes(Protocol):
    """A sink that can take our writes back."""

    def undo(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        """Carry out restore_fields, remove_task and unenrol; `skipped`, with a reason, where a person changed it.

        Three-way: a field goes back only where it still holds what `payload["expect"]` says; of a deal with one changed
        field, all stay. The same undo twice has one effect: what already holds the value to put back, or is already
        gone, is `done`. `remote_id` and `payload["key"]` (our key of the task or enrolment) say what to remove; a task
        that somebody worked on stays.

        Raises:
            As `write`.
        """
        ...


@runtime_checkable
class Erases(Protocol):
    """A sink that keeps what we wrote where no other program erases it: `recyclekit erase` reaches it by this door."""

    def erase(self, deals: Collection[str]) -> int:
        """Remove all that we wrote about these deals, whoever worked on it since; return how many things there were.

        Own fields, tasks, enrolments, and copies of them. Nothing of other deals, and nothing that the system's own
        erasing sees to. Twice has one effect; the second time it returns 0.

        Raises:
            As `write`.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a door has asked of its system so far.

    Attributes:
        of: whose count this is; doors that share one count say the same, so that no call is counted twice.
        made: calls, answered or not.
        left: how many may still be made, by the system's last word; None where it said nothing lately.
    """

    of: str
    made: int
    left: int | None = None


@runtime_checkable
class TellsCalls(Protocol):
    """A door, source or sink, that counts its calls: for the metrics of runs."""

    def told_calls(self) -> Calls:
        """Return what was asked so far. Makes no call itself, and may be asked at any time, from any thread."""
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

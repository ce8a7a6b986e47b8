"""The bench: a system of our own to try a connector on, as typed protocols. The more it can do, the more is proven.

A bench speaks in canonical columns (recyclekit.models.tables) and ids of the system; it does by the back door what
people and accidents do. Only `Bench` is needed to prove reading; each further protocol opens further tests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

from recyclekit.connectors.manifest import Support
from recyclekit.models.plan import Action
from recyclekit.models.tables import Table

Record = Mapping[str, object]
"""Canonical column → value: str, int, float, bool, date (business date), aware datetime, or None."""


class Trouble(StrEnum):
    """What can go wrong on the other side. It befalls the next calls of the kind that it is about."""

    THROTTLED = "throttled"
    """Any call: refused for now, nothing applied, with a hint how long to wait."""
    QUOTA = "quota"
    """Any call: the calls of the day are spent; nothing applied."""
    DOWN = "down"
    """Any call: the server answers with an error of its own (5xx) or resets the connection; nothing applied."""
    SIGNED_OUT = "signed_out"
    """Any call: the credentials do not hold any more, nor can they be renewed."""
    FORBIDDEN = "forbidden"
    """Any call: a permission is missing."""
    CUT_OFF = "cut_off"
    """Calls that read: the connection ends in the middle of the answer."""
    CIRCLING = "circling"
    """Calls that read a page: the answer is the page before it, again and again."""
    UNREADABLE = "unreadable"
    """Calls that read a page: one record of it cannot be split into columns. The others are as they should be."""
    LOST_ANSWER = "lost_answer"
    """Calls that write: applied, and the connection ends before the answer."""
    LYING = "lying"
    """Calls that write: success is claimed, with nothing in the answer that proves it; nothing was applied."""


@runtime_checkable
class Bench(Protocol):
    """A system that records can be put into. It need not be empty, but nobody else changes it meanwhile."""

    @property
    def page_size(self) -> int:
        """Return how many deals fill a page here: make it small where the settings allow it, for speed."""
        ...

    @property
    def owner(self) -> str:
        """Return the system's id of somebody to whom tasks can be given."""
        ...

    @property
    def track(self) -> str:
        """Return a track for which the settings name a list, campaign or scenario; any track where none is needed."""
        ...

    def seedable(self) -> Collection[Table]:
        """Return the tables that `seed` takes records of; deals at least."""
        ...

    def seed(self, table: Table, records: Sequence[Record]) -> Sequence[str]:
        """Put records into the system and return their ids, in the same order.

        Deals say `crm_state` (won, lost, open) instead of a stage; `account_id`, `contact_id` and `deal_id` are ids
        that `seed` returned. What the system has no place for is left out. Dates are dates in Asia/Tokyo, the kit's
        business zone, however the system writes them down.
        """
        ...


@runtime_checkable
class Edits(Protocol):
    """A bench that changes records behind the connector's back, as people do."""

    def edit(self, deal_id: str, values: Record) -> None:
        """Change a deal's columns, our own fields among them."""
        ...

    def delete(self, deal_id: str) -> None:
        """Delete (archive) a deal."""
        ...

    def finish(self, deal_id: str, key: str) -> None:
        """Mark the task that we created under this key as completed, as its owner would."""
        ...

    def opt_out(self, contact_id: str) -> None:
        """Note that this contact asked not to be mailed."""
        ...


@runtime_checkable
class Looks(Protocol):
    """A bench that can look at what stands in the system, without the connector."""

    def fields(self, deal_id: str) -> Mapping[str, str | None]:
        """Return our own fields (OWN_FIELDS) of a deal as text; dates in ISO form, what is empty as None."""
        ...

    def tasks(self, deal_id: str) -> Sequence[str]:
        """Return the keys of the tasks that stand at a deal, a key once for every task that bears it."""
        ...

    def enrolments(self, deal_id: str) -> int:
        """Return how often the deal (its contact) is enrolled."""
        ...


@runtime_checkable
class LooksAtTasks(Protocol):
    """A bench that can look at a task more closely."""

    def task(self, deal_id: str, key: str) -> Record:
        """Return what stands on the task of this key: `due_on` (the day in Asia/Tokyo, a date) and `owner`.

        What the system has no place for at all is left out.
        """
        ...


@runtime_checkable
class CountsCalls(Protocol):
    """A bench that counts what a quota would count."""

    def calls(self) -> int:
        """Return the calls so far."""
        ...


@runtime_checkable
class Hurts(Protocol):
    """A bench that makes trouble."""

    def troubles(self) -> Mapping[Trouble, Support]:
        """Return what it can make (FULL) and what its system never has (NEVER, with the reason); absent: not yet."""
        ...

    def hurt(self, trouble: Trouble, *, times: int | None = 1, wait: float | None = None) -> None:
        """Let trouble befall the next calls that it is about; `times=None`: all until `heal`. `wait`: the hint."""
        ...

    def heal(self) -> None:
        """End all trouble."""
        ...


@runtime_checkable
class Refuses(Protocol):
    """A bench whose system refuses single writes."""

    def refused(self, action: Action) -> Action:
        """Return this action, with its key, such that the system refuses it for what it says, or for its deal."""
        ...


@runtime_checkable
class Lacks(Protocol):
    """A bench that can take away something that our writes need: a field, an option, a list, a right."""

    def lack(self) -> str:
        """Take it away and return its name, which the connector's preflight must then mention."""
        ...

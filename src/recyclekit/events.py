"""Frozen facts that observers hear while a run goes on: progress and results, never a way to change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    """A stage began; `total` is the number of items that it will handle, where known."""

    run: str
    stage: str
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgressed:
    """`done` more items of the stage are through."""

    run: str
    stage: str
    done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEnded:
    """A stage ended, with its figures (counts by name)."""

    run: str
    stage: str
    seconds: float
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """A run ended with this outcome; `kind` tells an undo from what it takes back."""

    run: str
    pipeline: str
    outcome: str
    kind: str = "apply"
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlanned:
    """A plan was made that is to be written; `figures`: deals, writes, dead_letters, guards."""

    run: str
    pipeline: str
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAsked:
    """A plan waits for a person's word; `cause` says whether the pipeline asks for it or a guard stopped the plan."""

    run: str
    pipeline: str
    cause: str
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalGiven:
    """A person decided on a plan that waited: `verdict` is approved or rejected."""

    run: str
    pipeline: str
    verdict: str
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPartiallyFailed:
    """A run ended with writes that failed, are in doubt or were not sent: somebody should look."""

    run: str
    pipeline: str
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealsHandedBack:
    """A run gave deals to sales again, and every write of it is proven; of one run, each deal is told once.

    `deals` are the first of them, as `models.hand_back.packet` gives them; `figures`: deals, and how many by signal.
    """

    run: str
    pipeline: str
    figures: Mapping[str, int]
    deals: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardTripped:
    """A change guard of the policy stopped a plan before anything was written."""

    run: str
    pipeline: str
    guards: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaSpent:
    """The other side's quota of calls stopped a run, before or while it wrote."""

    run: str
    pipeline: str


Event = (
    StageStarted | StageProgressed | StageEnded | RunPlanned | ApprovalAsked | ApprovalGiven | RunEnded
    | RunPartiallyFailed | DealsHandedBack | GuardTripped | QuotaSpent
)  # fmt: skip
Listen = Callable[[Event], None]


class Observer(Protocol):
    """Hears every event of a run. Whatever it raises is logged and goes no further."""

    def hear(self, event: Event, /) -> None: ...


def silence(event: Event) -> None:
    """Hear nothing: the default listener."""

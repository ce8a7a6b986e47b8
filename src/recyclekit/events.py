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
    """A run ended with this outcome."""

    run: str
    pipeline: str
    outcome: str
    figures: Mapping[str, int] = field(default_factory=dict)


Event = StageStarted | StageProgressed | StageEnded | RunEnded
Listen = Callable[[Event], None]


class Observer(Protocol):
    """Hears every event of a run. Whatever it raises is logged and goes no further."""

    def hear(self, event: Event, /) -> None: ...


def silence(event: Event) -> None:
    """Hear nothing: the default listener."""

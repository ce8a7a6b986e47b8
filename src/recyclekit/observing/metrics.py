"""A run's figures: records read, decided, written, failed, in doubt; requests, quota left; seconds for each stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from recyclekit.events import DealsHandedBack, Event, RunEnded, StageEnded, StageProgressed, StageStarted


class Told(Protocol):
    """What a door tells of its calls: connectors.protocols.Calls."""

    @property
    def of(self) -> str: ...
    @property
    def made(self) -> int: ...
    @property
    def left(self) -> int | None: ...


TellCalls = Callable[[], Mapping[str, Told]]
"""Connection → what its opened doors have asked of their system so far."""


@dataclass(slots=True)
class Stage:
    """What is known of one stage. A stage that ran twice (an earlier run was finished first) is added up."""

    seconds: float = 0.0
    requests: int = 0
    figures: dict[str, int] = field(default_factory=dict)


class Metrics:
    """An observer that adds up what a job does. One for each job; it makes no calls and writes nothing.

    Args:
        calls: see TellCalls.
    """

    def __init__(self, calls: TellCalls = dict) -> None:
        self.stages: dict[str, Stage] = {}
        self.read = 0
        self.ended: dict[str, int] = {}
        self._calls = calls
        self._before: dict[str, int] = {}

    def hear(self, event: Event) -> None:
        match event:
            case StageStarted(stage=stage):
                self._before[stage] = self._made()
            case StageProgressed(stage="extract", done=done):
                self.read += done
            case StageEnded(stage=stage, seconds=seconds, figures=figures):
                self._ended(stage, seconds, figures)
            case DealsHandedBack(figures=figures):
                self.ended["handed_back"] = self.ended.get("handed_back", 0) + figures["deals"]
            case RunEnded(figures=figures):
                for name, count in figures.items():
                    self.ended[name] = self.ended.get(name, 0) + count
            case _:
                pass

    @property
    def requests(self) -> int:
        """Requests that the stages made so far."""
        return sum(stage.requests for stage in self.stages.values())

    @property
    def quota_left(self) -> Mapping[str, int]:
        """Connection → calls that are left, where its system has said so."""
        return {name: told.left for name, told in self._calls().items() if told.left is not None}

    def figures(self) -> dict[str, float]:
        """Return all figures by name: counts, and seconds for each stage; only what is known."""
        normalized = self.figures_of("normalize")
        decided = self.figures_of("classify").get("deals")
        read = self.read or sum(normalized.get(name, 0) for name in ("deals", "dead_letters"))
        found: dict[str, float | None] = {
            "records read": read or None,
            "deals decided": decided,
            "records set aside": normalized.get("dead_letters"),
            "writes planned": self.ended.get("planned", self.figures_of("schedule").get("actions")),
            "written": self.ended.get("applied"),
            "skipped": self.ended.get("skipped"),
            "failed": self.ended.get("failed"),
            "in doubt": self.ended.get("in_doubt"),
            "unsent": self.ended.get("unsent"),
            "handed back": self.ended.get("handed_back"),
            "requests": self.requests if self._calls() else None,
            **{f"quota left of {name}": left for name, left in self.quota_left.items()},
            **{f"seconds of {name}": round(stage.seconds, 3) for name, stage in self.stages.items()},
        }
        return {name: value for name, value in found.items() if value is not None}

    def figures_of(self, stage: str) -> Mapping[str, int]:
        """Return the counts that a stage ended with."""
        known = self.stages.get(stage)
        return known.figures if known else {}

    def _ended(self, stage: str, seconds: float, figures: Mapping[str, int]) -> None:
        known = self.stages.setdefault(stage, Stage())
        known.seconds += seconds
        made = self._made()
        known.requests += made - self._before.pop(stage, made)
        known.figures.update(figures)

    def _made(self) -> int:
        # Doors that share one count say so by its name: each is added once.
        return sum({told.of: told.made for told in self._calls().values()}.values())

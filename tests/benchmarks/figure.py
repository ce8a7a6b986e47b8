"""What a benchmark reports: one measured figure, the bar it is held against, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measurement. Ratios compare two things measured in the same run, so that a noisy machine does not matter."""

    name: str
    value: float
    unit: str = "x"
    bar: float | None = None
    better: Literal["lower", "higher"] = "lower"
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the bar is kept; None where there is no bar."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.better == "lower" else self.value >= self.bar

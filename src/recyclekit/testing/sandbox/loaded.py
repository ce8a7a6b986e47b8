"""What a sandbox answers to rows that were loaded into it: the ids that they have there."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Loaded:
    """By kind, the ids that the data had → the ids that the system gave. `pipelines` only where they are records."""

    deals: dict[str, str] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    activities: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)
    signals: int = 0

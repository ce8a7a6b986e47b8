"""One thing that deploying made, changed or left as it was."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Did(StrEnum):
    """What became of it."""

    MADE = "made"
    CHANGED = "changed"
    LEFT = "left"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A work pool, block type, deployment or automation; `what` says in words what it is or what changed."""

    kind: str
    name: str
    did: Did
    what: str = ""

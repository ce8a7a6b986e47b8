"""What a liar is: a connector broken in one way, the test of the kit that must catch it, and what that test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from recyclekit.connectors import ConnectorManifest
from tests.testing.liars.honest import Honest


@dataclass(frozen=True)
class Liar:
    """`says`: a part of the failure's message, so that it is caught for the right reason."""

    lie: str
    caught_by: str
    says: str
    make: Callable[[Honest], ConnectorManifest[Any]]
    arguments: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return self.lie.replace(" ", "-")

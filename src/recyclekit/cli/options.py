"""Options that several commands share."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from recyclekit.project import Project

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document instead of tables.")]
Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative=(), help="Answer yes, where there is no terminal.")]
AsOf = Annotated[str | None, Parameter(name="--as-of", help="Business date to judge by, YYYY-MM-DD; default: today.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Where:
    """Which project and pipeline a command works on."""

    project: Annotated[Path, Parameter(help="Folder that holds recyclekit.yaml.")] = Path()
    pipeline: Annotated[str | None, Parameter(help="Pipeline of the project; default: the only one.")] = None

    def open(self) -> Project:
        """Open the project."""
        from recyclekit.cli.called import remember
        from recyclekit.cli.loading import opened

        remember(self.project, self.pipeline)
        return opened(self.project)


def business_date(text: str | None) -> date | None:
    """Return the date that --as-of names, or None.

    Raises:
        ConfigError: not a date of the form YYYY-MM-DD.
    """
    from recyclekit.errors import ConfigError

    if text is None:
        return None
    with suppress(ValueError):
        if (found := date.fromisoformat(text)).isoformat() == text:  # it takes weeks and 20261122 as well
            return found
    raise ConfigError(f"--as-of {text!r} is not a date.", fix="Write it as YYYY-MM-DD, for example 2026-11-22.")

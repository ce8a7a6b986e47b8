"""Tidying: what a project no longer needs goes, from ledger and state folder, by the ages that its file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from recyclekit import clock
from recyclekit.housekeeping import state_files
from recyclekit.ledger.holding import held
from recyclekit.ledger.housekeeping import Housekeeping
from recyclekit.models.patience import Patience


@dataclass(frozen=True, kw_only=True)
class Ages:
    """For how many days what is kept; None: for ever."""

    runs_days: int | None
    dead_letters_days: int | None
    plans_days: int | None


@dataclass(frozen=True, kw_only=True)
class Tidied:
    """What went: rows by pipeline and kind, and files of kept plans and reports."""

    rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    files: int = 0

    def told(self) -> list[str]:
        """Return in words what went: a line for each pipeline, and one for the files."""
        lines = []
        for pipeline, rows in self.rows.items():
            gone = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in rows.items() if n)
            lines.append(f"{pipeline}: {gone or 'nothing was old enough'}")
        return [*lines, f"{self.files:,} file(s) of kept plans and reports removed."]


def tidy(house: Housekeeping, pipelines: Sequence[str], state: Path, ages: Ages, *, room: bool = True) -> Tidied:
    """Forget what is older than its age; with `room`, give back the room that it took.

    Does nothing twice, and may be cut short anywhere.

    Raises:
        LeaseError: a run works on one of the pipelines; those before it are tidied.
    """
    rows = {}
    if house.schema() is not None:
        for pipeline in pipelines:
            # No beating: all of it is one transaction, which looks at the lease itself.
            with held(house, pipeline, "tidy", Patience().lease) as lease:
                rows[pipeline] = house.prune(
                    lease,
                    runs_before=_before(ages.runs_days),
                    dead_letters_before=_before(ages.dead_letters_days),
                    plans_before=_before(ages.plans_days),
                )
        if room:
            house.tidy()
    plans_before = _before(ages.plans_days)
    return Tidied(rows=rows, files=state_files.tidy(state, plans_before) if plans_before is not None else 0)


def _before(days: int | None) -> datetime | None:
    return None if days is None else clock.now() - timedelta(days=days)

"""Who makes the touches: owners by role, how many they take a day, and when they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recyclekit.errors import ConfigError
from recyclekit.models.calendar.business import BusinessCalendar, Days, day_number, day_of_number
from recyclekit.models.calendar.settings import Period, closed_days

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNLIMITED = 1_000_000_000
"""Touches a day of an owner without a limit; sums of many such owners still fit an Int64."""

Capacity = npt.NDArray[np.int64]
"""Owners by days: how many more touches each takes."""


class Owner(BaseModel):
    """One person, or one queue, that takes touches."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(min_length=1, description="The owner's id in the CRM: what is written to tasks and fields.")
    per_day: int | None = Field(default=None, ge=0, description="Touches a day; left out, there is no limit.")
    days: tuple[Weekday, ...] = Field(default=WEEKDAYS, description="Weekdays, of those that are business days.")
    absent: tuple[Period, ...] = Field(
        default=(), description="Absences: a day, a period FIRST/LAST, or one of every year such as 08-11/08-16."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Owners by role. A role without owners is unlimited: its touches belong to the role's own name.

    Raises:
        ConfigError: an owner is named twice.
    """

    owners: Mapping[str, tuple[Owner, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for role, owner in ((role, owner) for role, owners in self.owners.items() for owner in owners):
            if owner.id in seen:
                raise ConfigError(
                    f"The owner {owner.id!r} is named twice, under {seen[owner.id]} and {role}.",
                    why="A person's capacity is counted once, in one role.",
                    fix="Keep one of the two.",
                )
            seen[owner.id] = role

    def of(self, role: str) -> tuple[Owner, ...]:
        """Return the owners of a role, in the order of the file."""
        return self.owners.get(role, ())

    @property
    def roles(self) -> dict[str, str]:
        """Owner id → role."""
        return {owner.id: role for role, owners in self.owners.items() for owner in owners}


def capacity(owners: tuple[Owner, ...], days: Days, calendar: BusinessCalendar) -> Capacity:
    """Return how many touches each owner takes on each of the days (ascending day numbers): zero where not at work."""
    table = np.zeros((len(owners), len(days)), dtype=np.int64)
    if not len(days):
        return table
    is_open = calendar.day_at(calendar.ordinal(days)) == days
    weekdays = (days + 3) % 7
    years = (day_of_number(int(days[0])).year, day_of_number(int(days[-1])).year)
    for row, owner in enumerate(owners):
        there = is_open & np.isin(weekdays, [WEEKDAYS.index(day) for day in owner.days])
        for entry in closed_days(owner.absent, years):
            start, end = entry if isinstance(entry, tuple) else (entry, entry)
            there &= (days < day_number(start)) | (days > day_number(end))
        table[row, there] = UNLIMITED if owner.per_day is None else owner.per_day
    return table

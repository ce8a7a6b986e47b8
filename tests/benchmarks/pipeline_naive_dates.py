"""The tracks of the standard policy and the days on which they begin, for the model per row. Looked up once, at import.

The calendar is Japan's: weekends, public holidays and the policy's quiet days are no working days.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import holidays
from ruamel.yaml import YAML

import recyclekit
from tests.benchmarks.pipeline_floor import AS_OF

POLICY: dict[str, Any] = YAML(typ="safe").load(Path(recyclekit.__file__).parent / "policy/packaged/standard.yaml")
YEARS = range(AS_OF.year, AS_OF.year + 6)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Track:
    """A lane of follow-up, as far as the first touch goes. `timing` is the policy's own, one key and its numbers."""

    timing: dict[str, dict[str, Any]]
    owner: str
    step: str
    channel: str
    subject: str
    hook: str
    confirm_by_mail: bool
    list: str | None


def _track(written: dict[str, Any]) -> Track:
    timing, step = written["timing"], written["steps"][0]
    return Track(
        timing={timing: {}} if isinstance(timing, str) else timing,
        owner=written.get("owner_role", POLICY["owner_role"]),
        step=step["name"],
        channel=step["channel"],
        subject=step["subject"]["en"],
        hook=step["hook"]["en"],
        confirm_by_mail=step.get("confirm_by_mail", False),
        list=step.get("list"),
    )


TRACKS = {name: _track(written) for name, written in POLICY["tracks"].items()}


def _quiet_days() -> set[date]:
    found = set()
    for period in POLICY["calendar"]["quiet"]:
        for year in (YEARS[0] - 1, *YEARS):
            day = date.fromisoformat(f"{year}-{period['first']}")
            while f"{day:%m-%d}" != period["last"]:
                found.add(day)
                day += DAY
            found.add(day)
    return found


DAYS_OFF = {*holidays.country_holidays("JP", years=YEARS), *_quiet_days()}


def next_working_day(day: date) -> date:
    """Return the day itself where people work on it, else the next one on which they do."""
    while day.weekday() >= 5 or day in DAYS_OFF:
        day += DAY
    return day


def months_after(day: date, months: int) -> date:
    """Return the same day so many months later, or the last one of a month that is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _budget_day(weeks: int) -> date:
    """Return the first day from the as-of day on that lies so many weeks before a fiscal year begins."""
    month = int(POLICY["calendar"]["fiscal_years"]["JP"])
    days = (date(year, month, 1) - timedelta(weeks=weeks) for year in YEARS)
    return next(day for day in days if day >= AS_OF)


BUDGET_DAYS = {weeks: _budget_day(weeks) for weeks in range(53)}


def first_touch(
    track: Track, named_on: date | None, closed_on: date | None, contract_ends_on: date | None
) -> tuple[date, list[str]]:
    """Return the working day of a track's first touch, and why it is not the day that one would expect."""
    wished, assumed = (named_on, None) if named_on is not None else _first_day(track, closed_on, contract_ends_on)
    due = max(wished, AS_OF)
    day = next_working_day(due)
    notes = []
    if wished < AS_OF:
        notes.append(f"due since {wished}")
    if day > due:
        notes.append(f"{due} is no business day")
    if assumed:
        notes.append(assumed)
    return day, notes


def _first_day(track: Track, closed_on: date | None, contract_ends_on: date | None) -> tuple[date, str | None]:
    """Return the day on which a track would begin, were every day a working day, and what had to be assumed."""
    since, day, assumed = closed_on or AS_OF, AS_OF, None
    match track.timing:
        case {"after": {"days": days}}:
            day = since + timedelta(days=days)
        case {"after": {"months": months}}:
            day = months_after(since, months)
        case {"named_date": {"otherwise": {"months": months}}}:
            day = contract_ends_on or months_after(since, months)
            assumed = None if contract_ends_on else "no date was named: the track's default is used"
        case {"before_contract_end": {"weeks": weeks, "term_months": months}}:
            day = (contract_ends_on or months_after(since, months)) - timedelta(weeks=weeks)
            assumed = None if contract_ends_on else "end of the contract is not known: the usual term is assumed"
        case {"before_budget": {"weeks": weeks}}:
            day = BUDGET_DAYS[weeks]
    return day, assumed

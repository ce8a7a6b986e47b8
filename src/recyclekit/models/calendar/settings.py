"""The `calendar` part of a project file: the home country, the company's days off and its usual fiscal year."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from recyclekit.errors import InputError
from recyclekit.models.calendar.business import Closed, yearly
from recyclekit.models.calendar.fiscal import FiscalCalendar

_MONTH_DAY = re.compile(r"(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")


def parse_period(text: str) -> tuple[date, date] | tuple[str, str]:
    """Read a day or a period: `2026-08-12`, `2026-08-12/2026-08-16`, or of every year `12-29/01-03`.

    Raises:
        ValueError: it is none of these, or ends before it begins.
    """
    first, _, last = text.replace(" ", "").partition("/")
    last = last or first
    if _MONTH_DAY.fullmatch(first) and _MONTH_DAY.fullmatch(last):
        return first, last
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise ValueError("expected is a day (2026-08-12), a period (2026-08-12/2026-08-16) or 12-29/01-03") from error
    if end < start:
        raise ValueError(f"the period ends on {end}, before it begins on {start}")
    return start, end


def _is_period(text: str) -> str:
    parse_period(text)
    return text


def _is_fiscal_year(text: str) -> str:
    try:
        FiscalCalendar.parse(text)
    except InputError as error:
        raise ValueError(str(error)) from error
    return text


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, date | int) and not isinstance(value, bool) else value


Period = Annotated[str, BeforeValidator(_as_text), AfterValidator(_is_period)]
"""A day or a period as text; what YAML reads as a date is taken too."""


class CalendarSettings(BaseModel):
    """What a company's calendar adds to the policy's; every part may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    country: str | None = Field(
        default=None,
        pattern="^[A-Z]{2}$",
        description="ISO 3166-1 country of the public holidays; default: the policy's.",
    )
    closed: tuple[Period, ...] = Field(
        default=(), description="Days off: a day, a period FIRST/LAST, or one of every year such as 12-29/01-03."
    )
    fiscal_year: Annotated[str, BeforeValidator(_as_text), AfterValidator(_is_fiscal_year)] | None = Field(
        default=None, description="Usual fiscal year of accounts: 4, quarter:4 or 52/53:last-sat:1."
    )


def closed_days(periods: Sequence[str], years: tuple[int, int]) -> list[Closed]:
    """Return periods as days off; one of every year once per year from `years[0]` to `years[1]`."""
    days: list[Closed] = []
    for text in periods:
        first, last = parse_period(text)
        if isinstance(first, str) and isinstance(last, str):
            days += yearly(first, last, years)
        elif isinstance(first, date) and isinstance(last, date):
            days.append((first, last))
    return days

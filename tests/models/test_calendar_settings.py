"""What a project file says of its calendar."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from recyclekit.models.calendar import CalendarSettings, closed_days


def test_days_periods_and_yearly_periods_are_days_off() -> None:
    settings = CalendarSettings.model_validate({"closed": [date(2026, 8, 12), "2026-08-13/2026-08-14", "12-29/01-03"]})
    assert closed_days(settings.closed, (2026, 2026)) == [
        (date(2026, 8, 12), date(2026, 8, 12)),
        (date(2026, 8, 13), date(2026, 8, 14)),
        (date(2025, 12, 29), date(2026, 1, 3)),
        (date(2026, 12, 29), date(2027, 1, 3)),
    ]


def test_a_month_number_is_a_fiscal_year() -> None:
    assert CalendarSettings.model_validate({"fiscal_year": 4}).fiscal_year == "4"


@pytest.mark.parametrize("wrong", [{"closed": ["sometime"]}, {"fiscal_year": "April"}, {"country": "Japan"}, {"x": 1}])
def test_a_wrong_entry_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CalendarSettings.model_validate(wrong)

"""Owners: who is there on which day, for how many touches."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from recyclekit.errors import ConfigError
from recyclekit.models.calendar import BusinessCalendar
from recyclekit.models.calendar.business import day_number
from recyclekit.models.roster import UNLIMITED, Owner, Roster, capacity

JAPAN = BusinessCalendar.build("JP", years=(2025, 2026))


def _days(first: date, count: int) -> np.ndarray:
    return np.arange(day_number(first), day_number(first) + count, dtype=np.int32)


def test_an_owner_works_on_business_days_of_their_own_week_unless_absent() -> None:
    sato = Owner(id="sato", per_day=5, days=("mon", "tue", "wed"), absent=("2025-05-12",))
    suzuki = Owner(id="suzuki", absent=("2025-05-08/2025-05-09",))
    table = capacity((sato, suzuki), _days(date(2025, 5, 5), 9), JAPAN)  # Monday, a holiday, and one more Tuesday
    assert table[0].tolist() == [0, 0, 5, 0, 0, 0, 0, 0, 5]
    assert table[1].tolist() == [0, 0, UNLIMITED, 0, 0, 0, 0, UNLIMITED, UNLIMITED]


def test_an_absence_of_every_year_runs_over_new_year() -> None:
    owner = Owner(id="sato", per_day=1, absent=("12-22/01-09",))
    days = _days(date(2025, 12, 19), 26)
    at_work = [int(day) for day in days[capacity((owner,), days, JAPAN)[0] > 0]]
    assert at_work == [day_number(date(2025, 12, 19)), day_number(date(2026, 1, 13))]  # the 12th is a holiday


def test_the_same_owner_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="'sato' is named twice, under inside_sales and marketing"):
        Roster(owners={"inside_sales": (Owner(id="sato"),), "marketing": (Owner(id="sato"),)})


def test_a_role_without_owners_is_empty() -> None:
    roster = Roster(owners={"inside_sales": (Owner(id="sato"),)})
    assert roster.of("marketing") == ()
    assert roster.roles == {"sato": "inside_sales"}


@pytest.mark.parametrize("period", ["soon", "2025-13-01", "2025-05-09/2025-05-08", "12-32/01-03"])
def test_an_absence_that_cannot_be_read_says_what_is_expected(period: str) -> None:
    with pytest.raises(ValidationError, match=r"expected is a day|before it begins"):
        Owner(id="sato", absent=(period,))

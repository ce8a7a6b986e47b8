"""What options mean, and which words for them are refused."""

from __future__ import annotations

from datetime import date

import pytest

from recyclekit.cli.options import business_date
from recyclekit.errors import ConfigError


def test_a_business_date_is_written_as_the_message_promises() -> None:
    assert business_date("2026-11-20") == date(2026, 11, 20)
    assert business_date(None) is None


@pytest.mark.parametrize("text", ["20261120", "2026-W47-5", "2026-11-31", "2026-1-5", "20.11.2026", "today", ""])
def test_any_other_date_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="YYYY-MM-DD"):
        business_date(text)

"""Public holidays of one country, without loading those of two hundred others: a tenth of a second in every plan."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import holidays

_COUNTRIES = "holidays.countries"


def public_holidays(country: str, years: Iterable[int]) -> holidays.HolidayBase:
    """Return the public holidays of a country (ISO 3166-1 alpha-2) in these years.

    Raises:
        NotImplementedError: the country is not known.
    """
    with _one_by_one():
        return holidays.country_holidays(country, years=years)


@contextmanager
def _one_by_one() -> Iterator[None]:
    """Let a country's module be imported alone: the package's own `__init__` imports every one of them."""
    if _COUNTRIES in sys.modules:
        yield
        return
    bare = ModuleType(_COUNTRIES)
    bare.__path__ = [str(Path(holidays.__file__).parent / "countries")]
    sys.modules[_COUNTRIES] = bare
    try:
        yield
    finally:
        # Whoever wants the package afterwards gets the whole one; modules that are loaded stay.
        sys.modules.pop(_COUNTRIES, None)

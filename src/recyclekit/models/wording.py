"""Small words of English messages: a number with its noun."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """Return `1 deal`, `2,406 deals`; the plural is made with an s."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"

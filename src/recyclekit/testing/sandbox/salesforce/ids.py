"""Record ids as the vendor makes them: key prefix, counter, and three letters that tell upper case from lower."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits

_DIGITS = digits + ascii_uppercase + ascii_lowercase
_CHECK = ascii_uppercase + "012345"
_INSTANCE = "5e0000"
SHORT, LONG = 15, 18


def checksum(short: str) -> str:
    """Return the three letters that make a 15-character id safe where upper and lower case are the same."""
    chunks = (short[start : start + 5] for start in range(0, SHORT, 5))
    return "".join(
        _CHECK[sum(1 << n for n, letter in enumerate(chunk) if letter in ascii_uppercase)] for chunk in chunks
    )


def make(prefix: str, number: int) -> str:
    """Return the 18-character id of an object's n-th record; ids of one object sort in the order of their numbers."""
    text = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    short = prefix + _INSTANCE + text.rjust(SHORT - len(prefix) - len(_INSTANCE), "0")
    return short + checksum(short)


def full(text: str) -> str | None:
    """Return the 18-character form of an id of 15 or 18 characters; None where it is not an id at all."""
    if len(text) not in (SHORT, LONG) or not (text.isascii() and text.isalnum()):
        return None
    whole = text[:SHORT] + checksum(text[:SHORT])
    return whole if len(text) == SHORT or text[SHORT:].upper() == whole[SHORT:] else None

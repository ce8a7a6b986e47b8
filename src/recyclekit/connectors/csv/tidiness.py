"""Whether the texts of a block need no cleaning: told from its bytes, which are being checked anyway.

Looking for control characters and outer blanks text by text costs as much as reading a third of the file. What is
found here is certain: a block that is not tidy may still be so to whoever looks at the texts themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from recyclekit.connectors.csv.bits import ONE, Bytes, Places, Words, ahead, behind, places

_DELETE: Final = 0x7F
_RETURN: Final = 0x0D
_BLANK: Final = 0x20
_LAST: Final = 0x80
_WIDE_BLANKS: Final = {0xE1: {0x9A: (0x80,)}, 0xE2: {0x80: (*range(0x80, 0x8B), 0xA8, 0xA9, 0xAF), 0x81: (0x9F,)}}
"""The blanks of Unicode in UTF-8 by their bytes, but for the ideographic one; those of two bytes begin with C2."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What the check found in a block, as bits."""

    controls: Words  # bytes below 32, line feeds among them
    ends: Words  # line feeds that end a record
    separators: Words  # those that separate cells
    quotes: Words


def is_tidy(block: bytearray, size: int, data: Bytes, marks: Marks, bits: Callable[[Bytes, int], Words]) -> bool:
    """Whether no text of a block in UTF-8 holds a control character or begins or ends with a blank.

    Args:
        block: the block.
        size: its length.
        data: the block as numbers, with zeros behind its end.
        marks: what was found in it.
        bits: gives a bit for each byte of the data that is the one asked for.
    """
    if block.find(_DELETE, 0, size) >= 0:
        return False
    returns = np.zeros_like(marks.ends)
    if not np.array_equal(marks.controls, marks.ends):
        returns = bits(data, _RETURN) & ahead(marks.ends)
        if (marks.controls & ~(marks.ends | returns | marks.separators)).any():
            return False
    edges = marks.separators | marks.ends | marks.quotes | returns
    beside = ahead(edges) | behind(edges)
    beside[0] |= ONE  # a block begins with a line
    if (bits(data, _BLANK) & beside).any():
        return False
    if _touch(edges, _ideographic(data, bits(data, _LAST)), 3):
        return False
    return _has_other_tidy_characters(block, size, data, edges)


def _has_other_tidy_characters(block: bytearray, size: int, data: Bytes, edges: Words) -> bool:
    """The same of characters beyond ASCII, the ideographic blank aside."""
    first, second = _characters(block, size, data, 0xC2)
    if (second <= 0x9F).any() or (_characters(block, size, data, 0xEF)[1] == 0xBB).any():
        return False  # U+0080 to U+009F; the byte order mark, and rare letters with it
    if _touch(edges, first[second == 0xA0], 2):
        return False
    for lead, followed in _WIDE_BLANKS.items():
        first, second = _characters(block, size, data, lead)
        for then, ends in followed.items():
            at = first[second == then]
            if at.size and _touch(edges, at[np.isin(data[at + 2], ends)], 3):
                return False
    return True


def _characters(block: bytearray, size: int, data: Bytes, lead: int) -> tuple[Places, Bytes]:
    """Return where characters begin with this byte, and the byte that follows."""
    if block.find(lead, 0, size) < 0:
        return np.empty(0, np.int64), np.empty(0, np.uint8)
    first = np.flatnonzero(data == lead)
    return first, data[np.minimum(first + 1, len(data) - 1)]


def _ideographic(data: Bytes, last: Words) -> Places:
    """Return where U+3000 (E3 80 80) begins, from the bits of its last byte: with E3 begins every kana."""
    second = places(last & ahead(last))
    found: Places = second[data[np.maximum(second - 1, 0)] == 0xE3] - 1
    return found


def _touch(edges: Words, starts: Places, length: int) -> bool:
    """Whether any of these characters stands at an edge."""
    return any(
        bool(((edges[at >> 6] >> (at & 63).astype(np.uint64)) & ONE).any())
        for at in (np.maximum(starts - 1, 0), starts + length)
        if at.size
    ) or bool((starts == 0).any())

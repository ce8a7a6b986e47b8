"""The fast check of a large file: is every record exactly as wide as the heading, with nothing odd in it?

Works on bits: one bit a byte for separators, line ends and quotes; a running parity of the quotes says what is inside
a cell. It only ever says "clean" or "look closely"; which record is odd, and why, is for the careful reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recyclekit.connectors.csv.careful import LARGEST_CELL, Split
from recyclekit.connectors.csv.encoding import blocks, is_utf8
from recyclekit.connectors.csv.heading import Heading

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
_ONE = np.uint64(1)
_TOP = np.uint64(63)


def check_quickly(path: Path, heading: Heading) -> Split | None:
    """Return the rows and line breaks of a clean file in UTF-8; None where anything is odd, the encoding included."""
    if len(heading.columns) == 1:
        return None  # a blank line would pass for a row
    check = _Check(heading)
    for block in blocks(path, lines=True, skip=heading.end):
        if len(block) > LARGEST_CELL * 2 or not _is_text(block) or not check.passes(block):
            return None
    if check.inside:
        return None
    starts, extras = (np.concatenate(parts) if parts else np.empty(0, np.int64) for parts in (check.rows, check.extras))
    breaks = [(row, extra) for row, extra in zip(starts.tolist(), extras.tolist(), strict=True) if row < check.row]
    return Split(rows=check.row, breaks=breaks)


def _is_text(block: bytes) -> bool:
    """Whether a block is UTF-8 without NUL bytes; pure ASCII with escapes may be ISO-2022-JP, so it is not."""
    if b"\0" in block:
        return False
    return b"\x1b" not in block if block.isascii() else is_utf8(block)


@dataclass
class _Check:
    """What is carried from block to block; a block ends behind a line feed or with the file."""

    heading: Heading
    inside: bool = False  # a quoted cell runs on
    row: int = 0  # records begun
    feeds: int = 0  # line feeds seen, those inside cells included
    cells: int = 0  # of the record that runs on, when `inside`
    tail: int = 0  # bytes of that record so far
    extra: int = 0  # by which line numbers exceed row numbers, as last noted
    rows: list[Places] = field(default_factory=list)
    extras: list[Places] = field(default_factory=list)

    def passes(self, block: bytes) -> bool:
        size = len(block)
        block += b"\n" if not block.endswith(b"\n") else b""
        data = np.frombuffer(block + bytes(-len(block) % 64), np.uint8)
        is_feed = data == 10
        feed, separator = _packed(is_feed), _packed(data == ord(self.heading.grammar.separator))
        feeds, ends = _places(feed, is_feed), feed
        quote = self.heading.grammar.quote
        if self.inside or (quote and quote.encode() in block):
            inside = self._inside(data, feed, separator)
            if inside is None:
                return False
            separator &= ~inside
            if (feed & inside).any():
                ends = feed & ~inside
        if self._too_long(feeds if ends is feed else _places(ends, None), size) or self._starts_oddly(data, feeds):
            return False
        return self._every_record_fits(feeds, separator | ends, ends)

    def _inside(self, data: Bytes, feed: Words, separator: Words) -> Words | None:
        """Return which bytes are inside quoted cells; None where a quote opens or closes in the middle of a cell."""
        quote = _packed(data == ord(self.heading.grammar.quote))
        at = np.flatnonzero(quote)
        if not at.size:
            return np.full_like(quote, ~np.uint64(0) if self.inside else 0)
        some = quote[at]
        state = some.copy()
        for shift in (1, 2, 4, 8, 16, 32):
            state ^= state << np.uint64(shift)
        after = np.bitwise_xor.accumulate(state >> _TOP) ^ np.uint64(self.inside)
        before = np.concatenate([[np.uint64(self.inside)], after[:-1]])
        state ^= np.uint64(0) - before
        if self._odd_quotes(data, separator | feed | quote, at, some & state, some & ~state):
            return None
        # Words without a quote are inside or outside as a whole, as the last quote before them left it.
        lengths = np.diff(at, append=len(quote))
        words = np.repeat(np.uint64(0) - np.concatenate([before[:1], after]), np.concatenate([at[:1], lengths]))
        words[at] = state
        self.inside = bool(after[-1])
        return words

    @staticmethod
    def _odd_quotes(data: Bytes, edge: Words, at: Places, opens: Words, closes: Words) -> bool:
        """Whether a quote opens elsewhere than behind an edge, or closes elsewhere than before one (or CR LF)."""
        here = edge[at]
        behind = (here << _ONE) | np.where(at > 0, edge[at - 1] >> _TOP, _ONE)
        if (opens & ~behind).any():
            return True
        ahead = (here >> _ONE) | np.where(at + 1 < len(edge), edge[(at + 1) % len(edge)] << _TOP, np.uint64(0))
        odd = closes & ~ahead
        if not odd.any():
            return False
        words = np.zeros(len(edge), np.uint64)
        words[at] = odd
        after = _places(words, None) + 1
        return bool((data[after] != 13).any() or (data[np.minimum(after + 1, len(data) - 1)] != 10).any())

    def _every_record_fits(self, feeds: Places, tokens: Words, ends: Words) -> bool:
        """Compare, at each line end outside quotes, the separators and ends so far with what full records make."""
        word, bit = feeds >> 6, (feeds & 63).astype(np.uint64)
        real = ((ends[word] >> bit) & _ONE).astype(bool)
        sums = np.cumsum(np.bitwise_count(tokens), dtype=np.int64)
        upto = sums[word] - np.bitwise_count(tokens[word] >> bit) + (1 + self.cells)
        if not real.all():
            upto = upto[real]
        width = len(self.heading.columns)
        if not np.array_equal(upto, np.arange(1, len(upto) + 1, dtype=np.int64) * width):
            return False
        self.cells += int(sums[-1]) - len(upto) * width
        self._remember(real, len(upto))
        return True

    def _too_long(self, record_ends: Places, size: int) -> bool:
        lengths = np.diff(record_ends, prepend=-1 - self.tail)
        self.tail = size - int(record_ends[-1]) if record_ends.size else self.tail + size
        return max(int(lengths.max(initial=0)), self.tail) > LARGEST_CELL

    def _starts_oddly(self, data: Bytes, feeds: Places) -> bool:
        """Whether a line begins like the heading, or with the mark of a file that was appended to this one."""
        starts = np.concatenate([[0], feeds[:-1] + 1])
        return any(_found(data, starts, text) for text in (self.heading.raw, b"\xef\xbb\xbf"))

    def _remember(self, real: npt.NDArray[Any], records: int) -> None:
        """Note from which row on line numbers run ahead of row numbers: behind a record with line feeds in a cell."""
        if records != len(real) or self.extra != self.feeds - self.row:
            extra = self.feeds - self.row + np.cumsum(~real)[real]
            jumps = np.flatnonzero(np.diff(extra, prepend=self.extra))
            self.rows.append(self.row + 1 + jumps)
            self.extras.append(extra[jumps])
            self.extra = int(extra[-1]) if extra.size else self.extra
        self.row += records
        self.feeds += len(real)


def _found(data: Bytes, starts: Places, text: bytes) -> bool:
    for offset, byte in enumerate(text):
        starts = starts[data[np.minimum(starts + offset, len(data) - 1)] == byte]
        if not starts.size:
            return False
    return True


def _packed(flags: npt.NDArray[Any]) -> Words:
    return np.packbits(flags, bitorder="little").view(np.uint64)


def _places(bits: Words, flags: npt.NDArray[Any] | None) -> Places:
    """Return the places of the set bits; `flags`, where at hand, are the same bits one a byte."""
    words = np.flatnonzero(bits)
    some = bits[words]
    if (some & (some - _ONE)).any():  # short rows: more than one in a word
        return np.flatnonzero(flags if flags is not None else np.unpackbits(bits.view(np.uint8), bitorder="little"))
    lowest = np.bitwise_count((some & (np.uint64(0) - some)) - _ONE)
    return words * 64 + lowest

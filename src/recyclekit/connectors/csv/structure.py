"""The fast check of a large file: is every record exactly as wide as the heading, with nothing odd in it?

Works on bits: one bit a byte for separators, line ends and quotes; a running parity of the quotes says what is inside
a cell. It only ever says "clean" or "look closely"; which record is odd, and why, is for the careful reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from recyclekit.connectors.csv.bits import ONE, TOP, Bytes, Places, Words, places
from recyclekit.connectors.csv.careful import LARGEST_CELL, Split
from recyclekit.connectors.csv.encoding import holds_utf8
from recyclekit.connectors.csv.heading import Heading
from recyclekit.connectors.csv.tidiness import Marks, is_tidy

BLOCK = 1 << 20


def check_quickly(path: Path, heading: Heading) -> Split | None:
    """Return the rows and line breaks of a clean file in UTF-8; None where anything is odd, the encoding included."""
    if len(heading.columns) == 1:
        return None  # a blank line would pass for a row
    check = _Check(heading)
    for block, size in _line_blocks(path, heading.end):
        if not size or not check.passes(block, size):
            return None
    if check.inside:
        return None
    starts, extras = (np.concatenate(parts) if parts else np.empty(0, np.int64) for parts in (check.rows, check.extras))
    breaks = [(row, extra) for row, extra in zip(starts.tolist(), extras.tolist(), strict=True) if row < check.row]
    return Split(rows=check.row, breaks=breaks, tidy=check.tidy)


def _line_blocks(path: Path, skip: int) -> Iterator[tuple[bytearray, int]]:
    """Yield one buffer over and over, filled with whole lines up to `size` and zeros up to the next 64 bytes.

    The last line gets its line feed where it lacks one. A size of 0 says that a line is longer than the buffer.
    """
    buffer = bytearray(BLOCK + 64)  # one for all: fresh memory for each block would cost as much as the check
    view, kept = memoryview(buffer), 0
    with path.open("rb", buffering=0) as file:
        file.seek(skip)
        while more := file.readinto(view[kept:BLOCK]):
            size = kept + more
            cut = buffer.rfind(b"\n", 0, size) + 1
            rest = bytes(view[cut:size])
            if cut:
                view[cut : cut + 64] = bytes(64)
                yield buffer, cut
                view[: len(rest)] = rest
            elif size == BLOCK:
                yield buffer, 0
            kept = len(rest)
    if kept:
        view[kept : kept + 64] = b"\n" + bytes(63)
        yield buffer, kept + 1


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
    tidy: bool = True  # no text so far needs cleaning
    flags: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(BLOCK + 64, np.bool_))
    rows: list[Places] = field(default_factory=list)
    extras: list[Places] = field(default_factory=list)

    def passes(self, block: bytearray, size: int) -> bool:
        data = np.frombuffer(block, np.uint8, count=size + -size % 64)
        if not self._is_text(block, data[:size]):
            return False
        controls = self._controls(data, size)
        feed, feeds = self._feeds(data, controls)
        separator = self._bits(data, ord(self.heading.grammar.separator))
        ends, record_ends, quotes = feed, feeds, np.zeros_like(feed)
        quote = self.heading.grammar.quote
        if self.inside or (quote and block.find(quote.encode(), 0, size) >= 0):
            quotes = self._bits(data, ord(quote))
            inside = self._inside(data, feed, separator, quotes)
            if inside is None:
                return False
            separator &= ~inside
            if (feed & inside).any():
                ends = feed & ~inside
                record_ends = places(ends)
        if self._too_long(record_ends, size) or self._starts_oddly(data, feeds):
            return False
        marks = Marks(controls, ends, separator, quotes)
        self.tidy = self.tidy and is_tidy(block, size, data, marks, self._bits)
        return self._every_record_fits(feeds, separator | ends, ends)

    @staticmethod
    def _is_text(block: bytearray, text: Bytes) -> bool:
        """Whether a block is UTF-8 without NUL bytes; pure ASCII with escapes may be ISO-2022-JP, so it is not."""
        if block.find(0, 0, len(text)) >= 0:
            return False
        return block.find(0x1B, 0, len(text)) < 0 if text.max() < 0x80 else holds_utf8(pl.Series(text))

    def _controls(self, data: Bytes, size: int) -> Words:
        """Return one bit for each byte below 32, but for the zeros behind the block."""
        flags = np.less(data, 32, out=self.flags[: len(data)])
        flags[size:] = False
        return np.packbits(flags, bitorder="little").view(np.uint64)

    def _feeds(self, data: Bytes, controls: Words) -> tuple[Words, Places]:
        """Return the bits and places of line feeds: in most files all that there is below 32."""
        at = places(controls)
        if (data[at] == 10).all():
            return controls, at
        feed = self._bits(data, 10)
        return feed, places(feed)

    def _bits(self, data: Bytes, byte: int) -> Words:
        """Return one bit for each byte that is this one."""
        flags = np.equal(data, byte, out=self.flags[: len(data)])
        return np.packbits(flags, bitorder="little").view(np.uint64)

    def _inside(self, data: Bytes, feed: Words, separator: Words, quote: Words) -> Words | None:
        """Return which bytes are inside quoted cells; None where a quote opens or closes in the middle of a cell."""
        at = np.flatnonzero(quote)
        if not at.size:
            return np.full_like(quote, ~np.uint64(0) if self.inside else 0)
        some = quote[at]
        state = some.copy()
        for shift in (1, 2, 4, 8, 16, 32):
            state ^= state << np.uint64(shift)
        after = np.bitwise_xor.accumulate(state >> TOP) ^ np.uint64(self.inside)
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
        behind = (here << ONE) | np.where(at > 0, edge[at - 1] >> TOP, ONE)
        if (opens & ~behind).any():
            return True
        ahead = (here >> ONE) | np.where(at + 1 < len(edge), edge[(at + 1) % len(edge)] << TOP, np.uint64(0))
        odd = closes & ~ahead
        if not odd.any():
            return False
        words = np.zeros(len(edge), np.uint64)
        words[at] = odd
        after = places(words) + 1
        return bool((data[after] != 13).any() or (data[np.minimum(after + 1, len(data) - 1)] != 10).any())

    def _every_record_fits(self, feeds: Places, tokens: Words, ends: Words) -> bool:
        """Compare, at each line end outside quotes, the separators and ends so far with what full records make."""
        word, bit = feeds >> 6, (feeds & 63).astype(np.uint64)
        real = ((ends[word] >> bit) & ONE).astype(bool)
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

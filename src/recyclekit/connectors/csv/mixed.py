"""A large file with something odd in it: the fast check all the way, the careful reading only where it says no.

The two take turns at record boundaries. Where a stretch is not clean, it is looked at again in short pieces, so that
one bad row costs the careful reading of some kilobytes, not of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path

from recyclekit.connectors.csv.careful import Split, Walk
from recyclekit.connectors.csv.heading import Heading
from recyclekit.connectors.csv.structure import BLOCK, _Check

_FEED = 10
CLOSE = 1 << 14
"""Bytes of a stretch that is read carefully at a time."""
_CARRIED = ("inside", "row", "feeds", "cells", "tail", "extra", "tidy")


def split_by_turns(path: Path, heading: Heading, new_copy: Callable[[], Path]) -> Split:
    """Return what `split_carefully` would, of a file in UTF-8 with more than one column."""
    if path.stat().st_size <= heading.end:
        return Split()
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        walk = Walk(data, heading, new_copy, frozenset())
        try:
            walk.split.tidy = _Turns(data, heading, walk).run()
            walk.finish()
        finally:
            walk.close()
        # Where both noted something of one row, the later is right; behind the last row, nothing is.
        walk.split.breaks = [(row, extra) for row, extra in dict(walk.split.breaks).items() if row < walk.split.rows]
        return walk.split


class _Turns:
    """One pass over a file; `walk` is told what the check has counted before it reads, and the check afterwards."""

    def __init__(self, data: mmap, heading: Heading, walk: Walk) -> None:
        self._data, self._walk, self._check = data, walk, _Check(heading)
        self._buffer = bytearray(BLOCK + 64)
        self._begun = walk.at  # where the record begins that is not over yet

    def run(self) -> bool:
        """Read the whole file; return whether all of it is tidy."""
        at, stretch = self._begun, BLOCK
        while at < len(self._data):
            end = self._end(at, stretch)
            if end and self._passes(at, end):
                at, stretch = end, min(2 * stretch, BLOCK)
            elif end and stretch > CLOSE:
                stretch = CLOSE
            else:
                at = self._carefully(at, end or at + stretch)
        if self._check.inside:  # a quote was opened and never closed
            at = self._carefully(at, at)
        self._hand_over(at)
        return self._check.tidy

    def _end(self, at: int, stretch: int) -> int:
        """Return where the last line of a stretch ends, or the file; 0 where no line does."""
        if at + stretch >= len(self._data):
            return len(self._data)
        return self._data.rfind(b"\n", at, at + stretch) + 1

    def _passes(self, at: int, end: int) -> bool:
        """Whether a stretch is clean; if it is not, the check has not seen it."""
        size, check, buffer = end - at, self._check, self._buffer
        buffer[:size] = self._data[at:end]
        if buffer[size - 1] != _FEED:  # the last line may lack its line feed
            buffer[size] = _FEED
            size += 1
        if size > BLOCK:
            return False
        buffer[size : size + 64] = bytes(64)
        before = {name: getattr(check, name) for name in _CARRIED}
        if check.passes(buffer, size):
            # `tail` counts from the last line end that ended a record, where one did
            self._begun = at + size - check.tail + 1 if check.tail < size else self._begun
            return True
        for name, value in before.items():
            setattr(check, name, value)
        return False

    def _carefully(self, at: int, end: int) -> int:
        """Read carefully from the record that is not over at `at`, up to one that ends at `end` or behind it."""
        check, walk = self._check, self._walk
        self._hand_over(at)
        walk.run(min(end, len(self._data)))
        check.inside, check.cells, check.tail, check.tidy = False, 0, 0, False
        check.row, check.feeds = walk.split.rows, walk.line - walk.first_line
        check.extra = walk.note_line()
        self._begun = walk.at
        return max(walk.at, at)

    def _hand_over(self, at: int) -> None:
        """Tell the careful reading what the check has counted before the record that is not over."""
        check, walk = self._check, self._walk
        for rows, extras in zip(check.rows, check.extras, strict=True):
            walk.split.breaks += zip(rows.tolist(), extras.tolist(), strict=True)
        check.rows.clear()
        check.extras.clear()
        # What the check has seen of the record that is not over is not counted yet.
        run_on = self._data[self._begun : at]
        seen = run_on.count(b"\n") + (check.inside and not run_on.endswith(b"\n"))
        line = walk.first_line + check.feeds - seen
        walk.go_on(min(self._begun, len(self._data)), rows=check.row, line=line, extra=check.extra)

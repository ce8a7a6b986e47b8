"""The careful reading of a file: every record is looked at, bad ones are set aside one by one, good ones survive.

Used on small files, and on large ones in which the fast check found something odd. Memory stays at one record.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

from recyclekit.connectors.csv.heading import Heading

LARGEST_CELL = 1_000_000
"""Bytes in UTF-8; a larger cell is a fault of the export, and its record is set aside."""
_SHOWN = 40
_CELLS, _LONGEST = 8, 100  # cells of a ragged record that are kept to name it by, and their length
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Bad:
    """A record set aside: its first line, the column to blame where one is, a short code, and words for a person.

    `cells` are the first cells of a ragged record, as far as they can be trusted to stand under their headings.
    """

    line: int
    code: str
    reason: str
    column: str | None = None
    cells: tuple[str, ...] = ()


@dataclass
class Split:
    """What a file holds: good records, those set aside, and where line numbers leave the row numbers behind.

    Attributes:
        rows: good records.
        breaks: (row, extra): from this row on, a record's line is the row number + `extra` + the first data line.
        copy: UTF-8 file of the good records only, without heading; None where the file itself holds nothing else.
        tidy: whether it is known that no text holds a control character or begins or ends with a blank.
    """

    rows: int = 0
    breaks: list[tuple[int, int]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    copy: Path | None = None
    tidy: bool = False


def split_carefully(
    path: Path, heading: Heading, new_copy: Callable[[], Path], bad_lines: frozenset[int] = frozenset()
) -> Split:
    """Look at every record of a UTF-8 file; a copy without the bad ones is made only if there are any."""
    if path.stat().st_size <= heading.end:
        return Split()
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        walk = Walk(data, heading, new_copy, bad_lines)
        try:
            walk.run(len(data))
            walk.finish()
        finally:
            walk.close()
        return walk.split


class Walk:
    """One pass over a file's bytes; knows where it is and writes the copy as soon as one is needed.

    Attributes:
        split: what was found so far.
        at: where the next record begins; `line` is its line, `first_line` the one below the heading.
    """

    def __init__(self, data: mmap, heading: Heading, new_copy: Callable[[], Path], bad_lines: frozenset[int]) -> None:
        self.split = Split()
        self._data, self._heading, self._grammar = data, heading, heading.grammar
        self.at, self.line = heading.end, heading.lines + 1
        self.first_line = self.line
        self._nul = data.find(b"\0", self.at)
        self._extra = 0
        self._kept_from = heading.end
        self._new_copy = new_copy
        self._copy: BinaryIO | None = None
        self._bad_lines = bad_lines
        self._quote, self._loose = self._grammar.quote.encode(), self._grammar.loose

    def run(self, until: int) -> None:
        """Read the records that begin before `until`."""
        data, record = self._data, self._grammar.record
        while self.at < until:
            match = record.match(data, self.at)
            end = match.end() if match else self._line_end(self.at)
            if 0 <= self._nul < self.at:
                self._nul = data.find(b"\0", self.at)
            if 0 <= self._nul < end:
                self._set_aside_nul(self._nul, end)
            elif match is None or (end - self.at <= 2 and not data[self.at : end].strip(b"\r\n")):
                self._look_closely(end)
            else:
                self._take(end)

    def go_on(self, at: int, *, rows: int, line: int, extra: int) -> None:
        """Go on behind good records that somebody else has read; `extra` is the last that is noted."""
        self.at, self.split.rows, self.line, self._extra = at, rows, line, extra

    def note_line(self) -> int:
        """Note it where the next record's line is another than its row says; return by how much it is."""
        extra = self.line - self.first_line - self.split.rows
        if extra != self._extra:
            self.split.breaks.append((self.split.rows, extra))
            self._extra = extra
        return extra

    def finish(self) -> None:
        """Complete the copy, where there is one."""
        if self._copy is not None:
            self._flush(len(self._data))

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()

    # -- good records

    def _take(self, end: int) -> None:
        """Count a record that matches; it may still be a second heading, too large, or in another encoding."""
        large = self._large_cell(end) if end - self.at > LARGEST_CELL else None
        raw = self._data[self.at : end] if large is None else b""
        if fault := large or self._fault_of(raw):
            self._skip(end, fault)
            return
        self.note_line()
        self.split.rows += 1
        self.line += raw.count(b"\n")
        if self._loose is not None and self._quote in raw and self._loose.search(raw):
            self._rewrite(raw, end)
        self.at = end

    def _fault_of(self, raw: bytes) -> Bad | None:
        if raw.strip(b"\r\n").removeprefix(_BOM) == self._heading.raw:
            return Bad(self.line, "repeated_heading", "The heading row stands here again.")
        lines = range(self.line, self.line + raw.count(b"\n") + (not raw.endswith(b"\n")))
        if self._bad_lines and not self._bad_lines.isdisjoint(lines):
            return self._encoding_fault()
        return None

    def _encoding_fault(self) -> Bad:
        return Bad(self.line, "bad_encoding", "The line is not in the encoding of the rest of the file.")

    def _large_cell(self, end: int) -> Bad | None:
        at = self.at
        for count in range(len(self._heading.columns)):
            cell = self._grammar.one.match(self._data, at)
            if cell is None or at >= end:
                return None
            if cell.end(1) - at > LARGEST_CELL:
                return self._large(count)
            at = cell.end()
        return None

    def _rewrite(self, raw: bytes, end: int) -> None:
        """Put a record with a loose quote into the copy with all cells quoted: Polars would open a cell there."""
        cells = [match[1] for match in self._grammar.one.finditer(raw)][: len(self._heading.columns)]
        if not any(self._quote in cell and not cell.startswith(self._quote) for cell in cells):
            return
        quote = self._grammar.quote
        texts = [self._grammar.text(cell).replace(quote, quote * 2) for cell in cells]
        row = self._grammar.separator.join(f"{quote}{text}{quote}" if text else "" for text in texts)
        self._flush(self.at).write(row.encode() + b"\n")
        self._kept_from = end

    # -- records set aside

    def _look_closely(self, end: int) -> None:
        """Find out why the record at hand does not match, set it aside, and go on behind it."""
        line = self._data[self.at : min(end, self.at + LARGEST_CELL)]
        if self.line in self._bad_lines:
            self._skip(end, self._encoding_fault())
        elif not line.strip(b"\r\n \t"):
            self._skip(end, None)  # a blank line is no record
        else:
            self._skip(*self._diagnosis(end))

    def _diagnosis(self, line_end: int) -> tuple[int, Bad]:
        """Return where to go on and what is wrong. A record over several lines is trusted only if it is perfect."""
        grammar, columns, at, count = self._grammar, self._heading.columns, self.at, 0
        separator, cells = grammar.separator.encode(), list[str]()
        while cell := grammar.one.match(self._data, at):
            if cell.end(1) - at > LARGEST_CELL:
                return cell.end(), self._large(count)
            count, at = count + 1, cell.end()
            if count <= _CELLS:
                cells.append(grammar.text(cell[1])[:_LONGEST])
            if cell[2] != separator:
                break
        else:
            return line_end, self._misquoted(at, line_end, columns[min(count, len(columns) - 1)])
        if at > line_end and grammar.record.match(self._data, line_end):
            return line_end, self._unclosed(columns[0] if len(columns) == 1 else self._column_over(line_end))
        return at, self._ragged(count, cells)

    def _column_over(self, line_end: int) -> str:
        """Return the column whose quoted cell runs over the end of the line."""
        at = self.at
        for column in self._heading.columns:
            cell = self._grammar.one.match(self._data, at)
            if cell is None or cell.end(1) >= line_end:
                return column
            at = cell.end()
        return self._heading.columns[-1]

    def _misquoted(self, at: int, line_end: int, column: str) -> Bad:
        quote = re.escape(self._grammar.quote.encode())
        within = re.compile(quote + b"(?:[^" + quote + b"\n]++|" + quote * 2 + b")*+" + quote)
        if within.match(self._data, at, line_end):
            shown = self._shown(at, line_end)
            return Bad(self.line, "bad_quote", f"Text follows a closing quote in '{column}': {shown}", column)
        return self._unclosed(column)

    def _unclosed(self, column: str) -> Bad:
        return Bad(self.line, "unclosed_quote", f"A quote opens in '{column}' and is not closed.", column)

    def _large(self, count: int) -> Bad:
        column = self._heading.columns[min(count, len(self._heading.columns) - 1)]
        return Bad(self.line, "cell_too_large", f"A cell of '{column}' is larger than {LARGEST_CELL} bytes.", column)

    def _ragged(self, count: int, cells: list[str]) -> Bad:
        columns = self._heading.columns
        column = columns[count] if count < len(columns) else None
        # A row that breaks off is right up to its last cell; in one that is too long, any cell may be half of two.
        sure = tuple(cells[: count - 1] if count < len(columns) else cells[:1])
        return Bad(self.line, "ragged", f"The row has {count} cells, the heading {len(columns)}.", column, sure)

    def _set_aside_nul(self, nul: int, end: int) -> None:
        column, at = None, self.at
        for name in self._heading.columns:
            cell = self._grammar.one.match(self._data, at)
            if cell is None or at > nul:
                break
            column, at = name, cell.end()
        self._skip(end, Bad(self.line, "nul", "The row holds a NUL byte.", column))

    def _skip(self, end: int, bad: Bad | None) -> None:
        if bad is not None:
            self.split.bad.append(bad)
        self._flush(self.at)
        self._kept_from = end
        self.line += self._data[self.at : end].count(b"\n")
        self.at = end

    def _flush(self, end: int) -> BinaryIO:
        """Write the good records since the last flush to the copy."""
        if self._copy is None:
            self.split.copy = self._new_copy()
            self._copy = self.split.copy.open("wb")
        for at in range(self._kept_from, end, 1 << 20):
            self._copy.write(self._data[at : min(end, at + (1 << 20))])
        self._kept_from = end
        return self._copy

    def _line_end(self, at: int) -> int:
        return self._data.find(b"\n", at) + 1 or len(self._data)

    def _shown(self, at: int, end: int) -> str:
        text = self._data[at : min(end, at + 4 * _SHOWN)].decode("utf-8", "ignore").strip()
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"

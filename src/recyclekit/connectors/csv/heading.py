"""The heading row of a file and its dialect: which character separates cells, and what the columns are called."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recyclekit.errors import InputError
from recyclekit.models.snapshot import LINE

SEPARATORS = ",;\t|"
_MOST_BYTES = 1 << 24  # of a heading


@dataclass(frozen=True)
class Grammar:
    """How bytes become cells and records of exactly `width` cells.

    A quote inside an unquoted cell is text. A quoted cell ends where the file's line or the next cell begins.
    """

    separator: str
    quote: str
    width: int = 0

    @cached_property
    def cell(self) -> bytes:
        """Pattern of one cell."""
        s, q = re.escape(self.separator.encode()), re.escape(self.quote.encode())
        if not q:
            return b"[^" + s + b"\n]*+"
        quoted = q + b"(?:[^" + q + b"]++|" + q + q + b")*+" + q
        ending = b"(?=[" + s + b"\n]|\r\n|\r?\\Z)"
        return b"(?:[^" + s + q + b"\n][^" + s + b"\n]*+|" + quoted + ending + b"|(?!" + q + b"))"

    @cached_property
    def one(self) -> re.Pattern[bytes]:
        """Matches one cell; then a separator or the end of the line must follow."""
        return re.compile(b"(" + self.cell + b")(" + re.escape(self.separator.encode()) + b"|\r?\n|\r?\\Z)")

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        """Matches one whole record with its line end."""
        more = b"(?:" + re.escape(self.separator.encode()) + self.cell + b"){%d}" % (self.width - 1)
        return re.compile(self.cell + more + b"(?:\r?\n|\r?\\Z)")

    @cached_property
    def loose(self) -> re.Pattern[bytes] | None:
        """Finds a quote that stands inside an unquoted cell, which only this module reads as text."""
        if not self.quote:
            return None
        s, q = re.escape(self.separator.encode()), re.escape(self.quote.encode())
        return re.compile(b"(?:\\A|" + s + b")[^" + s + q + b"\n][^" + s + q + b"\n]*+" + q)

    def text(self, cell: bytes) -> str:
        """Return the text of a raw cell."""
        quote = self.quote
        text = cell.decode("utf-8")
        if quote and len(text) > 1 and text.startswith(quote):
            return text[1:-1].replace(quote * 2, quote)
        return text.removesuffix("\r")


@dataclass(frozen=True)
class Heading:
    """The first row that is not blank: its columns, its bytes, and the lines and bytes up to its end."""

    columns: tuple[str, ...]
    grammar: Grammar
    raw: bytes
    lines: int
    end: int

    @property
    def duplicates(self) -> tuple[str, ...]:
        """Names that more than one column has."""
        return tuple(name for name, times in Counter(self.columns).items() if times > 1 and name)

    @property
    def reserved(self) -> tuple[str, ...]:
        """Names that cannot be asked for: they mean something else to the frames that hold the records."""
        return tuple(name for name in self.columns if name in (LINE, "*") or (name[:1] == "^" and name[-1:] == "$"))

    @cached_property
    def unique(self) -> tuple[str, ...]:
        """A distinct name for every column: its own where no other has it, else one that nothing can ask for."""
        odd = {*self.duplicates, *self.reserved, ""}
        return tuple(f"\0{i}" if name in odd else name for i, name in enumerate(self.columns))


def read_heading(path: Path, name: str, separator: str | None, quote: str) -> Heading:
    """Read the heading row of a UTF-8 file; `name` is what the person calls the file.

    Raises:
        InputError: the file is empty, or its heading cannot be split into columns.
    """
    with path.open("rb") as file:
        start = file.read(_MOST_BYTES)
    bom = 3 if start.startswith(b"\xef\xbb\xbf") else 0
    blank = re.compile(rb"[ \t\r\n]*\n|").match(start, bom)
    at = blank.end() if blank else bom
    if not start[at:].strip():
        raise InputError(f"{name} is empty.", why="Not even a heading row is there.", fix="Export the file again.")
    grammar = Grammar(separator or find_separator(start[at : at + (1 << 16)], quote), quote)
    cells, end = _cells(start, at, grammar)
    if not cells or b"\0" in start[at:end]:
        raise InputError(
            f"The heading row of {name} cannot be split into columns.",
            why="It holds an unclosed quote or a NUL byte.",
            fix="Correct the first row.",
        )
    columns = tuple(grammar.text(cell).strip() for cell in cells)
    raw = start[at:end].rstrip(b"\r\n")
    return Heading(columns, Grammar(grammar.separator, quote, len(columns)), raw, start.count(b"\n", 0, end) or 1, end)


def find_separator(start: bytes, quote: str) -> str:
    """Return the separator that most heading cells have between them, trusting one that the next rows repeat."""
    lines = [line for line in _unquoted(start, quote).split(b"\n")[:20] if line.strip()] or [b""]
    counts = {mark: [line.count(mark.encode()) for line in lines[:-1] or lines] for mark in SEPARATORS}

    def trust(mark: str) -> tuple[int, int]:
        same = sum(1 for count in counts[mark] if count == counts[mark][0]) if counts[mark][0] else 0
        return same, counts[mark][0]

    # Ties go to the first of the list: max keeps it.
    return max(SEPARATORS, key=trust)


def _unquoted(start: bytes, quote: str) -> bytes:
    if not quote:
        return start
    q = re.escape(quote.encode())
    return re.sub(q + b"(?:[^" + q + b"]|" + q + q + b")*" + q, b"", start)


def _cells(start: bytes, at: int, grammar: Grammar) -> tuple[list[bytes], int]:
    """Split the record at `at`; no cells where it cannot be."""
    cells: list[bytes] = []
    while match := grammar.one.match(start, at):
        cells.append(match[1])
        at = match.end()
        if match[2] != grammar.separator.encode():
            return cells, at
    return [], at

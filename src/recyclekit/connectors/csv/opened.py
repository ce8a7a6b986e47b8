"""One file, opened: encoding and dialect known, structure checked, bad records set aside, ready to be scanned."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from recyclekit.connectors.csv.careful import Bad, Split, split_carefully
from recyclekit.connectors.csv.encoding import find_encoding, is_utf8, only_carriage_returns, to_utf8
from recyclekit.connectors.csv.heading import Heading, read_heading
from recyclekit.errors import InputError, RetryableError
from recyclekit.models.snapshot import LINE
from recyclekit.scratch import give_back, own_folder

QUICK_FROM = 2 << 20
"""Bytes from which on the fast check pays: below, the careful reading is done before numpy is imported."""

# Polars reads two megabytes at a time, which its allocator rounds up and does not use again: twice the memory of this,
# and a fifth of a second for a million rows in page faults. Whoever sets it already knows better.
os.environ.setdefault("POLARS_CSV_CHUNK_SIZE", "4000000")

Identity = tuple[int, int, int]


@dataclass(frozen=True)
class OpenedFile:
    """A file as it was at one moment (`identity`); `readable` is the UTF-8 text that Polars scans."""

    path: Path
    identity: Identity
    encoding: str
    heading: Heading
    split: Split
    readable: Path
    skip_lines: int

    @property
    def bad(self) -> Sequence[Bad]:
        """What was set aside, in the order of the file."""
        return self.split.bad

    def scan(self, columns: Collection[str]) -> pl.LazyFrame:
        """Return these columns as text and `_line`, in the order of the file; empty cells are null.

        Raises:
            InputError: a column is not there, or the heading has its name twice.
        """
        self._require(columns)
        heading = self.heading
        lines = pl.scan_csv(
            self.readable,
            has_header=False,
            skip_lines=self.skip_lines,
            schema=dict.fromkeys(heading.unique, pl.String),
            separator=heading.grammar.separator,
            quote_char=heading.grammar.quote or None,
            null_values="",  # a quoted empty cell is as empty as an unquoted one
            row_index_name=LINE,
            row_index_offset=heading.lines + 1,
            glob=False,
            raise_if_empty=False,
        ).select(pl.col(LINE).cast(pl.UInt64), *dict.fromkeys(columns))
        return self._with_true_lines(lines)

    def _with_true_lines(self, records: pl.LazyFrame) -> pl.LazyFrame:
        """Correct `_line` where records before it took more than one line, or were set aside."""
        if not self.split.breaks:
            return records
        first = self.heading.lines + 1
        starts, extras = zip(*self.split.breaks, strict=True)
        breaks = pl.LazyFrame({LINE: starts, "\0extra": extras}, schema={LINE: pl.UInt64, "\0extra": pl.UInt64})
        breaks = breaks.with_columns(pl.col(LINE) + first).set_sorted(LINE)
        joined = records.set_sorted(LINE).join_asof(breaks, on=LINE, strategy="backward")
        line = pl.col(LINE) + pl.col("\0extra").fill_null(0)
        return joined.with_columns(line.alias(LINE)).drop("\0extra")

    def _require(self, columns: Collection[str]) -> None:
        known = self.heading.columns
        for column in columns:
            times = known.count(column)
            if times > 1 or column in self.heading.reserved:
                raise InputError(
                    f"The column '{column}' of {self.path.name} cannot be told apart.",
                    why=f"The heading has it {times} times." if times > 1 else "The name is reserved.",
                    fix="Rename one of them in the heading row, or map another column.",
                )
            if column not in known:
                near = get_close_matches(column, known, n=1, cutoff=0.7)
                raise InputError(
                    f"{self.path.name} has no column '{column}'.",
                    why=f"Its columns are: {_listed(known)}.",
                    fix=f"Did you mean '{near[0]}'?" if near else "Correct the field map.",
                )


def identity(path: Path) -> Identity:
    """Return what changes when a file is written or replaced: inode, size and time of change in nanoseconds."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


_opened: dict[tuple[Path, str | None, str | None, str], OpenedFile] = {}


def open_file(path: Path, encoding: str | None = None, separator: str | None = None, quote: str = '"') -> OpenedFile:
    """Open a file, or return it as opened before if nobody has changed it since.

    Raises:
        InputError: the file is not there, empty, in no known encoding, or without a usable heading.
    """
    key = (path, encoding, separator, quote)
    try:
        now = identity(path)
        if (known := _opened.get(key)) and known.identity == now:
            return known
        _opened[key] = _open(path, now, encoding, separator, quote)
    except FileNotFoundError:
        raise InputError(
            f"There is no file {path}.", why=_neighbours(path), fix="Put it there, or correct the path."
        ) from None
    except OSError as error:
        if error.errno is not None and path.exists() and os.access(path, os.R_OK) and path.is_file():
            raise RetryableError(
                f"{path} could not be prepared.", why=f"{error.strerror}.", fix="Free some space."
            ) from error
        raise InputError(f"{path} cannot be read.", why=f"{error.strerror}.", fix="Check its permissions.") from None
    return _opened[key]


def _open(path: Path, now: Identity, declared: str | None, separator: str | None, quote: str) -> OpenedFile:
    if now[1] >= QUICK_FROM and declared in (None, "utf-8") and (quick := _open_quickly(path, now, separator, quote)):
        return quick
    encoding = find_encoding(path, declared)
    readable = path
    if not encoding.in_place or only_carriage_returns(path, encoding):
        readable = temporary_file()
        to_utf8(path, encoding, readable)
    heading = read_heading(readable, path.name, separator, quote)
    if now[1] >= QUICK_FROM and not encoding.bad_lines and len(heading.columns) > 1:
        from recyclekit.connectors.csv.mixed import split_by_turns

        split = split_by_turns(readable, heading, temporary_file)
    else:
        split = split_carefully(readable, heading, temporary_file, encoding.bad_lines)
    if split.copy is not None:
        return OpenedFile(path, now, encoding.name, heading, split, split.copy, 0)
    return OpenedFile(path, now, encoding.name, heading, split, readable, heading.lines)


def _open_quickly(path: Path, now: Identity, separator: str | None, quote: str) -> OpenedFile | None:
    """Open a large UTF-8 file by the fast check alone; None where only the careful way can say."""
    from recyclekit.connectors.csv.structure import check_quickly  # numpy: only where it pays

    with path.open("rb") as file:
        start = file.read(1 << 16)
    start = start[: start.rfind(b"\n") + 1]
    if not start or b"\0" in start or b"\x1b" in start or not is_utf8(start):
        return None  # perhaps UTF-16 or ISO-2022-JP
    heading = read_heading(path, path.name, separator, quote)
    split = check_quickly(path, heading)
    return OpenedFile(path, now, "utf-8", heading, split, path, heading.lines) if split is not None else None


_temporary: dict[int, Path] = {}


def temporary_file() -> Path:
    """Return a new empty file that is removed when this process ends."""
    owner = os.getpid()
    if owner not in _temporary:
        _temporary[owner] = own_folder()
        atexit.register(_clean, owner)
    number, name = tempfile.mkstemp(dir=_temporary[owner], suffix=".csv")
    os.close(number)
    return Path(name)


def _clean(owner: int) -> None:
    # A forked child inherits this hook, and must leave the parent's files alone.
    if owner == os.getpid():
        give_back(_temporary.pop(owner))


def _neighbours(path: Path) -> str:
    names = sorted(other.name for other in path.parent.iterdir()) if path.parent.is_dir() else []
    near = get_close_matches(path.name, names, n=1, cutoff=0.7)
    return f"Did you mean '{near[0]}'?" if near else f"The folder {path.parent.resolve()} does not hold it."


def _listed(columns: Sequence[str]) -> str:
    named = [column for column in columns if column]
    return ", ".join(named[:12]) + (", …" if len(named) > 12 else "")

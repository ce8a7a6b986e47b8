"""CSV exports as a draft sees them: headings and the first records, through the CSV connector's own reading door."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recyclekit.connectors.protocols import Source
from recyclekit.errors import InputError
from recyclekit.models.snapshot import LINE
from recyclekit.models.tables import OWN_FIELDS, Table
from recyclekit.models.wording import counted
from recyclekit.project import source_alone
from recyclekit.scratch import give_back, own_folder

CONNECTOR = "csv"
ENDINGS = (".csv", ".tsv")
_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
_BEGIN = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of workbooks: zipped, and as they were before 2007
NOT_CSV = "a workbook; save it as CSV (UTF-8) first"
SAMPLE = 16 << 20
"""Bytes of a file that are looked at; of a larger one, its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One file. `rows` holds a String column for each heading; `whole` is False where more follow.

    `path` is what the project file will say; `unclear` are headings that stand there twice.
    """

    path: str
    headings: tuple[str, ...]
    rows: pl.DataFrame
    whole: bool
    unclear: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's own name."""
        return Path(self.path).name

    def texts(self, heading: str) -> pl.Series:
        """Return the values of a column, without the empty ones."""
        return self.rows[heading].drop_nulls()

    def told_rows(self) -> str:
        """Return how many records were looked at, in words."""
        rows = counted(self.rows.height, "row")
        return rows if self.whole else f"the first {rows}"


def exports_in(folder: Path) -> Sequence[Path]:
    """Return the CSV files that lie in a folder, by name."""
    if not folder.is_dir():
        return ()
    return sorted(one for one in folder.iterdir() if one.suffix.lower() in ENDINGS and one.is_file())


def workbooks_in(folder: Path) -> Sequence[Path]:
    """Return the files in a folder that hold tables which are not CSV, by name."""
    if not folder.is_dir():
        return ()
    return sorted(one for one in folder.iterdir() if one.suffix.lower() in _WORKBOOKS and one.is_file())


def read_export(path: Path, folder: Path, dialect: Mapping[str, str] | None = None, sample: int = SAMPLE) -> Export:
    """Read an export's headings and first records; `folder` is the project's, `dialect` further settings of its.

    Raises:
        InputError: there is no such file, or nothing in it can be read as a table.
    """
    if path.is_file():
        with path.open("rb") as file:
            if file.read(4).startswith(_BEGIN):
                what = f"{path.name} is a workbook, whatever its name says."
                raise InputError(what, fix="Open it and save it as CSV (UTF-8).")
    whole = not path.is_file() or path.stat().st_size <= sample
    if whole:
        return _read(path, _written(path, folder), dialect or {}, whole=True)
    scratch = own_folder()
    try:
        start = scratch / path.name
        start.write_bytes(_start(path, sample))
        return _read(start, _written(path, folder), dialect or {}, whole=False)
    finally:
        give_back(scratch)


def _read(path: Path, written: str, dialect: Mapping[str, str], *, whole: bool) -> Export:
    source = source_alone(CONNECTOR, {**dialect, "deals": path.resolve()}, path.parent)
    found = [one for one in source.columns(Table.DEALS) if one not in OWN_FIELDS]
    headings = [one for one in found if one not in {LINE, "*"} and not (one[:1] == "^" and one[-1:] == "$")]
    unclear = _repeated(source, headings)
    asked = [one for one in headings if one not in unclear]
    pages = [page.records for page in source.pages(Table.DEALS, None, asked)]
    empty = pl.DataFrame(schema=dict.fromkeys(asked, pl.String))
    rows = pl.concat(pages).select(asked) if pages else empty
    return Export(path=written, headings=tuple(asked), rows=rows, whole=whole, unclear=tuple(unclear))


def _repeated(source: Source, headings: Sequence[str]) -> list[str]:
    """Return the headings that stand there more than once: nobody can say which column is meant."""
    unclear = []
    for one in headings:
        try:
            next(iter(source.pages(Table.DEALS, None, [one])), None)
        except InputError:
            unclear.append(one)
    return unclear


def _written(path: Path, folder: Path) -> str:
    """Return a path as the project file names it: from its own folder where the file lies in it, else in full."""
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _start(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, cut behind a line; in UTF-16 a lone line feed's byte may be part of a kanji."""
    with path.open("rb") as file:
        start = file.read(size - size % 2)
    if b"\0" not in start[:4096]:
        return start[: start.rfind(b"\n") + 1 or len(start)]
    feeds = (found for feed in (b"\n\0", b"\0\n") for found in re.finditer(re.escape(feed), start))
    return start[: max((found.end() for found in feeds if found.start() % 2 == 0), default=len(start))]

"""Our own tables beside the input: what was written on deals, the tasks, the enrolments. Plain CSV that people open.

Every change replaces whole files: a crash leaves the old or the new one, never half of one. People may edit them, so
a table is read again whenever its file changed, in whatever encoding a spreadsheet saved it.
"""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from recyclekit.connectors.csv.opened import Identity, identity, open_file
from recyclekit.errors import InDoubtError, InputError, LeaseError, RetryableError
from recyclekit.faultpoint import faultpoint
from recyclekit.models.export import guard_formulas, unguard
from recyclekit.models.tables import OWN_FIELDS

FIELDS, TASKS, ENROLMENTS = "fields", "tasks", "enrolments"

COLUMNS: Mapping[str, tuple[str, ...]] = {
    FIELDS: ("deal_id", *OWN_FIELDS, "keys"),
    TASKS: (
        "key", "deal_id", "status", "subject", "due_on", "channel", "owner", "step", "track", "reason", "hook",
        "hook_source", "further", "seal",
    ),
    ENROLMENTS: ("key", "deal_id", "status", "track", "list", "from_on", "further", "seal"),
}  # fmt: skip
"""`keys`: of all writes that touched the deal, as a JSON list; `further`: what the payload says besides, as JSON;
`seal`: hash of the row as we wrote it, so that an edit by a person is noticed."""

COLUMNS_FROM = 20_000
"""Rows from which on a table's columns are kept beside it."""
_OF = "recyclekit.of"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class OwnTables:
    """The three tables of one connection, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, tuple[Identity | None, pl.DataFrame]] = {}

    def path(self, name: str) -> Path:
        """Return the file of a table."""
        return self.folder / f"{name}.csv"

    def table(self, name: str) -> pl.DataFrame:
        """Return a table as it lies on disk: all text, columns COLUMNS[name] and any that a person added.

        Raises:
            InputError: somebody edited the file so that it cannot be read.
        """
        now = self._identity(name)
        if name not in self._known or self._known[name][0] != now:
            self._known[name] = (now, self._read(name, now) if now else _empty(name))
        return _completed(name, self._known[name][1])

    def replace(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Put new tables in place of those read last; all are on disk before the first takes its place.

        Raises:
            RetryableError: nothing was changed (no space, no permission, or somebody saved a file meanwhile).
            InDoubtError: the disk failed between one table and the next.
        """
        written: dict[str, Path] = {}
        if not tables:
            return
        try:
            for name, frame in tables.items():
                written[name] = self._write_beside(name, frame)
            faultpoint("csv.all_written")
            for name in tables:
                if self._identity(name) != self._known[name][0]:
                    raise RetryableError(f"{self.path(name)} was saved by somebody at the same moment.")
            self._take_places(written, tables)
        except OSError as error:
            raise _refused(self.folder, error) from error
        finally:
            for path in written.values():
                path.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes of this machine out while tables are read and replaced."""
        try:
            self.folder.mkdir(exist_ok=True)  # its own folder, and no other
            lock = (self.folder / ".lock").open("a")
        except OSError as error:
            raise _refused(self.folder, error) from error
        with lock:
            _lock(lock, self.folder)
            self._sweep()
            yield

    def _take_places(self, written: dict[str, Path], tables: Mapping[str, pl.DataFrame]) -> None:
        done: list[str] = []
        for name in list(written):
            faultpoint(f"csv.before_replacing.{name}")
            try:
                written[name].replace(self.path(name))
            except OSError as error:
                if done:
                    raise InDoubtError(f"{self.path(name)} could not be replaced.", why=f"{error.strerror}.") from error
                raise
            done.append(name)
            del written[name]
            self._known[name] = (self._identity(name), tables[name])
            if name == FIELDS:  # which every plan reads
                self._remember_columns(name)
            faultpoint(f"csv.replaced.{name}")
        _sync_folder(self.folder)
        faultpoint("csv.synced")

    # -- a large table's columns, kept beside it: reading them back costs a twentieth of reading text

    def _read(self, name: str, now: Identity) -> pl.DataFrame:
        columns = self._columns_path(name)
        try:
            if columns.exists() and pl.read_parquet_metadata(columns).get(_OF) == repr(now):
                return pl.read_parquet(columns)
        except (OSError, pl.exceptions.PolarsError):
            pass  # cut short by a crash: what counts is the table itself
        return _read(self.path(name))

    def _remember_columns(self, name: str) -> None:
        """Keep a table's columns as Parquet, stamped with the file that they were written to; never worth an error."""
        now, frame = self._known[name]
        path, new = self._columns_path(name), self.folder / f".{name}-columns.tmp"
        try:
            if frame.height < COLUMNS_FROM:
                path.unlink(missing_ok=True)
                return
            frame.write_parquet(new, compression="lz4", statistics=False, metadata={_OF: repr(now)})
            new.replace(path)
        except (OSError, pl.exceptions.PolarsError):
            new.unlink(missing_ok=True)

    def _columns_path(self, name: str) -> Path:
        return self.folder / f".{name}.parquet"

    def _write_beside(self, name: str, frame: pl.DataFrame) -> Path:
        """Write a table to a new file in the same folder and onto the disk."""
        text = io.BytesIO()
        # The mark makes spreadsheets show Japanese text as it is.
        guard_formulas(frame).write_csv(text, include_bom=True)
        number, path = tempfile.mkstemp(dir=self.folder, prefix=f".{name}-", suffix=".tmp")
        try:
            with os.fdopen(number, "wb") as file:
                faultpoint(f"csv.begun.{name}")
                file.write(text.getbuffer())
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise
        faultpoint(f"csv.written.{name}")
        return Path(path)

    def _sweep(self) -> None:
        """Remove what a killed process left behind; nobody else can be writing while the lock is held."""
        for left in self.folder.glob(".*.tmp"):
            left.unlink(missing_ok=True)

    def _identity(self, name: str) -> Identity | None:
        try:
            return identity(self.path(name))
        except (FileNotFoundError, NotADirectoryError):
            return None


def _read(path: Path) -> pl.DataFrame:
    file = open_file(path)
    if file.bad:
        bad = file.bad[0]
        raise InputError(
            f"{path} cannot be read: line {bad.line}: {bad.reason}",
            why="Somebody edited the file.",
            fix="Correct that line, or put the file back.",
        )
    columns = [column for column in file.heading.columns if column]
    return unguard(file.scan(columns).collect().drop("_line"))


def _empty(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(COLUMNS[name], pl.String))


def _completed(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Put a column back that a person (or an older version of ours) left out."""
    absent = [pl.lit(None, pl.String).alias(column) for column in COLUMNS[name] if column not in frame.columns]
    return frame.with_columns(absent) if absent else frame


def _refused(folder: Path, error: OSError) -> RetryableError:
    if error.errno in _FULL:
        return RetryableError(
            f"The disk of {folder} is full.", why="Nothing was written.", fix="Free space, then retry."
        )
    return RetryableError(
        f"{folder} cannot be written.", why=f"{error.strerror}; nothing was changed.", fix="Check it, then retry."
    )


def _lock(file: io.TextIOWrapper, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: the ledger's lease alone keeps writers apart
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LeaseError(f"Another process is writing in {folder}.", fix="Wait until it has ended.") from None


def _sync_folder(folder: Path) -> None:
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # Windows cannot open folders; the replacement itself is atomic there too
    try:
        os.fsync(number)
    finally:
        os.close(number)

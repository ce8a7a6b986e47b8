"""A ledger as one file, whichever database it is in: a zip of Parquet tables with their checksums.

It is the same for SQLite and PostgreSQL and for every schema there ever was, so restoring it is also how a ledger moves
to the other database, and into a newer version. It holds all pipelines of a ledger, and the tombstones of people who
were erased by then; whoever was erased later must be erased again after restoring.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, Date, DateTime, Integer, LargeBinary, MetaData, Row, Table, Text, select, text

from recyclekit import clock
from recyclekit.errors import InputError, LedgerVersionError
from recyclekit.faultpoint import faultpoint
from recyclekit.ledger.schema import metadata
from recyclekit.ledger.states import HEAD
from recyclekit.ledger.store import Store
from recyclekit.ledger.version import is_newer, version
from recyclekit.whole_file import write_whole

FORMAT = 1
MANIFEST = "manifest.json"
_ROWS = 50_000
_LEFT_OUT = {"packed"}  # packed: a copy for speed, made anew by the next run that ends
_TYPES: tuple[tuple[type[Any], pl.DataType], ...] = (
    (Text, pl.String()), (LargeBinary, pl.Binary()), (Integer, pl.Int64()), (Date, pl.Date()),
    (DateTime, pl.Datetime("us", "UTC")),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup says of itself."""

    schema: str
    made_at: datetime
    rows: Mapping[str, int]
    sha256: Mapping[str, str]
    """By member: `table/00000.parquet`."""

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


def save(store: Store, path: Path) -> Backup:
    """Write all that a ledger holds at one moment to a file, while runs go on writing.

    The file appears whole or not at all, and only its owner may read it.

    Raises:
        InputError: there is no ledger yet, or the file cannot be written.
        LedgerVersionError: a newer version wrote the ledger.
    """

    def write(part: Path) -> Backup:
        made = store.read(lambda connection: _write(connection, part))
        faultpoint("backup.written")
        return made

    _require_folder(path)
    try:
        return write_whole(path, write, private=True)
    except OSError as error:
        raise InputError(f"The backup cannot be written to {path}.", why=f"{error}.") from error


def _require_folder(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise InputError(f"There is no folder {path.absolute().parent}.", fix="Create it, or choose another.")


def _write(connection: Connection, part: Path) -> Backup:
    found = version(connection)
    if found is None:
        raise InputError("There is no ledger yet, so there is nothing to keep.")
    if is_newer(found):
        raise LedgerVersionError(
            f"The ledger was written by a newer recyclekit (schema {found}).", fix="Make the backup with that version."
        )
    rows, sums = dict[str, int](), dict[str, str]()
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for table in tables_there(connection):
            rows[table.name] = 0
            for number, frame in enumerate(_frames(connection, table)):
                content = BytesIO()
                frame.write_parquet(content, compression="zstd")
                member = f"{table.name}/{number:05}.parquet"
                archive.writestr(member, content.getvalue())
                rows[table.name] += frame.height
                sums[member] = hashlib.sha256(content.getvalue()).hexdigest()
        made = Backup(schema=found, made_at=clock.now(), rows=rows, sha256=sums)
        told = {"format": FORMAT, "schema": found, "made_at": made.made_at.isoformat(), "rows": rows, "sha256": sums}
        archive.writestr(MANIFEST, json.dumps(told, indent=1))
    return made


def tables_there(connection: Connection) -> list[Table]:
    """Return the tables as the database has them, whatever its schema, in the order in which rows may be loaded."""
    # of the schema that this connection sees first: a tenant's own, say
    own = connection.execute(text("SELECT current_schema()")).scalar() if _has_schemas(connection) else None
    there = MetaData()
    there.reflect(connection, schema=own, only=lambda name, _: name in metadata.tables and name not in _LEFT_OUT)
    return there.sorted_tables


def _has_schemas(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _frames(connection: Connection, table: Table) -> Iterator[pl.DataFrame]:
    schema = {column.name: _polars(column.type) for column in table.columns}
    query = select(table).order_by(*table.primary_key.columns)
    with connection.execution_options(yield_per=_ROWS).execute(query) as result:
        for rows in result.partitions():
            yield pl.DataFrame([_plain(row) for row in rows], schema=schema, orient="row")


def _polars(kind: object) -> pl.DataType:
    return next(dtype for known, dtype in _TYPES if isinstance(kind, known))


def _plain(row: Row[Any]) -> list[object]:
    return [_utc(value) if isinstance(value, datetime) else value for value in row]


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# -- reading ---------------------------------------------------------------------------------------------------------


def examine(path: Path) -> Backup:
    """Return what a backup says of itself, after holding every table in it against its checksum.

    Raises:
        InputError: there is no such file, it is no backup, or it is damaged.
        LedgerVersionError: a newer version wrote it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            told = json.loads(archive.read(MANIFEST))
            made = Backup(
                schema=str(told["schema"]), made_at=datetime.fromisoformat(told["made_at"]), rows=told["rows"],
                sha256=told["sha256"],
            )  # fmt: skip
            bad = [name for name, digest in made.sha256.items() if _sha256(archive, name) != digest]
    except FileNotFoundError as error:
        raise InputError(f"There is no backup {path}.") from error
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no backup, or it is cut short.", why=f"{error}.", fix="Take another.") from error
    if bad:
        raise InputError(
            f"The backup {path} is damaged.", why=f"{bad[0]} is not what was written.", fix="Take another."
        )
    if told.get("format") != FORMAT or made.schema > HEAD:
        raise LedgerVersionError(
            f"The backup was made by a newer recyclekit (schema {made.schema}).",
            why=f"This version knows schemas up to {HEAD}.",
            fix="Upgrade recyclekit: pip install --upgrade recyclekit",
        )
    return made


def _sha256(archive: zipfile.ZipFile, member: str) -> str:
    return hashlib.sha256(archive.read(member)).hexdigest()


def parts(path: Path, made: Backup) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield table and rows, part by part, in the order in which they were written."""
    with zipfile.ZipFile(path) as archive:
        for member in made.sha256:
            yield member.split("/")[0], pl.read_parquet(BytesIO(archive.read(member)))

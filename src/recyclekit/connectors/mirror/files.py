"""A mirror's files: one folder for each table, in it the records, what was set aside, and one small file that counts.

Only mirror.json says which of the others hold; it is replaced at once and last, so that a reading that dies leaves what
was there. Two readings side by side do not disturb each other: the later one's files hold.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import polars as pl

from recyclekit import clock
from recyclekit.connectors.protocols import Page
from recyclekit.faultpoint import faultpoint
from recyclekit.models.snapshot import LINE, dead_letters

FOLDER = "mirror"
_FILE, _VERSION = "mirror.json", 1
_VALUES = 250_000
"""So many values (records times columns) are held in memory before they are laid down."""
_ORPHANED = timedelta(days=1)
"""Age at which a file that mirror.json does not name is nobody's any more."""
_BROKEN = (OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError)
_GEN = "_gen"
log = logging.getLogger("recyclekit.mirror")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What mirror.json says.

    Attributes:
        cursor: the source's, behind the last record.
        read_whole_at: when the last reading of the whole table began, ISO 8601 with zone.
        records, aside: names of the files with the records and the dead letters of stage extract.
        missing: ids that deals link to and that are not there even in a whole reading.
    """

    cursor: str
    read_whole_at: str
    records: str
    aside: str
    missing: Sequence[str] = ()


@dataclass(frozen=True)
class Place:
    """The folder of one table. `key`: the system's column that tells its records apart."""

    folder: Path
    key: str

    def kept(self) -> Kept | None:
        """Return what is kept here; None where nothing is, or nothing that can be read."""
        try:
            found = json.loads((self.folder / _FILE).read_bytes())
            return Kept(**found["kept"]) if found["version"] == _VERSION else None
        except _BROKEN:
            return None

    def known(self, kept: Kept) -> pl.Series | None:
        """Return the keys that are kept or known to be missing; None where they cannot be read."""
        try:
            here = pl.scan_ipc(self.folder / kept.records).select(self.key).collect().to_series()
        except _BROKEN:
            return None
        return pl.concat([here, pl.Series(self.key, list(kept.missing), pl.String)])

    def begin(self) -> New:
        """Begin what is to take the place of what is kept."""
        return New(self)


@dataclass
class New:
    """What a reading lays down. A mirror that cannot be kept (a full disk) is told in the log, and does without."""

    place: Place
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    cursor: str | None = None
    _held: list[pl.DataFrame] = field(default_factory=list)
    _parts: list[Path] = field(default_factory=list)
    _aside: list[pl.DataFrame] = field(default_factory=list)
    _values: int = 0
    _pages: int = 0
    _fault: Exception | None = None

    def add(self, page: Page) -> None:
        """Take in the next page of a reading."""
        self.cursor = page.cursor
        self._aside.append(page.set_aside)
        self._held.append(page.records.with_columns(pl.lit(self._pages, pl.UInt32).alias(_GEN)))
        self._pages += 1
        self._values += page.records.height * page.records.width
        if self._values >= _VALUES:
            self._lay_down()

    def set_aside(self) -> pl.DataFrame:
        """Return the dead letters so far."""
        return pl.concat(self._aside) if self._aside else dead_letters()

    def keep_all(self, *, read_whole_at: str, linked: pl.Series | None) -> None:
        """Keep what was added, as the whole table. linked: the ids that deals name, where the table holds those."""
        try:
            path = self._sink(self._added().drop(_GEN))
            ids = pl.scan_ipc(path).select(self.place.key).collect().to_series()
            missing = [] if linked is None else linked.filter(~linked.is_in(ids.implode())).to_list()
            self._keep(path, read_whole_at, missing)
        except _BROKEN as fault:
            self._told(fault)

    def lay_over(self, kept: Kept) -> pl.LazyFrame | None:
        """Keep what is kept with what was added laid over it, and return it; None where that is impossible.

        All records of an added key replace all of that key; of a key that came on several pages, the last page's hold.
        """
        key, folder = self.place.key, self.place.folder
        try:
            added = self._added()
            newest = added.filter(pl.col(_GEN) == pl.col(_GEN).max().over(key)).drop(_GEN)
            untouched = pl.scan_ipc(folder / kept.records).join(newest, on=key, how="anti", maintain_order="left")
            path = self._sink(pl.concat([untouched, newest], how="diagonal"))
            again = pl.concat([newest.select(key).collect()[key], self.set_aside()["record_id"]]).drop_nulls()
            before = pl.scan_ipc(folder / kept.aside).collect()
            self._aside.insert(0, before.filter(~pl.col("record_id").is_in(again.implode()).fill_null(value=False)))
            self._keep(path, kept.read_whole_at, kept.missing, instead_of=kept)
        except _BROKEN as fault:
            self._told(fault)
            return None
        return pl.scan_ipc(path)

    def _added(self) -> pl.LazyFrame:
        if self._fault is not None:
            raise self._fault
        frames = [pl.scan_ipc(part) for part in self._parts] + [held.lazy() for held in self._held]
        return pl.concat(frames, how="diagonal")

    def _lay_down(self) -> None:
        part = self.place.folder / f"{self.name}-{len(self._parts):05d}.arrow"
        try:
            self._make_folder()
            pl.concat(self._held, how="diagonal").write_ipc(part, compression="lz4")
        except _BROKEN as fault:
            self._fault = fault  # told when it is to be kept; reading goes on
        self._parts.append(part)
        self._held, self._values = [], 0

    def _sink(self, records: pl.LazyFrame) -> Path:
        path = self.place.folder / f"{self.name}.arrow"
        self._make_folder()
        numbered = records.drop(LINE).with_row_index(LINE, offset=1).with_columns(pl.col(LINE).cast(pl.UInt64))
        numbered.sink_ipc(path, compression="lz4")
        return path

    def _keep(self, path: Path, read_whole_at: str, missing: Sequence[str], *, instead_of: Kept | None = None) -> None:
        folder, aside = self.place.folder, path.with_suffix(".aside")
        self.set_aside().write_ipc(aside)
        kept = Kept(
            cursor=self.cursor or (instead_of.cursor if instead_of else ""),
            read_whole_at=read_whole_at,
            records=path.name,
            aside=aside.name,
            missing=sorted(missing),
        )
        part = folder / f"{self.name}.json"
        part.write_text(json.dumps({"version": _VERSION, "kept": asdict(kept)}), encoding="utf-8")
        faultpoint("mirror.keep")
        part.replace(folder / _FILE)
        faultpoint("mirror.kept")
        for gone in (*self._parts, *_orphans(folder, kept, instead_of)):
            gone.unlink(missing_ok=True)

    def _make_folder(self) -> None:
        # what lies here names people: nobody but the owner of the process looks into it
        self.place.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.place.folder.mkdir(exist_ok=True, mode=0o700)

    def _told(self, fault: Exception) -> None:
        log.warning("The mirror in %s cannot be kept; the next run reads everything. %s", self.place.folder, fault)
        for part in self._parts:
            part.unlink(missing_ok=True)


def _orphans(folder: Path, kept: Kept, before: Kept | None) -> Iterator[Path]:
    """Yield the files that were replaced, and those that a reading left behind which died long ago."""
    replaced = {before.records, before.aside} if before else set()
    holding = {_FILE, kept.records, kept.aside}
    long_ago = (clock.now() - _ORPHANED).timestamp()
    for path in folder.iterdir():
        if path.name in replaced or (path.name not in holding and path.stat().st_mtime < long_ago):
            yield path

"""Pages of a source through its mirror: what is kept, with what changed since laid over, or everything anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import polars as pl
from pydantic import BaseModel, SecretBytes, SecretStr

from recyclekit import clock
from recyclekit.connectors.mirror.files import Kept, New, Place
from recyclekit.connectors.protocols import Page, Source
from recyclekit.errors import ConnectorError
from recyclekit.models.snapshot import dead_letters
from recyclekit.models.tables import Table

KEYS = {
    Table.DEALS: "deal_id", Table.ACTIVITIES: "activity_id", Table.CONTACTS: "contact_id", Table.ACCOUNTS: "account_id",
}  # fmt: skip
"""Our column that tells records of a table apart. Tables without one (signals, history) are read whole each time."""
_NAMED_BY_DEALS = (Table.CONTACTS, Table.ACCOUNTS)
_ROWS = 50_000
ColumnOf = Callable[[Table, str], str | None]
"""Table and our column → the system's column that fills it; None where none does."""


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Where the records of one connection lie, and how old they may grow.

    Attributes:
        folder: of this connection alone; made where it is missing, readable by its owner only. It may be removed at
            any time: everything is read whole then.
        account: tells one account of a system from another (see `identify`); what another one told is not looked at.
        whole_every: once a table was read whole so long ago it is so again, and what no change tells comes to light:
            deletions, and links that came or went while neither of their ends changed.
        column_of: the field map.
    """

    folder: Path
    account: str
    whole_every: timedelta
    column_of: ColumnOf

    def over(self, source: Source) -> Source:
        """Return the same guarded source, read through this mirror."""
        door = copy(source)
        vars(door)["pages"] = _Reading(self, source).pages
        return door


def identify(*parts: object) -> str:
    """Return 16 letters and digits that are the same only where all parts are, the secrets of settings included."""
    return blake2b(json.dumps(parts, default=_plain, sort_keys=True).encode(), digest_size=8).hexdigest()


def _plain(part: object) -> object:
    if isinstance(part, BaseModel):
        return part.model_dump()
    return str(part.get_secret_value()) if isinstance(part, (SecretStr, SecretBytes)) else str(part)


@dataclass
class _Reading:
    """One opened source. Remembers which contacts and companies the deals named that were read before them."""

    mirror: Mirror
    source: Source
    linked: dict[Table, pl.Series] = field(default_factory=dict)

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        key = self.mirror.column_of(table, KEYS[table]) if table in KEYS else None
        if after is not None or key is None:
            return self.source.pages(table, after, columns)
        columns = sorted({*columns, key})  # a policy need not ask for what we tell records apart by
        what = identify(self.mirror.account, table, *columns)
        place = Place(self.mirror.folder / f"{table}-{what}", key)
        return self._noting(table, self._through(table, place, columns))

    def _through(self, table: Table, place: Place, columns: Collection[str]) -> Iterator[Page]:
        kept = place.kept()
        if kept is None or self._is_old(kept) or self._names_strangers(table, place, kept):
            return self._whole(table, place, columns)
        new = place.begin()
        try:
            for page in self.source.pages(table, kept.cursor, columns):
                new.add(page)
        except ConnectorError:  # a cursor that it does not know any more
            return self._whole(table, place, columns)
        merged = new.lay_over(kept)
        return self._whole(table, place, columns) if merged is None else self._kept(table, merged, new, kept)

    def _whole(self, table: Table, place: Place, columns: Collection[str]) -> Iterator[Page]:
        began, new = clock.now(), place.begin()
        for page in self.source.pages(table, None, columns):
            new.add(page)
            yield page
        new.keep_all(read_whole_at=began.isoformat(), linked=self.linked.get(table))

    def _kept(self, table: Table, merged: pl.LazyFrame, new: New, kept: Kept) -> Iterator[Page]:
        """Yield what is kept by now; the last page has the source's own cursor, as in any reading."""
        aside, height = new.set_aside(), merged.select(pl.len()).collect().item()
        for first in range(0, max(height, 1), _ROWS):
            is_last = first + _ROWS >= height
            yield Page(
                table=table,
                records=merged.slice(first, _ROWS).collect(),
                cursor=new.cursor or kept.cursor if is_last else f"mirror:{first + _ROWS}",
                set_aside=aside if is_last else dead_letters(),
            )

    def _noting(self, table: Table, pages: Iterator[Page]) -> Iterator[Page]:
        """Hand pages on; note whom deals name, before their contacts and companies are read."""
        columns = {other: self.mirror.column_of(table, KEYS[other]) for other in _NAMED_BY_DEALS}
        named: dict[Table, list[pl.Series]] = {other: [] for other in _NAMED_BY_DEALS}
        for page in pages:
            for other, column in columns.items():
                if table is Table.DEALS and column in page.records.columns:
                    named[other].append(page.records[column].drop_nulls().unique())
            yield page
        self.linked |= {other: pl.concat(parts).unique() for other, parts in named.items() if parts}

    def _is_old(self, kept: Kept) -> bool:
        return clock.now() - datetime.fromisoformat(kept.read_whole_at) >= self.mirror.whole_every

    def _names_strangers(self, table: Table, place: Place, kept: Kept) -> bool:
        """Return whether deals name records by now that the mirror lacks: older than the link to them."""
        linked = self.linked.get(table)
        if linked is None:
            return False
        known = place.known(kept)
        return known is None or not linked.is_in(known.implode()).all()

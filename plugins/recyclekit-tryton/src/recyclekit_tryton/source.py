"""The reading door: opportunities with our own fields, notes as activities, parties as contacts and accounts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
import polars as pl

from recyclekit.connectors import Calls, Page
from recyclekit.errors import ConnectorError
from recyclekit.models.field_map import Mapped
from recyclekit.models.tables import OWN_FIELDS, Table
from recyclekit_tryton.answers import Record
from recyclekit_tryton.columns import at, frame, moment, of_moment
from recyclekit_tryton.field_map import DEAL, MAPPED, NOTE, PARTY, PERSON, UNSUBSCRIBED, read_note
from recyclekit_tryton.settings import TrytonSettings
from recyclekit_tryton.transport import Domain, Transport

MODELS = {Table.DEALS: DEAL, Table.ACTIVITIES: NOTE, Table.CONTACTS: PARTY, Table.ACCOUNTS: PARTY}
STAMPS = ("create_date", "write_date")
_MADE_HERE = {Table.DEALS: frozenset({*OWN_FIELDS, PERSON}), Table.ACTIVITIES: frozenset({"deal", "key"})}
_MADE_FROM = {Table.DEALS: frozenset({"party", "contact.party"}), Table.ACTIVITIES: frozenset({"resource", "message"})}
_CURSOR = 1
_OVERLAP = timedelta(minutes=5)
"""A record is stamped when its transaction begins and seen when it ends: so far back a later reading begins."""


class TrytonSource:
    """Source over one database. A cursor holds the last id read and the latest change seen."""

    def __init__(self, transport: Transport, settings: TrytonSettings, timezone: ZoneInfo) -> None:
        self._transport, self._settings, self._timezone = transport, settings, timezone

    def told_calls(self) -> Calls:
        return self._transport.told_calls()

    def tables(self) -> Collection[Table]:
        return tuple(MODELS)

    def mapped(self) -> Mapped:
        return MAPPED

    def columns(self, table: Table) -> Collection[str]:
        known = self._transport.read("ir.model.field", [["model", "=", MODELS[table]]], ["name"])
        dotted = {spec.column for spec in MAPPED.fields[table].values() if spec.column and "." in spec.column}
        return sorted({row["name"] for row in known} | dotted | _MADE_HERE.get(table, frozenset()))

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        """Yield pages by ascending id; after the last page of a whole reading, a cursor yields what changed since.

        `write_date` is null until the first edit, so new records are found by `create_date`.
        """
        cursor = _Cursor.read(after)
        while True:
            found = self._page(table, cursor, columns)
            cursor = cursor.behind(found, is_last=len(found) < self._settings.page_size)
            yield Page(table=table, records=self._frame(table, found, columns), cursor=cursor.text)
            if cursor.last == 0:
                return

    def records_of(self, table: Table, domain: Domain, columns: Collection[str]) -> pl.DataFrame:
        """Return all records of a table within a domain, as `pages` shows them."""
        return self._frame(table, self._read(table, domain, columns, limit=None), columns)

    # -- records -----------------------------------------------------------------------------------------------------

    def _page(self, table: Table, cursor: _Cursor, columns: Collection[str]) -> list[Record]:
        domain: Domain = [["id", ">", cursor.last]]
        if cursor.since is not None:
            since = of_moment(cursor.since - _OVERLAP)
            domain.append(["OR", *([[name, ">=", since]] for name in STAMPS)])
        return self._read(table, domain, columns, limit=self._settings.page_size)

    def _read(self, table: Table, domain: Domain, columns: Collection[str], *, limit: int | None) -> list[Record]:
        asked = {*columns, *STAMPS} - _MADE_HERE.get(table, frozenset())
        asked |= _MADE_FROM.get(table, frozenset())
        return self._transport.read(MODELS[table], [*self._scope(table), *domain], asked, limit=limit)

    def _scope(self, table: Table) -> Domain:
        if table is Table.ACTIVITIES:
            return [["resource", "like", f"{DEAL},%"]]
        if table is Table.DEALS:
            company = [["company", "=", self._settings.company]] if self._settings.company else []
            return [["state", "!=", "cancelled"], *company]
        return []

    def _frame(self, table: Table, rows: Sequence[Record], columns: Collection[str]) -> pl.DataFrame:
        shown = [_SHOWN[table](row) for row in rows]
        if table is Table.DEALS and set(columns) & set(OWN_FIELDS):
            own = self.own_fields([row["id"] for row in rows])
            shown = [{**row, **own.get(row["id"], {})} for row in shown]
        return frame(shown, columns)

    def own_fields(self, deals: Sequence[int]) -> Mapping[int, Record]:
        """Return our own fields per deal, from the newest of our notes; deals without one are absent."""
        return {deal: fields for _, deal, _, fields in self.own_notes(deals)}

    def own_notes(self, deals: Sequence[int]) -> list[tuple[int, int, str, Record]]:
        """Return (id, deal, key, fields) of each note of ours on these deals, oldest first."""
        if not deals:
            return []
        domain = [["resource", "in", [f"{DEAL},{deal}" for deal in deals]], ["message", "like", "[recyclekit]%"]]
        rows = self._transport.read(NOTE, domain, ["resource", "message"])
        read = [(row, read_note(row["message"])) for row in rows]
        return [(row["id"], _deal_of(row), note[0], note[1]) for row, note in read if note is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cursor:
    """A position: the id to read on behind (0 at a beginning), and within which changes.

    Attributes:
        since: only what was created or changed from then on; None for all.
        seen: the latest change met so far.
        reading: which reading this is, counted from 0; two never share a cursor.
    """

    last: int = 0
    since: datetime | None = None
    seen: datetime | None = None
    reading: int = 0

    @classmethod
    def read(cls, text: str | None) -> _Cursor:
        if text is None:
            return cls()
        try:
            held = orjson.loads(text)
            if held["v"] != _CURSOR:
                raise KeyError(text)
            since, seen = (None if held[n] is None else datetime.fromisoformat(held[n]) for n in ("since", "seen"))
            return cls(last=int(held["last"]), since=since, seen=seen, reading=int(held["reading"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            why = f"It says {text[:60]!r}."
            raise ConnectorError(
                "A cursor of Tryton cannot be read.", why=why, fix="Read from the beginning."
            ) from None

    @property
    def text(self) -> str:
        since, seen = (None if at is None else at.isoformat() for at in (self.since, self.seen))
        held = {"v": _CURSOR, "last": self.last, "since": since, "seen": seen, "reading": self.reading}
        return orjson.dumps(held).decode()

    def behind(self, rows: Sequence[Record], *, is_last: bool) -> _Cursor:
        """Return the position after these records; after the last of all, that of the next reading's beginning."""
        stamps = [moment(row[name]) for row in rows for name in STAMPS if row.get(name)]
        seen = max([at for at in (self.seen, *stamps) if at is not None], default=None)
        if is_last:
            return _Cursor(since=seen, seen=seen, reading=self.reading + 1)
        return replace(self, last=rows[-1]["id"], seen=seen)


def _deal_of(note: Record) -> int:
    return int(note["resource"].partition(",")[2])


def person(row: Record) -> int | None:
    """Return the party to talk to: see field_map.PERSON. `row` holds `party` and `contact.party`."""
    found = at(row, "contact.party") or row["party"]
    return None if found is None else int(found)


def _deal(row: Record) -> Record:
    return {**row, PERSON: person(row)}


def _account(row: Record) -> Record:
    return row


def _activity(row: Record) -> Record:
    note = read_note(row["message"])
    return {**row, "deal": _deal_of(row), "key": None if note is None else note[0] or "ours"}


def _contact(row: Record) -> Record:
    return {**row, UNSUBSCRIBED: bool(row.get(UNSUBSCRIBED))}


_SHOWN: Mapping[Table, Callable[[Record], Record]] = {
    Table.DEALS: _deal,
    Table.ACTIVITIES: _activity,
    Table.CONTACTS: _contact,
    Table.ACCOUNTS: _account,
}

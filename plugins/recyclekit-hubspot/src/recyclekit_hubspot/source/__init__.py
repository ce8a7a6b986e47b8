"""The reading door of HubSpot: deals, contacts, companies, engagements and signals, whole or what changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import polars as pl

from recyclekit import clock
from recyclekit.connectors import Calls, Page
from recyclekit.errors import ConnectorError
from recyclekit.models.field_map import Mapped
from recyclekit.models.snapshot import LINE, dead_letters
from recyclekit.models.tables import Table
from recyclekit_hubspot.columns import ID, PAGE
from recyclekit_hubspot.field_map import (
    COMPANY,
    CONTACT,
    ENGAGEMENT_COLUMNS,
    HISTORY_COLUMNS,
    SIGNAL_COLUMNS,
    SIGNALS,
    default_fields,
    tracked,
)
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.source import changes
from recyclekit_hubspot.source.account import KIND, Account
from recyclekit_hubspot.source.cursor import Cursor, Stretch, read_cursor
from recyclekit_hubspot.source.engagements import activities, properties_of
from recyclekit_hubspot.source.history import HistoryListing, history_of
from recyclekit_hubspot.source.links import Links, main_of
from recyclekit_hubspot.source.listing import Batch, Listing
from recyclekit_hubspot.source.records import Records
from recyclekit_hubspot.transport import Transport

T = TypeVar("T")
R = TypeVar("R")
_VIRTUAL = {CONTACT, COMPANY, ID}
Rows = tuple[pl.DataFrame, int, Cursor]
"""Records, how many were none, and the position behind them."""


class HubSpotSource:
    """Source over one HubSpot account."""

    def __init__(self, settings: HubSpotSettings, transport: Transport) -> None:
        self._settings, self._transport = settings, transport
        self.account = Account(transport)
        self.links = Links(transport, settings.threads)
        self.records = Records(transport, settings.threads)
        self._linked: dict[str, pl.Series] = {}

    def told_calls(self) -> Calls:
        return self._transport.told_calls()

    def tables(self) -> Collection[Table]:
        there = [Table.DEALS, Table.CONTACTS, Table.SIGNALS, Table.HISTORY]
        there += [Table.ACCOUNTS] if self._settings.companies else []
        return [*there, Table.ACTIVITIES] if self._settings.activities else there

    def mapped(self) -> Mapped:
        own = {name: self._settings.property_of(name) for name in _own_fields()}
        there = {table: self.account.properties(kind) for table, kind in KIND.items() if table in self.tables()}
        fields = default_fields(there, own)
        return Mapped(
            fields={table: specs for table, specs in fields.items() if table in self.tables()},
            stages=self.account.stages,
        )

    def columns(self, table: Table) -> Collection[str]:
        if table is Table.ACTIVITIES:
            return ENGAGEMENT_COLUMNS
        if table is Table.SIGNALS:
            return SIGNAL_COLUMNS
        if table is Table.HISTORY:
            return HISTORY_COLUMNS
        names = list(self.account.properties(self._kind(table)))
        return list(dict.fromkeys([ID, *names, *((CONTACT, COMPANY) if table is Table.DEALS else ())]))

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        """Yield pages; behind the last, the cursor is where changes from then on begin.

        A first reading hands over all records. One that starts from such a last cursor hands over what changed since,
        a little of what was handed over before (windows overlap), and of deals all that are open.
        """
        if table not in self.tables():
            raise ConnectorError(f"HubSpot's {table} are not read.", fix="See the connection's settings.")
        began = _now()
        cursor = read_cursor(after) if after is not None else self._first(table, began)
        if cursor.how == "changes":
            until = cursor.until or began
            rows = self._changes(table, replace(cursor, until=until), columns)
            end = Cursor(how="changes", since=until - changes.OVERLAP)
        else:
            read = self._whole if cursor.how == "whole" else self._of_links
            rows, end = read(table, cursor, columns), Cursor(how="changes", since=cursor.since - changes.OVERLAP)
        line, pages = 0, 0
        for (records, lost, behind), is_last in _marking_last(rows):
            if records.is_empty() and not lost and not is_last:
                continue  # nothing to hand on
            page = _page(table, records, columns, line, lost)
            line, pages = line + records.height + lost, pages + 1
            yield replace(page, cursor=(end if is_last else behind).text())
        if not pages:
            # Nothing at all is a page as well: its cursor is where changes begin.
            yield replace(_page(table, _nothing(columns), columns, 0, 0), cursor=end.text())

    def linked_ids(self, kind: str, column: str) -> Sequence[str]:
        """Return the ids of the contacts or companies that deals link to, ascending; reads all deals if need be."""
        if kind not in self._linked:
            for _ in self.pages(Table.DEALS, None, [ID, column]):
                pass
        return [str(one) for one in self._linked[kind].sort()]

    def deal_rows(self, records: pl.DataFrame, columns: Collection[str]) -> pl.DataFrame:
        """Return deals with their main contact and company, where these columns are wanted."""
        label = self._settings.main_contact_label
        for column, kind in ((CONTACT, "contacts"), (COMPANY, "companies")):
            if column in columns:
                found = main_of(self.links.of("deals", kind, records[ID].to_list()), label=label)
                found = found.rename({"end": column})
                records = records.join(found, left_on=ID, right_on="start", how="left", maintain_order="left")
        return records

    def signal_properties(self) -> list[str]:
        """Return the contact properties that hold signs of interest, of those that the account has."""
        return [name for name in SIGNALS if name in self.account.properties("contacts")]

    # -- whole tables

    def _first(self, table: Table, began: int) -> Cursor:
        if table in {Table.DEALS, Table.ACTIVITIES, Table.HISTORY}:
            return Cursor(how="whole", since=began, kind=self._kinds(table)[0], left=(Stretch(),))
        return Cursor(how="linked", since=began)

    def _whole(self, table: Table, cursor: Cursor, columns: Collection[str]) -> Iterator[Rows]:
        kinds = self._kinds(table)
        seen: dict[str, list[pl.Series]] = {"contacts": [], "companies": []}
        is_all = cursor.left == (Stretch(),) and cursor.kind == kinds[0]
        for kind in kinds[kinds.index(cursor.kind) :]:
            here = cursor if kind == cursor.kind else replace(cursor, kind=kind, left=(Stretch(),), by_id=False)
            for rows in self._listed(table, kind, here, columns):
                for name, column in (("contacts", CONTACT), ("companies", COMPANY)):
                    if column in rows[0].columns:
                        seen[name].append(_numbers(rows[0][column]))
                yield rows
        if table is Table.DEALS and is_all:
            self._linked |= {name: pl.concat(parts).unique() for name, parts in seen.items() if parts}

    def _listed(self, table: Table, kind: str, cursor: Cursor, columns: Collection[str]) -> Iterator[Rows]:
        wanted, settings = self._properties(table, kind, columns), self._settings
        size = {"threads": settings.threads, "size": settings.page_size}
        listing = (
            HistoryListing(self._transport, wanted, **size)
            if table is Table.HISTORY
            else Listing(self._transport, kind, wanted, **size)
        )
        ranges = listing.ranges() if self._settings.parallel and cursor.left == (Stretch(),) else ()
        left, by_id = ranges or cursor.left, cursor.by_id or bool(ranges)
        kinds = self._kinds(table)
        following = kinds[kinds.index(kind) + 1] if kind != kinds[-1] else kind

        def rows(batch: Batch) -> Rows:
            pieces, still = batch
            records, lost = listing.frame(pieces, by_id=by_id)
            if table is not Table.HISTORY:
                self._transport.read[kind] += records.height
            behind = replace(cursor, left=still, by_id=by_id)
            behind = behind if still else replace(cursor, kind=following, left=(Stretch(),), by_id=False)
            return self._shaped(table, kind, records.drop(PAGE), columns), lost, behind

        return _ahead(listing.batches(left, by_id=by_id), rows)

    def _of_links(self, table: Table, cursor: Cursor, columns: Collection[str]) -> Iterator[Rows]:
        kind, column = ("companies", COMPANY) if table is Table.ACCOUNTS else ("contacts", CONTACT)
        ids = self.linked_ids(kind, column)
        ids = [one for one in ids if cursor.after is None or int(one) > int(cursor.after)]
        for n in range(0, len(ids), self._settings.page_size):
            part = ids[n : n + self._settings.page_size]
            yield self._by_id(table, kind, part, columns), 0, replace(cursor, after=part[-1])

    # -- changes

    def _changes(self, table: Table, cursor: Cursor, columns: Collection[str]) -> Iterator[Rows]:
        assert cursor.until is not None
        parts = [(kind, "changed") for kind in self._kinds(table)]
        parts += [("deals", "open")] if table is Table.DEALS else []
        first = parts.index((cursor.kind, cursor.part)) if cursor.part else 0
        for kind, part in parts[first:]:
            window = cursor.since, cursor.until
            filters = changes.open_deals(*window) if part == "open" else changes.changed(kind, *window)
            after = cursor.after if (kind, part) == (cursor.kind, cursor.part) else None
            for ids in changes.ids_of(self._transport, kind, filters, after, self._settings.page_size):
                behind = replace(cursor, kind=kind, part=part, after=ids[-1])
                yield self._by_id(table, kind, ids, columns), 0, behind

    # -- rows

    def _by_id(self, table: Table, kind: str, ids: Sequence[str], columns: Collection[str]) -> pl.DataFrame:
        wanted = self._properties(table, kind, columns)
        if table is Table.HISTORY:
            return history_of(self._transport, ids, wanted, self._settings.threads)
        found = self.records.read(kind, ids, wanted)
        return self._shaped(table, kind, found, columns)

    def _shaped(self, table: Table, kind: str, records: pl.DataFrame, columns: Collection[str]) -> pl.DataFrame:
        if table is Table.DEALS:
            return self.deal_rows(records, columns)
        if table is Table.ACTIVITIES:
            return activities(kind, records, self.links, self._settings.task_key)
        return signals(records) if table is Table.SIGNALS else records

    def _properties(self, table: Table, kind: str, columns: Collection[str]) -> list[str]:
        if table is Table.ACTIVITIES:
            return properties_of(kind, self._settings.task_key)
        if table is Table.SIGNALS:
            return self.signal_properties()
        if table is Table.HISTORY:
            return list(tracked(self.mapped().fields[Table.DEALS]).values())
        return [name for name in columns if name not in _VIRTUAL]

    def _kinds(self, table: Table) -> tuple[str, ...]:
        return self._settings.activities if table is Table.ACTIVITIES else (self._kind(table),)

    def _kind(self, table: Table) -> str:
        return "deals" if table is Table.HISTORY else KIND.get(table, "contacts")


def signals(contacts: pl.DataFrame) -> pl.DataFrame:
    """Return SIGNAL_COLUMNS: one row per contact and kind of sign, the latest of each."""
    there = [name for name in SIGNALS if name in contacts.columns]
    if not there:
        return pl.DataFrame(schema=dict.fromkeys(SIGNAL_COLUMNS, pl.String))
    long = contacts.select(ID, *there).unpivot(there, index=ID, variable_name="kind", value_name="at").drop_nulls("at")
    kinds = pl.col("kind").replace_strict(SIGNALS, return_dtype=pl.String)
    named = long.filter(pl.col("at") != "").select(pl.col(ID).alias("contact_id"), kinds, "at")
    return named.group_by("contact_id", "kind", maintain_order=True).agg(pl.col("at").max()).select(SIGNAL_COLUMNS)


def _own_fields() -> Sequence[str]:
    from recyclekit.models.tables import OWN_FIELDS

    return OWN_FIELDS


def _ahead(items: Iterable[T], make: Callable[[T], R]) -> Iterator[R]:
    """Yield what is made of each, making one in a thread of its own while the next is fetched."""
    with ThreadPoolExecutor(1, thread_name_prefix="hubspot-decode") as pool:
        making = None
        for item in items:
            made, making = making, pool.submit(make, item)
            if made is not None:
                yield made.result()
        if making is not None:
            yield making.result()


def _marking_last(items: Iterator[T]) -> Iterator[tuple[T, bool]]:
    waiting: list[T] = []
    for item in items:
        if waiting:
            yield waiting.pop(), False
        waiting.append(item)
    if waiting:
        yield waiting.pop(), True


def _page(table: Table, records: pl.DataFrame, columns: Collection[str], line: int, lost: int) -> Page:
    absent = [pl.lit(None, pl.String).alias(name) for name in columns if name not in records.columns]
    chosen = records.with_columns(absent).select(*dict.fromkeys(columns)).with_row_index(LINE, offset=line + 1)
    aside: list[dict[str, object]] = [
        {"stage": "extract", "table": table.value, "line": line + records.height + n, "code": "no_record",
         "reason": "HubSpot gave something that is no record."}
        for n in range(1, lost + 1)
    ]  # fmt: skip
    return Page(
        table=table,
        records=chosen.with_columns(pl.col(LINE).cast(pl.UInt64)),
        cursor="",
        set_aside=dead_letters(aside) if aside else dead_letters(),
    )


def _nothing(columns: Collection[str]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


def _numbers(column: pl.Series) -> pl.Series:
    return column.drop_nulls().unique().cast(pl.Int64, strict=False).drop_nulls()


def _now() -> int:
    return int(clock.now().timestamp() * 1_000)

"""Deals read again just before they are written, with the contacts and activities that decide on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from recyclekit.models.snapshot import LINE
from recyclekit.models.tables import Table
from recyclekit_hubspot.columns import ID
from recyclekit_hubspot.field_map import COMPANY, CONTACT, ENGAGEMENT_COLUMNS
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.source import HubSpotSource, signals
from recyclekit_hubspot.source.engagements import activities_of, properties_of

_LINKED = {CONTACT, COMPANY, ID}


class Rereading:
    """Raw records of single deals, by batch reads: what is searched for lags behind."""

    def __init__(self, settings: HubSpotSettings, source: HubSpotSource) -> None:
        self._settings, self._source = settings, source

    def read_back(
        self, deal_ids: Sequence[str], columns: Mapping[Table, Collection[str]]
    ) -> Mapping[Table, pl.DataFrame]:
        """Return records as pages do; deals that are gone are absent."""
        wanted = {table: names for table, names in columns.items() if table in self._source.tables()}
        names = wanted.get(Table.DEALS, ())
        needs_people = bool({Table.CONTACTS, Table.ACTIVITIES, Table.SIGNALS} & set(wanted))
        linked = {*names, *([CONTACT] if needs_people else []), *([COMPANY] if Table.ACCOUNTS in wanted else [])}
        properties = [name for name in names if name not in _LINKED]
        deals = self._source.deal_rows(self._source.records.read("deals", deal_ids, properties, sure=True), linked)
        contacts = _ids(deals, CONTACT)
        frames = {Table.DEALS: deals}
        if Table.CONTACTS in wanted:
            frames[Table.CONTACTS] = self._read("contacts", contacts, wanted[Table.CONTACTS])
        if Table.ACCOUNTS in wanted:
            frames[Table.ACCOUNTS] = self._read("companies", _ids(deals, COMPANY), wanted[Table.ACCOUNTS])
        if Table.SIGNALS in wanted:
            names_of = self._source.signal_properties()
            frames[Table.SIGNALS] = signals(self._source.records.read("contacts", contacts, names_of))
        if Table.ACTIVITIES in wanted:
            frames[Table.ACTIVITIES] = self._activities(_ids(deals, ID), contacts)
        return {table: _chosen(frame, wanted[table]) for table, frame in frames.items() if table in wanted}

    def _read(self, kind: str, ids: Sequence[str], columns: Collection[str]) -> pl.DataFrame:
        return self._source.records.read(kind, ids, [name for name in columns if name not in _LINKED])

    def _activities(self, deals: Sequence[str], contacts: Sequence[str]) -> pl.DataFrame:
        """Return the activities of deals, and those of their contacts that belong to no deal."""
        links, key = self._source.links, self._settings.task_key
        frames = [pl.DataFrame(schema=dict.fromkeys(ENGAGEMENT_COLUMNS, pl.String))]
        for kind in self._settings.activities:
            of_deals, of_people = (
                _turned(links.of(*ends)) for ends in (("deals", kind, deals), ("contacts", kind, contacts))
            )
            lone = of_people.join(of_deals, on="start", how="anti")["start"].to_list()
            of_deals = pl.concat([of_deals, links.of(kind, "deals", lone)])
            ids = sorted({*of_deals["start"], *of_people["start"]})
            if ids:
                found = self._source.records.read(kind, ids, properties_of(kind, key))
                frames.append(activities_of(kind, found, of_deals, of_people, key))
        both = pl.concat(frames)
        ours = pl.col("deal_id").is_in(list(deals)) | pl.col("deal_id").is_null()
        return both.filter(ours)


def _turned(links: pl.DataFrame) -> pl.DataFrame:
    """Return links as seen from their other end."""
    return links.rename({"start": "end", "end": "start"}).select(links.columns)


def _ids(records: pl.DataFrame, column: str) -> list[str]:
    return records[column].drop_nulls().unique(maintain_order=True).to_list() if column in records.columns else []


def _chosen(records: pl.DataFrame, columns: Collection[str]) -> pl.DataFrame:
    absent = [pl.lit(None, pl.String).alias(name) for name in columns if name not in records.columns]
    chosen = records.with_columns(absent).select(*dict.fromkeys(columns)).with_row_index(LINE, offset=1)
    return chosen.with_columns(pl.col(LINE).cast(pl.UInt64))

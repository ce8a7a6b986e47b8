"""The reading door: tables of Salesforce in pages, by keyset or through Bulk API 2.0, and single deals read back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from recyclekit import clock
from recyclekit.connectors import Calls, Opening, Page
from recyclekit.errors import ConnectorError, RefusedError
from recyclekit.models.field_map import FieldSpec, Mapped, StageMap
from recyclekit.models.tables import Table
from recyclekit_salesforce import field_map
from recyclekit_salesforce.answers import ExpiredLocatorError
from recyclekit_salesforce.columns import soql
from recyclekit_salesforce.columns.catalogue import (
    Among,
    Catalogue,
    followed,
    is_page,
    query,
    query_among,
    records_of,
)
from recyclekit_salesforce.columns.decoding import alike, from_records
from recyclekit_salesforce.field_map import CONTACT
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.source import bulk, shaping
from recyclekit_salesforce.source.cursor import OVERLAP, Cursor, cursor, moment
from recyclekit_salesforce.source.parts import OBJECTS, ROLE_FIELDS, Part, columns_of, parts_of
from recyclekit_salesforce.transport import Transport

_ROLES = "OpportunityContactRoles"
_RESTARTS = 5


class SalesforceSource:
    """Source over one org. `transport` and `today` are given by tests and by the sink, which reads deals back."""

    def __init__(
        self,
        settings: SalesforceSettings,
        opening: Opening,
        transport: Transport | None = None,
        today: Callable[[], date] | None = None,
    ) -> None:
        self.settings, self.opening = settings, opening
        self.transport = transport or Transport(settings, opening.folder, should_stop=opening.should_stop)
        self.catalogue = Catalogue(self.transport)
        self._today = today or (lambda: clock.today(opening.timezone))

    # -- what there is ---------------------------------------------------------------------------------------------

    def told_calls(self) -> Calls:
        return self.transport.told_calls()

    def tables(self) -> Collection[Table]:
        return tuple(OBJECTS)

    def columns(self, table: Table) -> Collection[str]:
        return columns_of(self.catalogue, table) if table in OBJECTS else ()

    def mapped(self) -> Mapped:
        fields = {}
        for table in OBJECTS:
            there = frozenset(self.columns(table))
            fields[table] = field_map.default_fields(table, there)
            if table is Table.DEALS:
                own = field_map.own_names(self.settings.own_fields)
                fields[table] |= {ours: FieldSpec(column=name) for ours, name in own.items() if name in there}
                if self.loss_reasons:
                    fields[table]["lost_reason"] = FieldSpec(column=self.loss_reasons[0])
            if table is Table.ACTIVITIES and self.settings.key_field in there:
                fields[table]["key"] = FieldSpec(column=self.settings.key_field)
        return Mapped(fields=fields, stages=self.stages)

    @cached_property
    def loss_reasons(self) -> Sequence[str]:
        """The org's fields that look like a loss reason, which Salesforce itself does not have."""
        return self.catalogue.get("Opportunity").only(field_map.LOSS_REASONS)

    @cached_property
    def stages(self) -> StageMap:
        """Won, lost and open stages, by the org's own metadata and their API names, inactive ones too."""
        wanted = self.catalogue.get("OpportunityStage").only(["ApiName", "MasterLabel", "IsClosed", "IsWon"])
        by_state: dict[str, list[str]] = {"won": [], "lost": [], "open": []}
        for stage in query(self.transport, soql.select(wanted, "OpportunityStage")):
            state = "won" if stage["IsWon"] else "lost" if stage["IsClosed"] else "open"
            by_state[state].append(str(stage.get("ApiName") or stage["MasterLabel"]))
        return StageMap(**{state: tuple(dict.fromkeys(names)) for state, names in by_state.items()})

    # -- pages -----------------------------------------------------------------------------------------------------

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        """Yield pages; up to the last one a cursor resumes right behind its page.

        From the last cursor on, the next reading is incremental: what changed since, with an overlap of two minutes,
        and all open deals.
        """
        if table not in OBJECTS:
            raise ConnectorError(f"Salesforce has no {table} here.", fix="Leave the table out of the field map.")
        place = cursor(after)
        since = moment(place.since) - OVERLAP if place.since else None
        parts = parts_of(self.catalogue, table, columns, since)
        shape = self._shape(table, columns)
        while place.part < len(parts):
            part, is_last = parts[place.part], place.part == len(parts) - 1
            for frame, here, part_ends in self._walked(part, place):
                place = here
                where_to = place.end() if part_ends and is_last else place.next_part() if part_ends else place
                if frame.height or (part_ends and is_last):
                    records = shaping.page(shape(frame), columns)
                    yield Page(table=table, records=records, cursor=where_to.text())
            place = place.next_part()

    def _walked(self, part: Part, place: Cursor) -> Iterator[tuple[pl.DataFrame, Cursor, bool]]:
        """Yield a part's frames, each with the position behind it and whether the part ends there."""
        if place.job is None and not (place.record is None and self.settings.bulk_read_from == 0):
            yield from self._by_keyset(part, place)
        else:
            yield from self._by_bulk(part, place)

    def _by_keyset(self, part: Part, place: Cursor) -> Iterator[tuple[pl.DataFrame, Cursor, bool]]:
        restarts = 0
        while True:
            answer = self._first_page(part, place)
            if place.record is None and int(answer.get("totalSize") or 0) >= self.settings.bulk_read_from:
                yield from self._by_bulk(part, place)
                return
            try:
                for page in followed(self.transport, answer):
                    records = page.pop("records")  # thousands of objects: gone before the next page is fetched
                    place, frame = _behind(part, place, records), self._decoded(part, records)
                    del records
                    yield frame, place, bool(page["done"])
            except ExpiredLocatorError:
                # The position in the result is gone: ask anew for what comes behind the last record.
                restarts += 1
                if restarts > _RESTARTS:
                    raise
            else:
                return

    def _first_page(self, part: Part, place: Cursor) -> Any:
        behind = soql.behind(part.stamp, moment(place.at), place.record) if place.at and place.record else None
        path = "queryAll" if part.everything else "query"
        return self.transport.read_json(path, {"q": part.query(behind)}, is_page)

    def _decoded(self, part: Part, records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        frame = from_records(records, part.types)
        if not part.roles:
            return frame
        contacts = [shaping.primary(self._children(record.get(_ROLES))) for record in records]
        return frame.with_columns(pl.Series(CONTACT, contacts, dtype=pl.String))

    def _children(self, found: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
        """Return a record's child records; what does not fit on its page has pages of its own."""
        if found is None:
            return ()
        return found["records"] if found["done"] else records_of(self.transport, dict(found))

    # -- Bulk ------------------------------------------------------------------------------------------------------

    def _by_bulk(self, part: Part, place: Cursor) -> Iterator[tuple[pl.DataFrame, Cursor, bool]]:
        roles_job = self._start_roles() if part.roles else None
        job = place.job or bulk.start(self.transport, part.query(None, bulk=True), everything=part.everything)
        roles = self._bulk_roles(roles_job) if roles_job else None
        locator, began = place.locator, place
        try:
            for frame, following in bulk.results(self.transport, job, locator, part.fields):
                newest = frame[part.stamp].max() if frame.height else None
                place = replace(place.seen(str(newest) if newest else None), job=job, locator=following)
                shown = alike(frame, part.types)
                shown = shown if roles is None else shown.join(roles, on="Id", how="left", maintain_order="left")
                yield shown, place, following is None
        except RefusedError as error:
            if began.job is None or error.code not in {"NOT_FOUND", "404"}:
                raise
            # The result was kept for a week and is gone: the part is read from its beginning.
            yield from self._by_bulk(part, replace(began, job=None, locator=None))

    def _start_roles(self) -> str:
        return bulk.start(
            self.transport, soql.select(["OpportunityId", "ContactId", "IsPrimary"], "OpportunityContactRole"),
            everything=False,
        )  # fmt: skip

    def _bulk_roles(self, job: str) -> pl.DataFrame:
        found = [shaping.primaries(frame) for frame, _ in bulk.results(self.transport, job, None, [*shaping.ROLES])]
        return pl.concat(found).unique("Id", keep="first", maintain_order=True)

    # -- shaping ---------------------------------------------------------------------------------------------------

    def _shape(
        self, table: Table, columns: Collection[str], deals: Collection[str] | None = None
    ) -> Callable[[pl.DataFrame], pl.DataFrame]:
        """Return what adds the derived columns to a table's frames."""
        if table is Table.ACTIVITIES:
            prefix = self.catalogue.get("Opportunity").prefix or "006"
            return lambda frame: shaping.activities(frame, prefix, self.opening.timezone)
        if table is Table.CONTACTS:
            return shaping.bounced
        if table is Table.HISTORY:
            return shaping.changes
        if table is Table.DEALS and "LastActivityDate" in columns:
            own, today = self._own_tasks(deals), self._today()
            return lambda frame: shaping.trusted_clock(frame, own, today)
        return lambda frame: frame

    def _own_tasks(self, deals: Collection[str] | None) -> pl.DataFrame:
        """Return our closed tasks (deal as Id, due date as LastActivityDate): they move a clock that is for people."""
        task, key = self.catalogue.find("Task"), self.settings.key_field
        found: list[Mapping[str, Any]] = []
        if task is not None and task.has(key, "IsClosed", "WhatId", "ActivityDate"):
            where = soql.compare(key, "!=", None) & soql.flag("IsClosed", is_set=True)
            if deals is None:
                found = query(self.transport, soql.select(["WhatId", "ActivityDate"], "Task", where), everything=True)
            elif deals:
                asked = Among(
                    fields=["WhatId", "ActivityDate"], table="Task", column="WhatId", where=where, everything=True
                )
                found = query_among(self.transport, asked, deals)
        rows = [(one["WhatId"], one["ActivityDate"]) for one in found if one["WhatId"] and one["ActivityDate"]]
        return pl.DataFrame(rows, schema={"Id": pl.String, "LastActivityDate": pl.String}, orient="row")

    # -- single deals ----------------------------------------------------------------------------------------------

    def read_back(
        self, deal_ids: Sequence[str], columns: Mapping[Table, Collection[str]]
    ) -> tuple[Mapping[Table, pl.DataFrame], Mapping[str, str]]:
        """Return these deals, their activities and contacts as pages show them, and deal → LastModifiedDate."""
        found: dict[Table, pl.DataFrame] = {}
        wanted = [*columns.get(Table.DEALS, ())]
        part = parts_of(self.catalogue, Table.DEALS, [*wanted, CONTACT, "LastModifiedDate"], None)[0]
        roles = soql.child(ROLE_FIELDS, _ROLES)
        asked = Among(fields=part.fields, table="Opportunity", column="Id", children=roles)
        records = query_among(self.transport, asked, deal_ids)
        frame = self._decoded(part, records)
        contacts = frame[CONTACT].drop_nulls().unique().to_list()
        found[Table.DEALS] = shaping.page(self._shape(Table.DEALS, wanted, deal_ids)(frame), wanted)
        if Table.CONTACTS in columns:
            found[Table.CONTACTS] = self._some(Table.CONTACTS, columns[Table.CONTACTS], {"Id": contacts})
        if Table.ACTIVITIES in columns:
            by = {"WhatId": list(deal_ids), "WhoId": contacts}
            found[Table.ACTIVITIES] = self._some(Table.ACTIVITIES, columns[Table.ACTIVITIES], by)
        return found, dict(frame.select("Id", "LastModifiedDate").iter_rows())

    def _some(self, table: Table, wanted: Collection[str], by: Mapping[str, Sequence[str]]) -> pl.DataFrame:
        """Return a table's records of which one of these columns holds one of its values."""
        shape, frames = self._shape(table, wanted), []
        for part in parts_of(self.catalogue, table, wanted, None):
            records: dict[str, Mapping[str, Any]] = {}
            for column, values in by.items():
                asked = Among(
                    fields=part.fields,
                    table=part.described.name,
                    column=column,
                    where=part.where,
                    everything=part.everything,
                )
                records |= {str(one["Id"]): one for one in query_among(self.transport, asked, values)}
            frames.append(shaping.page(shape(from_records([*records.values()], part.types)), wanted))
        return pl.concat(frames, how="diagonal")


def _behind(part: Part, place: Cursor, records: Sequence[Mapping[str, Any]]) -> Cursor:
    if not records:
        return place
    at = str(records[-1][part.stamp])
    return replace(place, at=at, record=str(records[-1]["Id"])).seen(at)

"""Sources that lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import polars as pl

from recyclekit.connectors import ConnectorManifest, Page
from recyclekit.connectors.retrying import Retrying
from recyclekit.errors import RecyclekitError
from recyclekit.models.field_map import FieldSpec, StageMap
from recyclekit.models.tables import Table
from tests.testing.liars.honest import Honest
from tests.testing.liars.liar import Liar

Manifest = ConnectorManifest[Any]


def skips_a_page(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        for number, page in enumerate(h.source.HonestSource.pages(self, *args)):
            if number != 1:
                yield page

    return h.reading(pages=pages)


def repeats_a_page(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        for number, page in enumerate(h.source.HonestSource.pages(self, *args)):
            yield page
            if number == 1:
                yield replace(page, cursor=page.cursor + " ")

    return h.reading(pages=pages)


def cursor_goes_backwards(h: Honest) -> Manifest:
    def pages(self: Any, table: Table, after: str | None, columns: Any) -> Iterator[Page]:
        before = after or '{"v": 1}'
        for page in h.source.HonestSource.pages(self, table, after, columns):
            yield replace(page, cursor=before)
            before = page.cursor

    return h.reading(pages=pages)


def gives_the_same_cursor(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        for page in h.source.HonestSource.pages(self, *args):
            yield replace(page, cursor="here")

    return h.reading(pages=pages)


def takes_any_cursor(h: Honest) -> Manifest:
    def pages(self: Any, table: Table, after: str | None, columns: Any) -> Iterator[Page]:
        after = None if after and after.startswith("not") else after
        yield from h.source.HonestSource.pages(self, table, after, columns)

    return h.reading(pages=pages)


def shuffles_its_pages(h: Honest) -> Manifest:
    turns = count()

    def pages(self: Any, *args: Any) -> Iterator[Page]:
        turn = next(turns)
        for page in h.source.HonestSource.pages(self, *args):
            yield replace(page, records=page.records.reverse() if turn % 2 else page.records)

    return h.reading(pages=pages)


def hands_over_numbers(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        for page in h.source.HonestSource.pages(self, *args):
            yield replace(page, records=page.records.with_columns(pl.col("value").cast(pl.Float64)))

    return h.reading(pages=pages)


def stops_where_the_line_broke(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        self._transport.read = lambda method, path, body=None: self._transport._call(method, path, body)
        try:
            yield from h.source.HonestSource.pages(self, *args)
        except RecyclekitError:
            return

    return h.reading(pages=pages)


def drops_what_it_cannot_read(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        for page in h.source.HonestSource.pages(self, *args):
            yield replace(page, set_aside=page.set_aside.clear())

    return h.reading(pages=pages)


def _mapped(h: Honest, table: Table, **specs: FieldSpec) -> Manifest:
    def mapped(self: Any) -> Any:
        found = h.source.HonestSource.mapped(self)
        return found.model_copy(update={"fields": {**found.fields, table: {**found.fields[table], **specs}}})

    return h.reading(mapped=mapped)


def takes_utc_for_local_time(h: Honest) -> Manifest:
    return _mapped(h, Table.ACTIVITIES, at=FieldSpec(column="at", timezone="Asia/Tokyo"))


def maps_a_column_that_is_not_there(h: Honest) -> Manifest:
    return _mapped(h, Table.DEALS, hook=FieldSpec(column="hok"))


def takes_opt_outs_for_nothing(h: Honest) -> Manifest:
    return _mapped(h, Table.CONTACTS, opted_out=FieldSpec(const="false"))


def judges_stages_by_their_names(h: Honest) -> Manifest:
    def mapped(self: Any) -> Any:
        return h.source.HonestSource.mapped(self).model_copy(update={"stages": StageMap(won=("won",), lost=("lost",))})

    return h.reading(mapped=mapped)


def knows_no_news(h: Honest) -> Manifest:
    def pages(self: Any, table: Table, after: str | None, columns: Any) -> Iterator[Page]:
        if after is None or "after" in after or "v" not in after:
            yield from h.source.HonestSource.pages(self, table, after, columns)

    return h.reading(pages=pages)


def hammers_a_busy_system(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        def read(method: str, path: str, body: object = None) -> Any:
            while True:
                try:
                    return self._transport._call(method, path, body)
                except RecyclekitError:
                    continue

        self._transport.read = read
        yield from h.source.HonestSource.pages(self, *args)

    return h.reading(pages=pages)


def waits_on_when_asked_to_stop(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        def read(method: str, path: str, body: object = None) -> Any:
            return Retrying(total=1_000).call(lambda: self._transport._call(method, path, body), repeatable=True)

        self._transport.read = read
        yield from h.source.HonestSource.pages(self, *args)

    return h.reading(pages=pages)


def forgets_what_changes_meanwhile(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        inner, upto = self._transport.read, list[int]()

        def read(method: str, path: str, body: object = None) -> Any:
            answer = inner(method, path, body)
            if "count" in answer:
                upto.append(answer["count"])
                answer["records"] = [record for record in answer["records"] if record["changed"] <= upto[0]]
            return answer

        self._transport.read = read
        yield from h.source.HonestSource.pages(self, *args)

    return h.reading(pages=pages)


LIARS = (
    Liar("forgets what changes meanwhile", "test_changes_while_reading_lose_no_record", "slipped through",
         forgets_what_changes_meanwhile),
    Liar("skips a page", "test_every_deal_is_read_once_over_all_pages", "were not read", skips_a_page),
    Liar("repeats a page", "test_every_deal_is_read_once_over_all_pages", "read twice", repeats_a_page),
    Liar("cursor goes backwards", "test_reading_resumes_right_behind_any_page", "came before", cursor_goes_backwards),
    Liar("gives the same cursor", "test_cursors_only_move_forward", "came twice", gives_the_same_cursor),
    Liar("takes any cursor", "test_a_cursor_of_somebody_else_is_refused", "DID NOT RAISE", takes_any_cursor),
    Liar("shuffles its pages", "test_reading_twice_gives_the_same_order", "", shuffles_its_pages),
    Liar("hands over numbers", "test_pages_are_in_the_promised_form", "every column is String", hands_over_numbers),
    Liar("stops where the line broke", "test_half_an_answer_loses_no_record", "gave no page at all",
         stops_where_the_line_broke),
    Liar("drops what it cannot read", "test_one_unreadable_record_is_set_aside_and_the_others_are_read",
         "nothing says", drops_what_it_cannot_read),
    Liar("takes utc for local time", "test_an_activity_falls_on_its_day_in_the_business_zone", "1 April in Tokyo",
         takes_utc_for_local_time),
    Liar("maps a column that is not there", "test_the_field_map_names_our_columns_and_theirs", "deals.hok",
         maps_a_column_that_is_not_there),
    Liar("takes opt outs for nothing", "test_who_opted_out_is_read", "would be mailed", takes_opt_outs_for_nothing),
    Liar("judges stages by their names", "test_won_lost_and_open_come_from_the_system", "metadata",
         judges_stages_by_their_names),
    Liar("knows no news", "test_what_changed_or_came_since_is_read_from_the_last_cursor", "missing", knows_no_news),
    Liar("hammers a busy system", "test_a_hint_to_wait_is_honoured_when_reading", "asked for 7 seconds",
         hammers_a_busy_system),
    Liar("waits on when asked to stop", "test_a_stop_ends_a_wait_when_reading", "asked to stop, it still waited",
         waits_on_when_asked_to_stop),
)  # fmt: skip

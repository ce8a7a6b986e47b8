"""Sources that are careless rather than cunning, and settings that are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from recyclekit.connectors import Capability, ConnectorManifest, Level, Page, Support
from recyclekit.errors import InputError, QuotaError, RecyclekitError, SignInError
from recyclekit.models.field_map import FieldSpec
from recyclekit.models.tables import OWN_FIELDS, Table
from tests.testing.liars.honest import Honest
from tests.testing.liars.liar import Liar
from tests.testing.liars.reading import stops_where_the_line_broke

Manifest = ConnectorManifest[Any]


def _page_by_page(h: Honest, change: Callable[[Page], Page]) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        for page in h.source.HonestSource.pages(self, *args):
            yield change(page)

    return h.reading(pages=pages)


def loses_companies(h: Honest) -> Manifest:
    return _page_by_page(h, lambda p: replace(p, records=p.records.clear()) if p.table is Table.ACCOUNTS else p)


def keeps_one_activity_a_deal(h: Honest) -> Manifest:
    def change(page: Page) -> Page:
        return replace(page, records=page.records.unique("deal")) if page.table is Table.ACTIVITIES else page

    return _page_by_page(h, change)


def _text(h: Honest, change: Callable[[pl.Expr], pl.Expr]) -> Manifest:
    return _page_by_page(h, lambda p: replace(p, records=p.records.with_columns(change(pl.col(pl.String)))))


def puts_all_on_one_line(h: Honest) -> Manifest:
    return _text(h, lambda text: text.str.replace_all("\n", " "))


def knows_ascii_only(h: Honest) -> Manifest:
    return _text(h, lambda text: text.str.replace_all(r"[^\x00-\x7F]", "?"))


def _mapping(h: Honest, **specs: FieldSpec) -> Manifest:
    def mapped(self: Any) -> Any:
        found = h.source.HonestSource.mapped(self)
        deals = {**found.fields[Table.DEALS], **specs}
        return found.model_copy(update={"fields": {**found.fields, Table.DEALS: deals}})

    return h.reading(mapped=mapped)


def takes_the_seller_for_the_contact(h: Honest) -> Manifest:
    return _mapping(h, contact_id=FieldSpec(column="seller"))


def takes_the_beginning_for_the_end(h: Honest) -> Manifest:
    return _mapping(h, closed_on=FieldSpec(column="begun", format="%Y-%m-%d"))


def does_not_read_its_own_fields(h: Honest) -> Manifest:
    def mapped(self: Any) -> Any:
        found = h.source.HonestSource.mapped(self)
        deals = {name: spec for name, spec in found.fields[Table.DEALS].items() if name not in OWN_FIELDS}
        return found.model_copy(update={"fields": {**found.fields, Table.DEALS: deals}})

    return h.reading(mapped=mapped)


def ends_where_it_turns_in_a_circle(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        seen = set[str]()
        for page in h.source.HonestSource.pages(self, *args):
            ids = set(page.records["id"])
            if ids & seen:
                return
            seen |= ids
            yield page

    return h.reading(pages=pages)


def starts_over_after_the_end(h: Honest) -> Manifest:
    def pages(self: Any, table: Table, after: str | None, columns: Any) -> Iterator[Page]:
        after = None if after and "changed_since" in after else after
        yield from h.source.HonestSource.pages(self, table, after, columns)

    reading = h.reading(pages=pages)
    never = {**reading.capabilities, Capability.INCREMENTAL: Support(Level.NEVER, "no change feed")}
    return replace(reading, capabilities=never)


def jumps_over_trouble(h: Honest) -> Manifest:
    def pages(self: Any, table: Table, after: str | None, columns: Any) -> Iterator[Page]:
        self._transport.read = lambda method, path, body=None: self._transport._call(method, path, body)
        try:
            yield from h.source.HonestSource.pages(self, table, after, columns)
        except RecyclekitError:
            empty = pl.DataFrame(schema={"_line": pl.UInt64, **dict.fromkeys(columns, pl.String)})
            yield Page(table=table, records=empty, cursor='{"changed_since": 100000, "v": 1}')

    return h.reading(pages=pages)


def breaks_off_where_nothing_is(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        for page in h.source.HonestSource.pages(self, *args):
            if page.records.is_empty():
                raise InputError("There is nothing to read.")
            yield page

    return h.reading(pages=pages)


def asks_on_though_the_quota_is_spent(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        for _ in range(20):
            try:
                yield from h.source.HonestSource.pages(self, *args)
            except QuotaError as error:
                last = error
        raise last

    return h.reading(pages=pages)


def leaves_a_person_without_advice(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        try:
            yield from h.source.HonestSource.pages(self, *args)
        except SignInError:
            raise SignInError("401") from None

    return h.reading(pages=pages)


def takes_its_own_tasks_for_calls(h: Honest) -> Manifest:
    def pages(self: Any, table: Table, after: str | None, columns: Any) -> Iterator[Page]:
        for page in h.source.HonestSource.pages(self, table, after, columns):
            records = page.records
            if table is Table.ACTIVITIES:
                deals = self._transport.read("GET", "/records/deals?limit=100")["records"]
                call = {"type": "phone", "at": "2026-11-20T00:00:00", "done": "true"}
                rows = [{"_line": n, "id": f"t{n}", "deal": deal["id"], **call} for n, deal in enumerate(deals)]
                records = pl.DataFrame(rows, schema=records.schema)
            yield replace(page, records=records)

    return h.reading(pages=pages)


def scans_less_than_it_pages(h: Honest) -> Manifest:
    def scan(self: Any, table: Table, columns: Any) -> Any:
        pages = list(h.source.HonestSource.pages(self, table, None, columns))
        return pages[0].records.lazy(), pages[0].set_aside

    return h.reading(scan=scan)


def calls_all_columns_tidy(h: Honest) -> Manifest:
    return h.reading(tidy=lambda self, table: self.columns(table))


class LeakySettings(BaseModel):
    """Settings that show their secret, and are never equal to their copy."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    token: SecretStr = Field(default=SecretStr("hunter2"), description="The token.")
    made: object = Field(default_factory=object, description="Differs from process to process.", exclude=True)

    def __repr__(self) -> str:
        return f"LeakySettings({self.token.get_secret_value()})"


def honestly(h: Honest) -> Manifest:
    return h.manifest


def calls_itself_two_words(h: Honest) -> Manifest:
    return replace(h.manifest, name="Honest CRM")


CONFIG = (("config", LeakySettings()),)
LIARS = (
    Liar("calls all columns tidy", "test_columns_that_are_called_tidy_are_so", "loss_reason", calls_all_columns_tidy),
    Liar("loses companies", "test_a_company_is_read", "", loses_companies),
    Liar("keeps one activity a deal", "test_all_activities_of_a_deal_are_read", "", keeps_one_activity_a_deal),
    Liar("puts all on one line", "test_lines_come_as_they_were_typed", "", puts_all_on_one_line),
    Liar("knows ascii only", "test_text_comes_as_it_was_typed", "typed → read", knows_ascii_only),
    Liar("takes the seller for the contact", "test_a_deal_knows_its_contact_and_company", "",
         takes_the_seller_for_the_contact),
    Liar("takes the beginning for the end", "test_amounts_dates_and_reasons_mean_what_they_meant", "closed_on",
         takes_the_beginning_for_the_end),
    Liar("does not read its own fields", "test_own_fields_come_back_on_reading_again", "must read back",
         does_not_read_its_own_fields),
    Liar("ends where it turns in a circle", "test_a_page_that_comes_again_and_again_is_refused", "DID NOT RAISE",
         ends_where_it_turns_in_a_circle),
    Liar("starts over after the end", "test_reading_on_after_the_end_ends", "came again", starts_over_after_the_end),
    Liar("jumps over trouble", "test_reading_under_fire_loses_no_record", "lost", jumps_over_trouble),
    Liar("stops where the server failed", "test_a_server_that_fails_once_loses_no_record", "gave no page at all",
         stops_where_the_line_broke),
    Liar("breaks off where nothing is", "test_a_table_without_records_is_no_error", "nothing to read",
         breaks_off_where_nothing_is),
    Liar("asks on though the quota is spent", "test_a_spent_quota_stops_reading_at_once", "calls after a refusal",
         asks_on_though_the_quota_is_spent),
    Liar("leaves a person without advice", "test_a_lost_sign_in_says_what_to_do", "say what to do",
         leaves_a_person_without_advice),
    Liar("takes its own tasks for calls", "test_our_own_task_does_not_count_as_contact", "silence",
         takes_its_own_tasks_for_calls),
    Liar("scans less than it pages", "test_a_scan_shows_what_the_pages_show", "", scans_less_than_it_pages),
    Liar("shows its secret", "test_secrets_do_not_show_in_settings", "token", honestly, CONFIG),
    Liar("is another after a journey", "test_settings_survive_pickling", "", honestly, CONFIG),
    Liar("calls itself two words", "test_the_name_is_one_plain_word", "hyphens", calls_itself_two_words),
)  # fmt: skip

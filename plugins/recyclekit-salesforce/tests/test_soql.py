"""Queries hold nothing but described names and quoted values; others' parsers take every one of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.models.plan import ActionKind
from recyclekit.models.tables import Table
from recyclekit.testing import create_task, enrol, set_fields
from recyclekit.testing.factories import undoing
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit_salesforce.columns import soql
from recyclekit_salesforce.source.cursor import Cursor, cursor
from tests.clients.soql import assert_soql, statements

from .conftest import Sink, Source

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
CLOSED = date(2026, 4, 1)
BACK = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def unquoted(literal: str) -> str:
    """Read a literal as SOQL's grammar does: up to the first quote that no backslash escapes, its last letter."""
    assert literal[0] == "'"
    found, place = [], 1
    while literal[place] != "'":
        if literal[place] == "\\":
            place += 1
            found.append(BACK.get(literal[place], literal[place]))
        else:
            found.append(literal[place])
        place += 1
    assert place == len(literal) - 1, "the text ended before its literal did: an injection"
    return "".join(found)


@given(TEXT)
def test_any_text_comes_back_out_of_its_quotes(text: str) -> None:
    assert unquoted(soql.literal(text)) == text


@given(TEXT)
def test_no_text_passes_for_a_name_but_a_name(text: str) -> None:
    try:
        assert soql.name(text) == text
    except ValueError:
        return
    assert text.isascii()
    assert text.replace("_", "").isalnum()


@given(st.lists(TEXT, min_size=1, max_size=40))
def test_parts_hold_every_value_once_and_fit_into_an_address(values: list[str]) -> None:
    parts = list(soql.in_parts(values, "SELECT Id FROM Task WHERE Recycle_Key__c IN ('x')"))
    assert [value for part in parts for value in part] == values
    for part in parts:
        query = soql.select(["Id"], "Task", soql.among("Recycle_Key__c", part))
        assert len(quote(query)) <= soql.LONGEST_URL or len(part) == 1


@given(st.floats(0, 4e9), st.timezones())
def test_a_moment_is_written_in_utc_without_quotes(seconds: float, zone: ZoneInfo) -> None:
    moment = datetime.fromtimestamp(seconds, zone)
    text = soql.literal(moment)
    assert text.endswith("Z")
    assert abs(datetime.fromisoformat(text) - moment) < timedelta(milliseconds=1)


@given(st.builds(Cursor, part=st.integers(0, 3), at=TEXT, record=TEXT, job=TEXT, locator=TEXT, newest=TEXT, since=TEXT))
def test_a_cursor_reads_as_it_was_written(position: Cursor) -> None:
    read = cursor(position.text())
    assert read.text() == position.text()


def test_an_empty_list_is_refused_because_soql_has_none() -> None:
    with pytest.raises(ValueError, match="no values"):
        soql.among("Id", [])


def test_an_operator_is_one_of_six() -> None:
    with pytest.raises(ValueError, match="operator"):
        soql.compare("Id", "= 'x' OR Id =", "y")


def test_every_query_that_is_sent_is_soql_to_another_parser(crm: SalesforceSandbox, source: Source, sink: Sink) -> None:
    now = datetime(2026, 3, 2, 1, tzinfo=UTC)
    loaded = crm.load(
        contacts=[{"contact_id": "c1"}],
        deals=[
            {"deal_id": f"d{n}", "contact_id": "c1", "crm_state": state, "last_activity_at": now, "closed_on": CLOSED}
            for n, state in enumerate(("lost", "open", "won"))
        ],
        activities=[{"deal_id": "d0", "kind": "call", "at": now}, {"deal_id": "d0", "kind": "meeting", "at": now}],
    )
    for bulk in (0, 50_000):
        reader = source(bulk_read_from=bulk)
        for table in reader.tables():
            columns = [*reader.columns(table)]
            *_, last = reader.pages(table, None, columns)
            list(reader.pages(table, last.cursor, columns))
    crm.pages.size = 2
    for page in source().pages(Table.DEALS, None, ["Id"]):
        list(source().pages(Table.DEALS, page.cursor, ["Id"]))
    campaign = crm.create("Campaign", Name="O'Brien's \"news\"", IsActive=True)
    writer = sink(campaigns={"default": campaign}, member_status="Sent", fallback_owner=crm.org.person)
    deal = loaded.deals["d0"]
    actions = [set_fields(deal, {"recycle_track": "x"}), create_task(deal, crm.org.person, "it's"), enrol(deal, "n")]
    writer.preflight(list(ActionKind))
    writer.read_back([deal], {Table.DEALS: ["LastActivityDate"], Table.ACTIVITIES: ["Id"], Table.CONTACTS: ["Id"]})
    receipts = {one.key: one for one in writer.write(actions)}
    writer.find(actions)
    writer.undo([undoing(one, receipts[one.key].remote_id) for one in actions])

    asked = statements(crm.journal)
    assert len(asked) > 20, "\n".join(asked)
    assert_soql(asked)

"""Reading: what Salesforce does to those who read it, and what comes out of it all the same."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from recyclekit.errors import ConnectorError, RemoteError, SignInError
from recyclekit.models.snapshot import LINE
from recyclekit.models.tables import Table
from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit_salesforce.field_map import AT, CONTACT, DEAL, KIND, MACHINE
from recyclekit_salesforce.source import SalesforceSource
from tests.clients.soql import statements

from .conftest import Source

NOON = datetime(2026, 3, 2, 3, tzinfo=UTC)
NAMES = ("plain", 'a "quoted" name', "two\nlines", "comma, and\r\nreturn", "株式会社リサイクル", " spaces ")


def read(source: SalesforceSource, table: Table, columns: Collection[str], after: str | None = None) -> pl.DataFrame:
    frames = [page.records for page in source.pages(table, after, columns)]
    return pl.concat(frames)


def last_cursor(source: SalesforceSource, table: Table = Table.DEALS) -> str:
    *_, last = source.pages(table, None, ["Id"])
    return last.cursor


def seed(crm: SalesforceSandbox, count: int, **values: Any) -> list[str]:
    deals = [{"deal_id": f"d{n}", "crm_state": "lost", **values} for n in range(count)]
    return list(crm.load(deals=deals).deals.values())


# -- pages -----------------------------------------------------------------------------------------------------------


def test_short_pages_are_followed_not_counted(crm: SalesforceSandbox, source: Source) -> None:
    crm.pages.size, crm.pages.short = 10, True
    seeded = seed(crm, 95)
    pages = list(source().pages(Table.DEALS, None, ["Id"]))
    assert sorted(one for page in pages for one in page.records["Id"]) == sorted(seeded)
    assert len({page.records.height for page in pages}) > 1


def test_an_expired_locator_is_read_on_by_the_last_record(crm: SalesforceSandbox, source: Source) -> None:
    crm.pages.size = 10
    seeded, found = seed(crm, 35), []
    for page in source().pages(Table.DEALS, None, ["Id"]):
        found += page.records["Id"].to_list()
        crm.pages.expire()
    assert sorted(found) == sorted(seeded)
    assert len(found) == len(set(found))


def test_a_locator_that_never_holds_ends_in_an_error(crm: SalesforceSandbox, source: Source) -> None:
    crm.pages.size = 10
    seed(crm, 100)
    reader = source()
    reader.mapped()
    pages = (crm.pages.expire() for _ in reader.pages(Table.DEALS, None, ["Id"]))
    with pytest.raises(RemoteError, match="INVALID_QUERY_LOCATOR"):
        list(pages)


def test_contact_roles_with_pages_of_their_own_are_read_to_the_end(crm: SalesforceSandbox, source: Source) -> None:
    crm.pages.child_size = 2
    (deal,) = seed(crm, 1)
    people = list(crm.load(contacts=[{"contact_id": f"c{n}"} for n in range(7)]).contacts.values())
    for person in people:
        crm.org.put("OpportunityContactRole", OpportunityId=deal, ContactId=person, IsPrimary=person == people[-1])
    assert read(source(), Table.DEALS, ["Id", CONTACT]).select("Id", CONTACT).rows() == [(deal, people[-1])]


def test_many_records_under_one_stamp_are_each_read_once_from_any_page(crm: SalesforceSandbox, source: Source) -> None:
    crm.pages.size = 7
    seeded = seed(crm, 40, created_on=date(2026, 1, 1))
    assert len({crm.objects["Opportunity"][deal].get("SystemModstamp") for deal in seeded}) == 1
    pages = list(source().pages(Table.DEALS, None, ["Id"]))
    for number, page in enumerate(pages[:-1]):
        rest = [one for later in pages[number + 1 :] for one in later.records["Id"]]
        assert read(source(), Table.DEALS, ["Id"], page.cursor)["Id"].to_list() == rest


def test_half_a_page_is_asked_for_again(crm: SalesforceSandbox, source: Source, waits: list[float]) -> None:
    seeded = seed(crm, 20)
    crm.faults.add(Fault(kind=FaultKind.CUT_OFF, path="*/query", times=2))
    assert sorted(read(source(), Table.DEALS, ["Id"])["Id"]) == sorted(seeded)
    assert len(waits) == 2


def test_a_200_with_rubbish_is_no_page(crm: SalesforceSandbox, source: Source, waits: list[float]) -> None:
    seeded = seed(crm, 3)
    crm.faults.add(Fault(kind=FaultKind.LYING_200, path="*/query"))
    crm.faults.add(Fault(kind=FaultKind.LYING_200, path="*/query", body='{"done": false}'))
    assert sorted(read(source(), Table.DEALS, ["Id"])["Id"]) == sorted(seeded)
    assert len(waits) == 2


def test_a_field_hidden_from_our_user_is_absent_not_an_error(crm: SalesforceSandbox, source: Source) -> None:
    seed(crm, 1, amount=5.0)
    crm.hide("Opportunity", "Amount", "Loss_Reason__c")
    reader = source()
    assert "Amount" not in reader.columns(Table.DEALS)
    assert "amount" not in reader.mapped().fields[Table.DEALS]
    assert read(reader, Table.DEALS, ["Id", "Amount"])["Amount"].to_list() == [None]


def test_a_field_hidden_after_describe_is_named(crm: SalesforceSandbox, source: Source) -> None:
    reader = source()
    seed(crm, 1)
    reader.columns(Table.DEALS)
    crm.hide("Opportunity", "NextStep")
    with pytest.raises(SignInError, match="NextStep"):
        read(reader, Table.DEALS, ["Id", "NextStep"])


def test_an_object_that_our_user_may_not_see_is_a_missing_permission(crm: SalesforceSandbox, source: Source) -> None:
    hidden = Fault(kind=FaultKind.STATUS, status=404, path="*/OpportunityStage/describe", times=None)
    crm.faults.add(hidden)
    with pytest.raises(SignInError, match="OpportunityStage") as caught:
        source().mapped()
    assert "read access" in caught.value.fix


def test_activities_are_read_though_events_are_hidden(crm: SalesforceSandbox, source: Source) -> None:
    crm.load(deals=[{"deal_id": "d", "crm_state": "open"}], activities=[{"deal_id": "d", "kind": "call", "at": NOON}])
    crm.faults.add(Fault(kind=FaultKind.STATUS, status=404, path="*/Event/describe", times=None))
    assert read(source(), Table.ACTIVITIES, [KIND])[KIND].to_list() == ["call"]


def test_a_table_that_is_not_there_is_refused(source: Source) -> None:
    with pytest.raises(ConnectorError):
        list(source().pages(Table.SIGNALS, None, ["Id"]))


# -- what changed since ----------------------------------------------------------------------------------------------


def test_a_stamp_of_the_system_alone_brings_a_deal_again(crm: SalesforceSandbox, source: Source) -> None:
    """A new activity moves LastActivityDate and SystemModstamp, not LastModifiedDate."""
    one, other = seed(crm, 2, created_on=date(2026, 1, 1))
    cursor = last_cursor(source())
    crm.touch("Opportunity", one, LastActivityDate="2026-11-01")
    changed = read(source(), Table.DEALS, ["Id", "LastActivityDate"], cursor)
    assert (one, "2026-11-01") in changed.select("Id", "LastActivityDate").rows()
    assert other in crm.objects["Opportunity"]


def test_open_deals_come_again_though_nobody_changed_them(crm: SalesforceSandbox, source: Source) -> None:
    now = datetime.now(UTC)
    crm.load(
        deals=[
            {"deal_id": "old and open", "crm_state": "open", "created_on": date(2026, 1, 1)},
            {"deal_id": "old and lost", "crm_state": "lost", "created_on": date(2026, 1, 1)},
            {"deal_id": "new", "crm_state": "lost", "created_on": now - timedelta(hours=1)},
        ]
    )
    cursor = last_cursor(source())
    again = read(source(), Table.DEALS, ["Name"], cursor)["Name"].to_list()
    assert sorted(again) == ["new", "old and open"]


def test_deleted_deals_are_told_where_they_are_asked_for(crm: SalesforceSandbox, source: Source) -> None:
    gone, stays = seed(crm, 2)
    cursor = last_cursor(source())
    crm.delete("Opportunity", gone)
    told = read(source(), Table.DEALS, ["Id", "IsDeleted"], cursor)
    assert dict(told.select("Id", "IsDeleted").iter_rows())[gone] == "true"
    assert gone not in read(source(), Table.DEALS, ["Id"], cursor)["Id"].to_list()
    assert read(source(), Table.DEALS, ["Id", "IsDeleted"])["Id"].to_list() == [stays]


# -- activities and the clock ----------------------------------------------------------------------------------------


def test_archived_tasks_are_read_and_deleted_ones_are_not(crm: SalesforceSandbox, source: Source) -> None:
    loaded = crm.load(
        deals=[{"deal_id": "d", "crm_state": "open"}],
        activities=[
            {"activity_id": name, "deal_id": "d", "kind": "call", "at": NOON} for name in ("old", "gone", "new")
        ],
    )
    crm.touch("Task", loaded.activities["old"], IsArchived=True)
    crm.delete("Task", loaded.activities["gone"])
    found = read(source(), Table.ACTIVITIES, ["Id", KIND])["Id"].to_list()
    assert sorted(found) == sorted([loaded.activities["old"], loaded.activities["new"]])
    assert all("queryAll" in call.path for call in crm.journal.calls("*/query*") if b"FROM+Task" in call.query.encode())


def test_kinds_and_times_of_activities_are_ours(crm: SalesforceSandbox, source: Source) -> None:
    late = datetime(2026, 3, 31, 16, 30, tzinfo=UTC)  # already April in Tokyo
    loaded = crm.load(
        deals=[{"deal_id": "d", "crm_state": "open"}],
        activities=[
            {"activity_id": "call", "deal_id": "d", "kind": "call", "at": NOON},
            {"activity_id": "meeting", "deal_id": "d", "kind": "meeting", "at": late},
            {"activity_id": "mass mail", "deal_id": "d", "kind": "email", "at": NOON, "bulk": "b1"},
            {"activity_id": "open", "deal_id": "d", "kind": "task", "at": NOON, "done": False},
        ],
    )
    columns = ["Id", DEAL, KIND, AT, MACHINE, "Is Done"]
    rows = {row[0]: row[1:] for row in read(source(), Table.ACTIVITIES, columns).select(columns).iter_rows()}
    deal, midnight = loaded.deals["d"], "2026-03-01T15:00:00Z"
    assert rows == {
        loaded.activities["call"]: (deal, "call", midnight, "false", "true"),
        loaded.activities["meeting"]: (deal, "meeting", "2026-03-31T16:30:00Z", None, None),
        loaded.activities["mass mail"]: (deal, "email", midnight, "true", "true"),
        loaded.activities["open"]: (deal, "task", midnight, "false", "false"),
    }


def test_a_task_of_an_account_belongs_to_no_deal(crm: SalesforceSandbox, source: Source) -> None:
    loaded = crm.load(accounts=[{"account_id": "a"}], contacts=[{"contact_id": "c"}])
    person = loaded.contacts["c"]
    crm.create("Task", WhatId=loaded.accounts["a"], WhoId=person, Subject="x", ActivityDate="2026-03-02")
    found = read(source(), Table.ACTIVITIES, [DEAL, "WhoId"])
    assert found.select(DEAL, "WhoId").rows() == [(None, person)]


def test_our_own_closed_task_does_not_move_the_deals_clock(crm: SalesforceSandbox, source: Source) -> None:
    deal, other = seed(crm, 2, last_activity_at=datetime(2026, 1, 5, 3, tzinfo=UTC))
    for one, key in ((deal, "main:d0:1:first"), (other, None)):
        crm.create("Task", WhatId=one, Status="Completed", ActivityDate="2026-02-01", Subject="x", Recycle_Key__c=key)
    clocks = dict(read(source(), Table.DEALS, ["Id", "LastActivityDate"]).select("Id", "LastActivityDate").iter_rows())
    assert clocks == {deal: None, other: "2026-02-01"}


def test_a_future_activity_date_means_active_today_and_nothing_of_a_closed_deal(
    crm: SalesforceSandbox, source: Source
) -> None:
    today, ahead = date(2026, 6, 1), datetime(2026, 6, 20, 3, tzinfo=UTC)
    crm.load(
        deals=[
            {"deal_id": "open", "crm_state": "open", "last_activity_at": ahead},
            {"deal_id": "lost", "crm_state": "lost", "last_activity_at": ahead},
            {"deal_id": "past", "crm_state": "lost", "last_activity_at": NOON},
        ]
    )
    found = read(source(today=today), Table.DEALS, ["Name", "LastActivityDate"])
    clocks = dict(found.select("Name", "LastActivityDate").iter_rows())
    assert clocks == {"open": "2026-06-01", "lost": None, "past": "2026-03-02"}


# -- Bulk API 2.0 ----------------------------------------------------------------------------------------------------


def test_bulk_shows_what_the_pages_show(crm: SalesforceSandbox, source: Source) -> None:
    people = [{"contact_id": f"c{n}", "opted_out": n % 2 == 0} for n in range(6)]
    deals = [
        {"deal_id": f"d{n}", "name": name, "contact_id": f"c{n}", "crm_state": "lost", "amount": n * 1000.5,
         "lost_reason": None, "hook": name, "last_activity_at": NOON, "created_on": date(2026, 1, 1 + n)}
        for n, name in enumerate(NAMES)
    ]  # fmt: skip
    seen = [{"deal_id": "d1", "kind": kind, "at": NOON} for kind in ("call", "meeting", "task")]
    crm.load(contacts=people, deals=deals, activities=seen)
    paged, bulk = source(), source(bulk_read_from=0)
    for table in paged.tables():
        columns = [*paged.columns(table)]
        one, two = (read(reader, table, columns).drop(LINE).sort(columns) for reader in (paged, bulk))
        assert one.columns == two.columns
        different = [name for name in columns if one[name].to_list() != two[name].to_list()]
        assert not different, {name: (one[name].to_list(), two[name].to_list()) for name in different}
    assert crm.journal.count("*/jobs/query", method="POST") >= 6


def test_large_tables_go_through_bulk_by_themselves(crm: SalesforceSandbox, source: Source) -> None:
    seeded = seed(crm, 30)
    found = read(source(bulk_read_from=30), Table.DEALS, ["Id"])
    assert sorted(found["Id"]) == sorted(seeded)
    assert crm.journal.count("*/jobs/query", method="POST") == 1
    assert not any("OFFSET" in text or "(SELECT" in text for text in statements(crm.journal)[-1:])


def test_a_bulk_result_is_read_on_from_any_of_its_parts(crm: SalesforceSandbox, source: Source) -> None:
    seeded = seed(crm, 25)
    crm.bulk_query.largest_page = 10
    pages = list(source(bulk_read_from=0).pages(Table.DEALS, None, ["Id"]))
    assert [page.records.height for page in pages] == [10, 10, 5]
    for number, page in enumerate(pages[:-1]):
        rest = [one for later in pages[number + 1 :] for one in later.records["Id"]]
        assert read(source(bulk_read_from=0), Table.DEALS, ["Id"], page.cursor)["Id"].to_list() == rest
    assert sorted(one for page in pages for one in page.records["Id"]) == sorted(seeded)


def test_a_bulk_job_that_is_gone_is_begun_again(crm: SalesforceSandbox, source: Source) -> None:
    seeded = seed(crm, 25)
    crm.bulk_query.largest_page = 10
    first = next(iter(source(bulk_read_from=0).pages(Table.DEALS, None, ["Id"])))
    crm.query_jobs.all.clear()
    rest = read(source(bulk_read_from=0), Table.DEALS, ["Id"], first.cursor)
    assert sorted(rest["Id"]) == sorted(seeded)


def test_half_a_part_of_a_bulk_result_is_asked_for_again(crm: SalesforceSandbox, source: Source) -> None:
    seeded = seed(crm, 25)
    crm.faults.add(Fault(kind=FaultKind.CUT_OFF, path="*/results", times=2))
    assert sorted(read(source(bulk_read_from=0), Table.DEALS, ["Id"])["Id"]) == sorted(seeded)


@pytest.mark.parametrize("body", [None, "", '"Id"\n', '"Name"\n'])
def test_a_part_that_only_looks_like_the_last_one_is_not_the_end(
    crm: SalesforceSandbox, source: Source, body: str | None
) -> None:
    seeded = seed(crm, 25)
    crm.bulk_query.largest_page = 10
    crm.faults.add(Fault(kind=FaultKind.LYING_200, path="*/results", body=body, skip=1))
    assert sorted(read(source(bulk_read_from=0), Table.DEALS, ["Id"])["Id"]) == sorted(seeded)


def test_an_empty_table_is_no_error_in_bulk(source: Source) -> None:
    assert read(source(bulk_read_from=0), Table.DEALS, ["Id"]).height == 0


def test_a_bulk_job_is_asked_after_more_and_more_seldom(
    crm: SalesforceSandbox, source: Source, waits: list[float]
) -> None:
    seed(crm, 3)
    crm.query_jobs.polls_needed = 6
    read(source(bulk_read_from=0), Table.DEALS, ["Id"])
    assert waits[0] == pytest.approx(0.2)
    assert waits == sorted(waits)

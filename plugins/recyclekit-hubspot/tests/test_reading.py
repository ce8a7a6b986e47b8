"""Reading: whole, in ranges or by one cursor, resumed anywhere, and what changed since."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from recyclekit.connectors import Page
from recyclekit.errors import ConnectorError
from recyclekit.models.tables import Table
from recyclekit_hubspot.columns import ID
from recyclekit_hubspot.field_map import COMPANY, CONTACT
from recyclekit_hubspot.source.cursor import read_cursor

from .conftest import Opener, Portal, read_all, rows

COLUMNS = [ID, "dealname", "dealstage"]


def ids(pages: Sequence[Page]) -> list[str]:
    return rows(pages)[ID].to_list()


def test_all_deals_are_read_once_whatever_a_page_holds(portal: Portal) -> None:
    made = portal.deals(257)
    for size in (1, 7, 100, 5_000):
        assert sorted(ids(read_all(portal.source(page_size=max(size, 7)), Table.DEALS, COLUMNS))) == sorted(made)


def test_records_are_text_columns_with_a_line_each(portal: Portal) -> None:
    portal.deals(3, amount=1200.5)
    frame = rows(read_all(portal.source(), Table.DEALS, [ID, "amount"]))
    assert frame.columns == ["_line", ID, "amount"]
    assert frame["_line"].to_list() == [1, 2, 3]
    assert frame["amount"].to_list() == ["1200.5"] * 3


def test_an_empty_account_has_one_empty_page_whose_cursor_waits_for_changes(portal: Portal) -> None:
    [page] = read_all(portal.source(), Table.DEALS, COLUMNS)
    assert page.records.is_empty()
    assert read_cursor(page.cursor).how == "changes"


def test_large_tables_are_read_in_ranges_where_the_cursor_is_the_records_id(portal: Portal) -> None:
    made = portal.deals(2_600)
    assert sorted(ids(read_all(portal.source(), Table.DEALS, COLUMNS))) == sorted(made)
    lists = portal.crm.journal.calls("*/objects/deals", method="GET")
    starts = [int(call.query.partition("after=")[2].partition("&")[0] or 0) for call in lists]
    assert starts != sorted(starts), "one range after the other"
    assert len(lists) <= 26 * 1.5 + 3


def test_where_the_cursor_is_no_id_one_cursor_is_followed_and_the_same_deals_come(opened: Opener) -> None:
    portal = opened(opaque_cursors=True)
    made = portal.deals(2_300)
    assert ids(read_all(portal.source(), Table.DEALS, COLUMNS)) == made


def test_ranges_can_be_switched_off(portal: Portal) -> None:
    made = portal.deals(2_300)
    assert ids(read_all(portal.source(parallel=False), Table.DEALS, COLUMNS)) == made
    assert not portal.crm.journal.calls("*/search")


def test_ids_that_lie_in_heaps_are_read_in_ranges_too(portal: Portal) -> None:
    heaps = [10**9, 5 * 10**9, 5 * 10**9 + 10**6]
    deals = [{"deal_id": str(heap + n), "crm_state": "open"} for heap in heaps for n in range(800)]
    portal.crm.load(deals=deals)
    found = ids(read_all(portal.source(), Table.DEALS, COLUMNS))
    assert sorted(found) == sorted(str(deal["deal_id"]) for deal in deals)


@pytest.mark.parametrize("opaque", [False, True])
def test_a_reading_can_be_resumed_behind_any_page(opened: Opener, *, opaque: bool) -> None:
    portal = opened(opaque_cursors=opaque)
    made = portal.deals(2_250)
    whole = read_all(portal.source(page_size=400), Table.DEALS, COLUMNS)
    assert len(whole) > 3
    for place in range(len(whole) - 1):
        rest = read_all(portal.source(page_size=400), Table.DEALS, COLUMNS, after=whole[place].cursor)
        assert sorted(ids(whole[: place + 1]) + ids(rest)) == sorted(made)


def test_a_cursor_that_is_none_of_ours_is_refused(portal: Portal) -> None:
    for text in ("", "line:5", "{}", '{"v":99}', '{"v":1,"how":"other"}'):
        with pytest.raises(ConnectorError, match="is not a cursor of HubSpot"):
            read_all(portal.source(), Table.DEALS, COLUMNS, after=text)


def test_archived_deals_are_not_read(portal: Portal) -> None:
    kept, gone = portal.deals(2)
    portal.crm.archive("deals", gone)
    assert ids(read_all(portal.source(), Table.DEALS, COLUMNS)) == [kept]


# -- what belongs together ----------------------------------------------------------------------------------------


def linked(portal: Portal, contacts: int = 3) -> tuple[str, list[str], str]:
    """Put in a deal with contacts and a company."""
    people = [{"contact_id": f"P-{n}", "account_id": "A-1"} for n in range(contacts)]
    deal = {"deal_id": "D-1", "crm_state": "open", "contact_id": "P-0", "account_id": "A-1"}
    made = portal.crm.load(accounts=[{"account_id": "A-1"}], contacts=people, deals=[deal, {"deal_id": "D-2"}])
    for person in made.contacts.values():
        portal.crm.link("deals", made.deals["D-1"], "contacts", person)
    return made.deals["D-1"], list(made.contacts.values()), made.accounts["A-1"]


@pytest.mark.parametrize("page", [1, 2, 500])
def test_a_deals_main_contact_is_the_one_with_the_lowest_id_however_links_are_paged(opened: Opener, page: int) -> None:
    portal = opened(association_page=page)
    deal, people, company = linked(portal)
    frame = rows(read_all(portal.source(), Table.DEALS, [ID, CONTACT, COMPANY])).sort(ID)
    assert frame.filter(frame[ID] == deal).select(CONTACT, COMPANY).row(0) == (min(people, key=int), company)


def test_a_deal_without_links_has_none_and_is_no_error(portal: Portal) -> None:
    [deal] = portal.deals(1)
    frame = rows(read_all(portal.source(), Table.DEALS, [ID, CONTACT, COMPANY]))
    assert frame.rows() == [(1, deal, None, None)]
    assert portal.crm.journal.calls("*/associations/*", status=207)


def test_contacts_and_companies_are_those_that_deals_link_to(portal: Portal) -> None:
    _, people, company = linked(portal)
    portal.crm.load(contacts=[{"contact_id": "stranger"}])
    source = portal.source()
    contacts = rows(read_all(source, Table.CONTACTS, [ID, "hs_email_optout"]))
    assert contacts[ID].to_list() == [min(people, key=int)]
    assert rows(read_all(source, Table.ACCOUNTS, [ID, "name"]))[ID].to_list() == [company]


def test_contacts_can_be_resumed_by_another_process(portal: Portal) -> None:
    people = [{"contact_id": f"P-{n}"} for n in range(9)]
    deals = [{"deal_id": f"D-{n}", "crm_state": "open", "contact_id": f"P-{n}"} for n in range(9)]
    made = portal.crm.load(contacts=people, deals=deals)
    first, *_ = read_all(portal.source(page_size=4), Table.CONTACTS, [ID])
    rest = read_all(portal.source(page_size=4), Table.CONTACTS, [ID], after=first.cursor)
    assert sorted(ids([first, *rest])) == sorted(made.contacts.values())


def test_each_kind_of_engagement_is_an_activity(portal: Portal) -> None:
    made = portal.crm.load(
        contacts=[{"contact_id": "P-0"}],
        deals=[{"deal_id": "D-1", "crm_state": "open", "contact_id": "P-0"}],
        activities=[
            {"activity_id": "a", "deal_id": "D-1", "contact_id": "P-0", "kind": "call", "at": "2026-05-01T01:00:00Z"},
            {"activity_id": "b", "contact_id": "P-0", "kind": "email", "at": "2026-05-02T01:00:00Z"},
            {"activity_id": "c", "deal_id": "D-1", "kind": "task", "at": "2026-05-03T01:00:00Z", "done": False},
            {"activity_id": "d", "deal_id": "D-1", "kind": "note", "at": "2026-05-04T01:00:00Z", "automatic": True},
            {"activity_id": "e", "deal_id": "D-1", "kind": "message", "at": "2026-05-05T01:00:00Z"},
            {"activity_id": "f", "deal_id": "D-1", "kind": "task", "at": "2026-05-06T01:00:00Z", "key": "main:1:1:x"},
        ],
    )
    told, deal, person = made.activities, made.deals["D-1"], made.contacts["P-0"]
    source = portal.source()
    frame = rows(read_all(source, Table.ACTIVITIES, list(source.columns(Table.ACTIVITIES)))).drop("_line").sort("at")
    told_at = [f"2026-05-0{day}T01:00:00" for day in range(1, 7)]
    assert [at[:19] for at in frame["at"]] == told_at
    assert frame.drop("at").rows() == [
        (told["a"], deal, person, "call", None, None, None),
        (told["b"], None, person, "email", None, None, None),
        (told["c"], deal, None, "task", None, "false", None),
        (told["d"], deal, None, "note", "true", None, None),
        (told["e"], deal, None, "message", None, None, None),
        (told["f"], deal, None, "task", None, "true", "main:1:1:x"),
    ]


def test_an_activity_of_two_deals_counts_for_both_and_one_of_nobody_for_none(portal: Portal) -> None:
    first, second = portal.deals(2)
    call = portal.crm.create("calls", {"hs_timestamp": "2026-05-01T01:00:00Z"}).id
    portal.crm.link("calls", call, "deals", first)
    portal.crm.link("calls", call, "deals", second)
    portal.crm.create("notes", {"hs_timestamp": "2026-05-01T01:00:00Z"})
    frame = rows(read_all(portal.source(), Table.ACTIVITIES, ["id", "deal_id"]))
    assert sorted(frame.select("id", "deal_id").rows()) == [(call, first), (call, second)]


def test_signs_of_interest_come_from_the_contacts(portal: Portal) -> None:
    _, [person], _ = linked(portal, contacts=1)
    portal.crm.edit("contacts", person, {"hs_sales_email_last_clicked": "2026-06-01T00:00:00Z"})
    portal.crm.edit("contacts", person, {"hs_email_last_click_date": "2026-07-01T00:00:00Z"})
    portal.crm.edit("contacts", person, {"hs_analytics_last_visit_timestamp": "2026-08-01T00:00:00Z"})
    frame = rows(read_all(portal.source(), Table.SIGNALS, ["contact_id", "kind", "at"])).drop("_line")
    assert sorted(frame.rows()) == [
        (person, "click", "2026-07-01T00:00:00Z"),
        (person, "visit", "2026-08-01T00:00:00Z"),
    ]


# -- changes ------------------------------------------------------------------------------------------------------


def end_of(portal: Portal, table: Table = Table.DEALS) -> str:
    """Return the cursor behind a whole reading of records that had been there for long, some time ago."""
    portal.clock.advance(3_600)
    cursor = read_all(portal.source(), table, COLUMNS)[-1].cursor
    portal.clock.advance(3_600)
    return cursor


def test_what_changed_since_comes_with_all_open_deals(opened: Opener) -> None:
    portal = opened()
    open_one, *_ = portal.deals(1)
    portal.crm.load(deals=[{"deal_id": f"L-{n}", "crm_state": "lost"} for n in range(5)])
    lost = list(portal.crm.objects["deals"])[1:]
    cursor = end_of(portal)
    portal.crm.edit("deals", lost[2], {"dealname": "changed"})
    found = read_all(portal.source(), Table.DEALS, COLUMNS, after=cursor)
    assert sorted(ids(found)) == sorted([lost[2], open_one])
    assert read_cursor(found[-1].cursor).since > read_cursor(cursor).since


def test_more_than_ten_thousand_deals_of_one_moment_are_all_read(opened: Opener) -> None:
    portal = opened(burst=None, searches=None)
    portal.crm.load(deals=[{"deal_id": f"L-{n}", "crm_state": "lost"} for n in range(10_400)])
    portal.clock.advance(86_400)
    source = portal.source(searches_per_second=1_000)
    cursor = read_all(source, Table.DEALS, [ID])[-1].cursor
    portal.clock.advance(86_400)
    portal.crm.bulk_edit("deals", {"dealname": "all at once"})
    found = ids(read_all(source, Table.DEALS, [ID], after=cursor))
    assert len(found) == len(set(found)) == 10_400
    assert not portal.crm.journal.calls("*", status=400)


def test_a_reading_of_changes_can_be_resumed(opened: Opener) -> None:
    portal = opened()
    portal.deals(30)
    cursor = end_of(portal)
    whole = read_all(portal.source(page_size=7), Table.DEALS, [ID], after=cursor)
    rest = read_all(portal.source(page_size=7), Table.DEALS, [ID], after=whole[1].cursor)
    assert sorted(ids(whole[:2]) + ids(rest)) == sorted(ids(whole))


def test_what_search_did_not_know_yet_comes_with_the_next_window(opened: Opener) -> None:
    portal = opened()
    portal.crm.load(deals=[{"deal_id": "L-1", "crm_state": "lost"}])
    [lost] = portal.crm.objects["deals"]
    cursor = end_of(portal)
    portal.crm.fall_behind(120)
    portal.crm.edit("deals", lost, {"dealname": "not found yet"})
    late = read_all(portal.source(), Table.DEALS, COLUMNS, after=cursor)
    assert ids(late) == []
    portal.clock.advance(300)
    assert rows(read_all(portal.source(), Table.DEALS, COLUMNS, after=late[-1].cursor))["dealname"].to_list() == [
        "not found yet"
    ]


def test_changes_of_contacts_are_found_by_their_own_modified_date(portal: Portal) -> None:
    _, people, _ = linked(portal)
    cursor = end_of(portal, Table.CONTACTS)
    portal.crm.edit("contacts", people[0], {"jobtitle": "CEO"})
    assert ids(read_all(portal.source(), Table.CONTACTS, [ID], after=cursor)) == [people[0]]


# -- what the account says of itself ------------------------------------------------------------------------------


def test_stages_are_won_lost_and_open_by_their_metadata_and_never_by_name(portal: Portal) -> None:
    portal.crm.load(
        deals=[{"deal_id": "1", "crm_state": "lost", "deal_stage": "Won back later", "deal_pipeline": "P2"}]
    )
    stages = portal.source().mapped().stages
    odd = next(stage.id for one in portal.crm.portal.pipelines.values() for stage in one.stages.values()
               if stage.label == "Won back later")  # fmt: skip
    assert odd in stages.lost
    assert "closedwon" in stages.won
    assert "closedlost" in stages.lost
    assert stages.open is not None
    assert not {*stages.won, *stages.lost} & set(stages.open)


def test_only_properties_that_the_account_has_are_mapped(opened: Opener) -> None:
    portal = opened(own_fields=False)
    fields = portal.source().mapped().fields[Table.DEALS]
    assert "recycle_track" not in fields
    assert "need_type" not in fields
    portal.crm.define_own_fields()
    portal.crm.load(deals=[{"deal_id": "1", "crm_state": "open", "need_type": 3, "hook": "Budget in April"}])
    fields = portal.source().mapped().fields[Table.DEALS]
    assert fields["recycle_track"].column == "recycle_track"
    assert fields["need_type"].column == "need_type"
    assert fields["external_id"].column == "external_id"
    known = set(portal.source().columns(Table.DEALS))
    assert {spec.column for spec in fields.values()} <= known


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_every_version_of_the_api_gives_the_same(portal: Portal, version: str) -> None:
    deal, people, company = linked(portal)
    source = portal.source(api=version)
    frame = rows(read_all(source, Table.DEALS, [ID, CONTACT, COMPANY]))
    assert (1, deal, min(people, key=int), company) in frame.rows()
    assert source.mapped().stages.won
    if version != "v3":
        assert all(f"/{version}" in call.path for call in portal.crm.journal)

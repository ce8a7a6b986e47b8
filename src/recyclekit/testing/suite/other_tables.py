"""Reading the other tables: activities, contacts, companies, signals and changes of the past."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from recyclekit.connectors.manifest import Capability
from recyclekit.models.tables import Table
from recyclekit.testing.proving import Tier, proves
from recyclekit.testing.stand import Stand
from recyclekit.testing.suite.room import Room

NIGHT = datetime(2026, 3, 31, 16, 30, tzinfo=UTC)
"""In Tokyo it is already April: read as local time, or cut off in UTC, it falls on the wrong day."""


class OtherTables(Room):
    """Tests of what belongs to deals."""

    @proves(Tier.SILVER, Capability.READ_DEALS, witness=Capability.READ_ACTIVITIES)
    def test_an_activity_falls_on_its_day_in_the_business_zone(self, stand: Stand) -> None:
        _seedable(stand, Table.ACTIVITIES)
        deal = stand.seed_one(crm_state="open")
        stand.bench.seed(Table.ACTIVITIES, [{**_of(stand, deal), "kind": "meeting", "at": NIGHT, "done": True}])
        days = _days(stand, deal)
        assert days == [date(2026, 4, 1)], f"16:30 UTC on 31 March is 1 April in Tokyo; read: {days}"

    @proves(Tier.SILVER, Capability.READ_DEALS, Capability.READ_ACTIVITIES)
    def test_all_activities_of_a_deal_are_read(self, stand: Stand) -> None:
        _seedable(stand, Table.ACTIVITIES)
        deal = stand.seed_one(crm_state="open")
        some = [{"kind": "call", "at": NIGHT + timedelta(days=n), "done": True} for n in range(3)]
        stand.bench.seed(Table.ACTIVITIES, [{**_of(stand, deal), **one} for one in some])
        assert _days(stand, deal) == [date(2026, 4, day) for day in (1, 2, 3)]

    @proves(Tier.SILVER, Capability.READ_DEALS, witness=Capability.READ_CONTACTS)
    def test_who_opted_out_is_read(self, stand: Stand) -> None:
        _seedable(stand, Table.CONTACTS)
        out, fine = stand.bench.seed(Table.CONTACTS, [{"opted_out": True}, {"opted_out": False}])
        stand.seed_one(contact_id=out)
        stand.seed_one(contact_id=fine)
        contacts = stand.snapshot(Table.CONTACTS).contacts
        mine = contacts.filter(pl.col("contact_id").is_in([out, fine]))
        read = dict(mine.select("contact_id", "opted_out").iter_rows())
        assert read.get(out) is True, "an opt-out was not seen: this person would be mailed"
        assert not read.get(fine)

    @proves(Tier.SILVER, Capability.READ_DEALS, Capability.READ_CONTACTS)
    def test_a_deal_knows_its_contact_and_company(self, stand: Stand) -> None:
        _seedable(stand, Table.CONTACTS)
        (person,) = stand.bench.seed(Table.CONTACTS, [{"opted_out": False}])
        deal = stand.seed_one(contact_id=person)
        assert stand.deals([deal])[deal].get("contact_id") == person

    @proves(Tier.SILVER, Capability.READ_DEALS, witness=Capability.READ_ACCOUNTS)
    def test_a_company_is_read(self, stand: Stand) -> None:
        _seedable(stand, Table.ACCOUNTS)
        (company,) = stand.bench.seed(Table.ACCOUNTS, [{"country": "JP"}])
        deal = stand.seed_one(account_id=company)
        assert stand.deals([deal])[deal].get("account_id") == company
        assert company in stand.snapshot(Table.ACCOUNTS).accounts["account_id"].to_list()

    @proves(Tier.SILVER, Capability.READ_DEALS, witness=Capability.READ_SIGNALS)
    def test_a_sign_of_interest_is_read(self, stand: Stand) -> None:
        _seedable(stand, Table.SIGNALS)
        _seedable(stand, Table.CONTACTS)
        (person,) = stand.bench.seed(Table.CONTACTS, [{"opted_out": False}])
        deal = stand.seed_one(contact_id=person)
        stand.bench.seed(Table.SIGNALS, [{"contact_id": person, "deal_id": deal, "kind": "click", "at": NIGHT}])
        signals = stand.snapshot(Table.SIGNALS).signals
        known = [("contact_id", person), ("deal_id", deal)]
        mine = signals.filter(pl.any_horizontal(pl.col(name) == one for name, one in known if name in signals.columns))
        assert [_day(stand, at) for at in mine["at"]] == [date(2026, 4, 1)]

    @proves(Tier.SILVER, Capability.READ_DEALS, witness=Capability.READ_HISTORY)
    def test_a_change_in_the_past_is_read(self, stand: Stand) -> None:
        _seedable(stand, Table.HISTORY)
        deal = stand.seed_one()
        change = {"deal_id": deal, "field": "lost_reason", "value": "Price", "at": NIGHT}
        stand.bench.seed(Table.HISTORY, [change])
        history = stand.snapshot(Table.HISTORY).history.filter(pl.col("deal_id") == deal)
        assert ("lost_reason", "Price") in history.select("field", "value").rows()


def _seedable(stand: Stand, table: Table) -> None:
    if table not in stand.bench.seedable():
        pytest.skip(f"needs a bench that seeds {table}")


def _of(stand: Stand, deal: str) -> dict[str, object]:
    """Return what ties an activity to a deal: its id, and its contact's where the system knows only people."""
    return {"deal_id": deal, "contact_id": stand.deals([deal])[deal].get("contact_id")}


def _days(stand: Stand, deal: str) -> list[date]:
    """Return the days of a deal's activities, joined as the policy joins them."""
    contact = stand.deals([deal])[deal].get("contact_id")
    activities = stand.snapshot(Table.ACTIVITIES).activities
    known = [("deal_id", deal), ("contact_id", contact)]
    by = [pl.col(name) == value for name, value in known if name in activities.columns]
    mine = activities.filter(pl.any_horizontal(by)) if by else activities.clear()
    return sorted(_day(stand, at) for at in mine["at"])


def _day(stand: Stand, at: datetime) -> date:
    return at.astimezone(stand.opening.timezone).date()

"""What a real Tryton shows: deals of every state, notes as activities, and only what changed since."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from recyclekit.connectors import Opening
from recyclekit.errors import ConnectorError, RefusedError, SignInError
from recyclekit.models.field_map import columns_of
from recyclekit.models.tables import Table
from recyclekit_tryton.field_map import MAPPED
from recyclekit_tryton.settings import TrytonSettings
from recyclekit_tryton.source import TrytonSource
from tests.tryton_server import Server

pytestmark = pytest.mark.xdist_group("tryton")


def _all(source: TrytonSource, table: Table, after: str | None = None) -> tuple[pl.DataFrame, list[str]]:
    pages = list(source.pages(table, after, columns_of(MAPPED.fields[table])))
    return pl.concat([page.records for page in pages]), [page.cursor for page in pages]


def test_every_deal_but_the_cancelled_is_read_once(source: TrytonSource, server: Server) -> None:
    records, _ = _all(source, Table.DEALS)
    seeded = {str(made): int(ours[1:]) for ours, made in server.ids["deals"].items()}
    assert records["id"].is_unique().all()
    assert set(records["id"]) & set(seeded) == {made for made, n in seeded.items() if n % 5 != 4}
    assert set(records["state"]) == {"lost", "opportunity", "won", "lead"}


def test_dates_money_and_text_arrive_as_normalize_reads_them(source: TrytonSource, server: Server) -> None:
    records, _ = _all(source, Table.DEALS)
    deal = records.filter(pl.col("id") == str(server.ids["deals"]["d5"])).row(0, named=True)
    assert (deal["start_date"], deal["end_date"]) == ("2025-01-05", "2025-03-05")
    assert (deal["amount"], deal["currency.code"]) == ("1005.50", "EUR")
    assert deal["lost_reason"] == "予算がない\nno budget this year"
    assert deal["employee"] == str(server.ids["employees"]["anna"])


def test_reading_resumes_behind_any_page(source: TrytonSource) -> None:
    whole, cursors = _all(source, Table.DEALS)
    for place, cursor in enumerate(cursors[:-1]):
        rest, _ = _all(source, Table.DEALS, cursor)
        assert rest["id"].to_list() == whole["id"].to_list()[7 * (place + 1) :]


def test_a_note_is_an_activity_at_its_time_in_utc(source: TrytonSource, server: Server) -> None:
    notes, _ = _all(source, Table.ACTIVITIES)
    of_deal = notes.filter(pl.col("deal") == str(server.ids["deals"]["d11"]))
    assert of_deal["create_date"].to_list() == ["2025-02-01T09:30:00Z"]
    assert of_deal["key"].to_list() == [None]


def test_who_left_a_scenario_is_opted_out(source: TrytonSource, server: Server) -> None:
    people, _ = _all(source, Table.CONTACTS)
    out = people.filter(pl.col("marketing_scenario_unsubscribed") == "true")["id"].to_list()
    assert out == [str(server.ids["parties"]["p7"])]


def test_the_country_is_that_of_an_address(source: TrytonSource, server: Server) -> None:
    accounts, _ = _all(source, Table.ACCOUNTS)
    own = accounts.filter(pl.col("id").is_in([str(party) for party in server.ids["parties"].values()]))
    assert set(own["addresses.country.code"]) == {"JP"}


def test_what_is_created_or_changed_since_is_read_though_new_records_have_no_write_date(
    source: TrytonSource, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recyclekit_tryton.source._OVERLAP", timedelta(0))
    _, cursors = _all(source, Table.DEALS)
    made = server.call("POST", "sale.opportunity", {"company": 1, "description": "new", "currency": 1} | _today())
    since, cursors = _all(source, Table.DEALS, cursors[-1])
    assert str(made["id"]) in set(since["id"])
    changed = server.ids["deals"]["d6"]
    server.call("PUT", f"sale.opportunity/{changed}", {"reference": "d6"})
    since, later = _all(source, Table.DEALS, cursors[-1])
    assert set(since["id"]) == {str(made["id"]), str(changed)}
    assert later[-1] != cursors[-1]


def _today() -> dict[str, object]:
    return {"start_date": {"__class__": "date", "year": 2026, "month": 1, "day": 5}, "conversion_probability": 0.5}


def test_the_columns_of_the_default_map_exist(source: TrytonSource) -> None:
    for table, specs in MAPPED.fields.items():
        assert set(columns_of(specs)) <= set(source.columns(table))


def test_a_cursor_of_another_kind_is_refused_in_words(source: TrytonSource) -> None:
    with pytest.raises(ConnectorError, match="cannot be read"):
        list(source.pages(Table.DEALS, "12345", ["id"]))


def test_a_name_that_tryton_does_not_know_is_told_in_words(source: TrytonSource) -> None:
    with pytest.raises(RefusedError, match="does not know a name"):
        list(source.pages(Table.DEALS, None, ["id", "closed_lost_reason"]))


def test_a_wrong_key_is_a_sign_in_error_that_does_not_show_it(settings: TrytonSettings, opening: Opening) -> None:
    from recyclekit_tryton import MANIFEST

    assert MANIFEST.open_source is not None
    wrong = settings.model_copy(update={"key": type(settings.key)("not-the-key")})
    opened = MANIFEST.open_source(wrong, opening)
    with pytest.raises(SignInError) as told:
        list(opened.pages(Table.DEALS, None, ["id"]))
    assert "not-the-key" not in str(told.value)
    assert "not-the-key" not in repr(wrong)

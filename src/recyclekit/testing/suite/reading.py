"""Reading: every record once, from any page on, as it stands in the system."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import polars as pl
import pytest

from recyclekit.connectors.manifest import Capability
from recyclekit.connectors.protocols import KnowsTidiness, Page, ScansColumns, Source
from recyclekit.errors import RecyclekitError
from recyclekit.models.snapshot import DEAD_LETTERS, LINE
from recyclekit.models.tables import Table
from recyclekit.testing.bench import Edits, Trouble
from recyclekit.testing.proving import Tier, proves
from recyclekit.testing.stand import Stand
from recyclekit.testing.suite.room import Room

TEXTS = (
    "株式会社リサイクル ㈱①髙",
    'Smith, Jones & "Sons"',
    "007",
    "=1+1",
    "naïve café — 100 %",
    "🙂",
    "semi;colon, comma | bar",
    "null",
)
"""Names that some system on the way may spoil. A name is one line; see LINES."""
LINES = 'two\nlines, "quoted";\tand a tab'
"""What people type where there is room."""
_UNTIDY = r"[[:cntrl:]]|^\s|\s$"
_RESUMED = 6  # so many pages, spread evenly, are resumed from


class Reading(Room):
    """Tests of the source."""

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_pages_are_in_the_promised_form(self, stand: Stand) -> None:
        stand.seed_deals(3)
        wanted = stand.columns(Table.DEALS)
        for page in stand.pages(Table.DEALS):
            assert page.table is Table.DEALS
            schema = page.records.schema
            wrong = {name: str(schema[name]) for name in schema if name != LINE and schema[name] != pl.String}
            assert not wrong, f"every column is String, as the system wrote it: {wrong}"
            assert schema.get(LINE) == pl.UInt64, f"the column {LINE} (UInt64) is missing"
            assert not [name for name in wanted if name not in schema], "columns that were asked for are missing"
            assert isinstance(page.cursor, str), "a cursor is text"
            assert page.cursor, "a cursor is not empty"
            assert dict(page.set_aside.schema) == DEAD_LETTERS

    @proves(Tier.BRONZE, witness=Capability.READ_DEALS)
    def test_every_deal_is_read_once_over_all_pages(self, stand: Stand) -> None:
        seeded = stand.seed_deals(2 * stand.bench.page_size + 1)
        pages = list(stand.pages(Table.DEALS))
        read = stand.ids(Table.DEALS, pages)
        assert len(pages) > 1, f"{len(read)} deals came on one page; {stand.bench.page_size} fill one, says the bench"
        missing = set(seeded) - set(read)
        assert not missing, f"{len(missing)} of {len(seeded)} deals were not read, such as {sorted(missing)[:3]}"
        assert len(read) == len(set(read)), f"{len(read) - len(set(read))} deals were read twice"

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_reading_twice_gives_the_same_order(self, stand: Stand) -> None:
        stand.seed_deals(stand.bench.page_size + 2)
        first = stand.ids(Table.DEALS, stand.pages(Table.DEALS))
        assert first == stand.ids(Table.DEALS, stand.pages(Table.DEALS))

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_reading_resumes_right_behind_any_page(self, stand: Stand) -> None:
        stand.seed_deals(3 * stand.bench.page_size + 1)
        pages = list(stand.pages(Table.DEALS))
        step = max(1, len(pages) // _RESUMED)
        for number in range(0, len(pages) - 1, step):
            rest = stand.ids(Table.DEALS, pages[number + 1 :])
            resumed = stand.ids(Table.DEALS, stand.pages(Table.DEALS, pages[number].cursor))
            assert resumed == rest, f"after page {number + 1} of {len(pages)}: {_difference(rest, resumed)}"

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_cursors_only_move_forward(self, stand: Stand) -> None:
        stand.seed_deals(2 * stand.bench.page_size + 1)
        cursors = [page.cursor for page in stand.pages(Table.DEALS)]
        again = [a for a, b in pairwise(cursors[:-1]) if a == b]
        assert len(set(cursors)) >= len(cursors) - 1, "a cursor came twice (only an empty last page may repeat it)"
        assert not again

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_reading_on_after_the_end_ends(self, stand: Stand) -> None:
        stand.seed_deals(2)
        *_, last = stand.pages(Table.DEALS)
        beyond = stand.ids(Table.DEALS, stand.pages(Table.DEALS, last.cursor))
        incremental = stand.manifest.capabilities.get(Capability.INCREMENTAL)
        if incremental is None or incremental.level != "full":
            assert not beyond, f"{len(beyond)} deals came again behind the last cursor"

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_a_cursor_of_somebody_else_is_refused(self, stand: Stand) -> None:
        stand.seed_deals(1)
        with pytest.raises(RecyclekitError):
            list(stand.pages(Table.DEALS, "not a cursor of this connector: {]"))

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_text_comes_as_it_was_typed(self, stand: Stand) -> None:
        seeded = stand.bench.seed(Table.DEALS, [{"name": text, "crm_state": "open"} for text in TEXTS])
        named = dict(zip(seeded, TEXTS, strict=True))
        read = _as_read(stand, "name")
        spoilt = {text: read.get(deal) for deal, text in named.items() if read.get(deal) != text}
        assert not spoilt, f"typed → read: {spoilt}"

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_lines_come_as_they_were_typed(self, stand: Stand) -> None:
        roomy = next(name for name in ("lost_note", "lost_reason") if stand.maps(Table.DEALS, name))
        (deal,) = stand.bench.seed(Table.DEALS, [{"name": "Lines", "crm_state": "lost", roomy: LINES}])
        assert str(_as_read(stand, roomy).get(deal)).replace("\r\n", "\n") == LINES

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_won_lost_and_open_come_from_the_system(self, stand: Stand) -> None:
        seeded = {state: stand.seed_one(crm_state=state) for state in ("won", "lost", "open")}
        deals = stand.deals(seeded.values())
        read = {state: deals[deal]["crm_state"] if deal in deals else "set aside" for state, deal in seeded.items()}
        assert read == {state: state for state in seeded}, "see Source.mapped: stages come from the system's metadata"

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_amounts_dates_and_reasons_mean_what_they_meant(self, stand: Stand) -> None:
        first, second = date(2026, 4, 1), date(2026, 2, 28)
        whole: dict[str, object] = {"amount": 1234567.0, "closed_on": first, "lost_reason": "価格が合わない"}
        seeded = {stand.seed_one(**whole): whole}
        empty: dict[str, object] = {"amount": None, "closed_on": second, "lost_reason": None}
        seeded[stand.seed_one(**empty)] = empty
        deals = stand.deals(seeded)
        assert deals.keys() == seeded.keys(), f"of {len(seeded)} deals, {len(deals)} were read"
        wrong = {
            f"{deal}.{name}": (value, deals[deal].get(name))
            for deal, values in seeded.items()
            for name, value in values.items()
            if stand.maps(Table.DEALS, name) and deals[deal].get(name) != value
        }
        assert not wrong, f"seeded, read: {wrong}"

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_a_scan_shows_what_the_pages_show(self, stand: Stand) -> None:
        stand.seed_deals(stand.bench.page_size + 1)
        source, wanted = stand.source(), stand.columns(Table.DEALS)
        paged = pl.concat([page.records.select(wanted) for page in stand.pages(Table.DEALS)])
        if not isinstance(source, ScansColumns):
            assert paged.height  # no fast path, which is nobody's duty
            return
        frame, _ = source.scan(Table.DEALS, wanted)
        scanned = frame.collect()
        absent = [name for name in wanted if name not in scanned.columns]
        scanned = scanned.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
        assert scanned.select(wanted).equals(paged)

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_columns_that_are_called_tidy_are_so(self, stand: Stand) -> None:
        messy = {"crm_state": "lost", "name": " blank around ", "lost_reason": LINES}
        stand.bench.seed(Table.DEALS, [messy, {"crm_state": "open", "name": "Tidy", "lost_reason": ""}])
        source = stand.source()
        tidy = source.tidy(Table.DEALS) if isinstance(source, KnowsTidiness) else ()  # optional
        records = pl.concat([page.records for page in stand.pages(Table.DEALS)])
        there = [name for name in tidy if name in records.columns]
        wrong = [name for name in there if records[name].str.contains(_UNTIDY).any() or (records[name] == "").any()]
        assert not wrong, f"said to hold no empty text, no control character, no outer blank: {wrong}"

    @proves(Tier.SILVER, Capability.READ_DEALS)
    def test_a_table_without_records_is_no_error(self, stand: Stand) -> None:
        for table in stand.source().tables():
            pages = list(stand.pages(table, empty=True))
            assert len(pages) < 2 or any(page.records.height for page in pages)

    # -- reading on ------------------------------------------------------------------------------------------------

    @proves(Tier.SILVER, Capability.READ_DEALS, witness=Capability.INCREMENTAL, needs=(Edits,))
    def test_what_changed_or_came_since_is_read_from_the_last_cursor(self, stand: Stand) -> None:
        (changed,) = stand.seed_deals(1)
        *_, last = stand.pages(Table.DEALS)
        stand.people.edit(changed, {"lost_reason": "Price"})
        new = stand.seed_one()
        since = stand.ids(Table.DEALS, stand.pages(Table.DEALS, last.cursor))
        assert {changed, new} <= set(since), f"missing: {sorted({changed, new} - set(since))}"
        assert len(since) == len(set(since)), "a record came twice; its newest state is enough"

    @proves(Tier.GOLD, Capability.READ_DEALS, needs=(Edits,))
    def test_changes_while_reading_lose_no_record(self, stand: Stand) -> None:
        seeded = stand.seed_deals(3 * stand.bench.page_size)
        read = list[str]()
        for number, page in enumerate(stand.pages(Table.DEALS)):
            here = stand.ids(Table.DEALS, [page])
            read += here
            if number == 0:
                stand.people.edit(here[0], {"lost_reason": "Price"})
                stand.people.edit(next(deal for deal in seeded if deal not in read), {"lost_reason": "Timing"})
        missing = set(seeded) - set(read)
        assert not missing, f"{len(missing)} of {len(seeded)} deals slipped through while others changed"

    # -- trouble while reading -------------------------------------------------------------------------------------

    @proves(Tier.GOLD, Capability.READ_DEALS, troubles=(Trouble.CUT_OFF,))
    def test_half_an_answer_loses_no_record(self, stand: Stand) -> None:
        _read_through(stand, Trouble.CUT_OFF)

    @proves(Tier.GOLD, Capability.READ_DEALS, troubles=(Trouble.DOWN,))
    def test_a_server_that_fails_once_loses_no_record(self, stand: Stand) -> None:
        _read_through(stand, Trouble.DOWN)

    @proves(Tier.GOLD, Capability.READ_DEALS, troubles=(Trouble.CIRCLING,))
    def test_a_page_that_comes_again_and_again_is_refused(self, stand: Stand) -> None:
        stand.seed_deals(2 * stand.bench.page_size + 1)
        stand.columns(Table.DEALS)
        stand.accidents.hurt(Trouble.CIRCLING, times=None)
        with pytest.raises(RecyclekitError):
            stand.snapshot()

    @proves(Tier.GOLD, Capability.READ_DEALS, troubles=(Trouble.UNREADABLE,))
    def test_one_unreadable_record_is_set_aside_and_the_others_are_read(self, stand: Stand) -> None:
        seeded = stand.seed_deals(3)
        stand.columns(Table.DEALS)
        stand.accidents.hurt(Trouble.UNREADABLE)
        snapshot = stand.snapshot()
        read = set(snapshot.deals["deal_id"]) & set(seeded)
        assert snapshot.dead_letters.height >= 1, "nothing says that a record could not be read"
        assert len(read) >= len(seeded) - 1, "more than the one record was lost"


def _as_read(stand: Stand, name: str) -> dict[str, str | None]:
    """Return deal id → one of its values as the source hands it over: stage 2 has not tidied it yet."""
    columns = stand.column(Table.DEALS, "deal_id"), stand.column(Table.DEALS, name)
    return dict(pl.concat([page.records for page in stand.pages(Table.DEALS)]).select(columns).iter_rows())


def _read_through(stand: Stand, trouble: Trouble) -> None:
    """Meet trouble once, before the first page and then behind it; reading on from the last cursor loses nothing."""
    seeded, columns = stand.seed_deals(2 * stand.bench.page_size + 1), stand.columns(Table.DEALS)
    for met_after in (0, 1):
        source, pages = stand.source(), list[Page]()

        def read_on(met_after: int = met_after, source: Source = source, pages: list[Page] = pages) -> None:
            after = pages[-1].cursor if pages else None
            for page in stand.pages(Table.DEALS, after, source=source, columns=columns):
                pages.append(page)
                if len(pages) == met_after:
                    stand.accidents.hurt(trouble)

        if met_after == 0:
            stand.accidents.hurt(trouble)
        stand.patiently(read_on)
        stand.accidents.heal()
        read = stand.ids(Table.DEALS, pages)
        missing = set(seeded) - set(read)
        assert not missing, f"{len(missing)} of {len(seeded)} deals were silently lost"
        assert len(read) == len(set(read)), "deals came twice"


def _difference(expected: list[str], found: list[str]) -> str:
    missing, extra = set(expected) - set(found), set(found) - set(expected)
    if missing or extra:
        return f"{len(missing)} records missing, {len(extra)} that came before"
    return "the same records in another order" if expected != found else "a record came twice"

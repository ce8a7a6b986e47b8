"""A mirrored reading gives what a whole one gives, whatever changed, died or lied in between."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recyclekit import clock, faultpoint
from recyclekit.connectors.doors import Provider, guarded_source
from recyclekit.connectors.mirror import Mirror, identify
from recyclekit.connectors.protocols import Page, Source
from recyclekit.errors import ConnectorError, RetryableError
from recyclekit.models.snapshot import LINE, dead_letters
from recyclekit.models.tables import Table

COLUMNS = {Table.DEALS: ("id", "who", "stage"), Table.CONTACTS: ("id", "mail"), Table.SIGNALS: ("who", "kind")}
MAP = {
    (Table.DEALS, "deal_id"): "id", (Table.DEALS, "contact_id"): "who", (Table.CONTACTS, "contact_id"): "id",
    (Table.SIGNALS, "contact_id"): "who",
}  # fmt: skip


@dataclass
class Crm:
    """A system that keeps to the contract: every write has a number, and a cursor is the number reached."""

    rows: dict[Table, dict[str, tuple[int, list[dict[str, str | None]]]]] = field(
        default_factory=lambda: {table: {} for table in COLUMNS}
    )
    now: int = 0
    page: int = 2
    calls: list[tuple[Table, str | None]] = field(default_factory=list)
    read: int = 0
    breaks_after: int | None = None
    forgets: bool = False
    bad: dict[str, int] = field(default_factory=dict)

    def put(self, table: Table, key: str, *rows: dict[str, str | None]) -> None:
        """Write a record; one key may have several rows, as an engagement with several deals has."""
        self.now += 1
        self.rows[table][key] = (self.now, list(rows))

    def tables(self) -> Collection[Table]:
        return list(COLUMNS)

    def columns(self, table: Table) -> Collection[str]:
        return COLUMNS[table]

    def mapped(self) -> Any:
        raise NotImplementedError

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        self.calls.append((table, after))
        if after is not None and self.forgets:
            raise ConnectorError("not a cursor of mine")
        since, end = int(after or 0), str(self.now)
        changed = [(key, at, rows) for key, (at, rows) in sorted(self.rows[table].items()) if at > since]
        bad = [key for key, at in sorted(self.bad.items()) if at > since and table is Table.DEALS]
        parts = [changed[n : n + self.page] for n in range(0, len(changed), self.page)] or [[]]
        for number, part in enumerate(parts):
            if self.breaks_after is not None and number >= self.breaks_after:
                raise RetryableError("the line is cut")
            flat = [row for _, _, rows in part for row in rows]
            frame = pl.DataFrame(flat, schema=dict.fromkeys(COLUMNS[table], pl.String), orient="row")
            self.read += frame.height
            is_last = number == len(parts) - 1
            letters = [{"stage": "extract", "table": str(table), "record_id": key, "code": "bad"} for key in bad]
            yield Page(
                table=table, records=frame.select(*columns).with_row_index(LINE).cast({LINE: pl.UInt64}),
                cursor=end if is_last else f"{since}.{number}", set_aside=dead_letters(letters if is_last else None),
            )  # fmt: skip


@dataclass
class Company:
    """The system, and a project's mirror of it."""

    folder: Path
    crm: Crm = field(default_factory=Crm)
    account: str = "one"

    def door(self) -> Source:
        """Open the source anew, as a run does."""
        mirror = Mirror(
            folder=self.folder / "mirror",
            account=identify(self.account),
            whole_every=timedelta(days=7),
            column_of=lambda table, ours: MAP.get((table, ours)),
        )
        who = Provider(connection="crm", connector="test", package="test")
        return mirror.over(guarded_source(cast("Source", self.crm), who))

    def read(self, *tables: Table) -> dict[Table, list[tuple[str | None, ...]]]:
        """Read tables as one run does; return their rows, sorted."""
        door = self.door()
        return {table: rows_of(door.pages(table, None, COLUMNS[table]), table) for table in tables or COLUMNS}

    def whole(self) -> dict[Table, list[tuple[str | None, ...]]]:
        """Return what is there."""
        return {table: rows_of(self.crm.pages(table, None, COLUMNS[table]), table) for table in COLUMNS}


def rows_of(pages: Iterator[Page], table: Table) -> list[tuple[str | None, ...]]:
    return sorted((row for page in pages for row in page.records.select(COLUMNS[table]).iter_rows()), key=repr)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    here = Company(tmp_path)
    for n in range(5):
        here.crm.put(Table.DEALS, f"d{n}", {"id": f"d{n}", "who": f"c{n % 2}", "stage": "open"})
    for n in range(2):
        here.crm.put(Table.CONTACTS, f"c{n}", {"id": f"c{n}", "mail": "x@example.com"})
        here.crm.put(Table.SIGNALS, f"c{n}", {"who": f"c{n}", "kind": "click"})
    return here


def test_only_what_changed_is_asked_for_and_everything_is_handed_on(company: Company) -> None:
    assert company.read() == company.whole()
    company.crm.put(Table.DEALS, "d1", {"id": "d1", "who": "c1", "stage": "lost"})
    company.crm.put(Table.DEALS, "d9", {"id": "d9", "who": "c0", "stage": "open"})
    company.crm.read = 0
    found = company.read(Table.DEALS, Table.CONTACTS)
    assert company.crm.read == 2
    assert found == {table: company.whole()[table] for table in found}


def test_the_last_page_has_the_sources_own_cursor(company: Company) -> None:
    company.read()
    company.crm.put(Table.DEALS, "d1", {"id": "d1", "who": "c1", "stage": "lost"})
    *_, last = company.door().pages(Table.DEALS, None, COLUMNS[Table.DEALS])
    assert last.cursor == str(company.crm.now)


def test_all_rows_of_a_record_are_replaced_together(company: Company) -> None:
    company.crm.put(Table.DEALS, "d1", {"id": "d1", "who": "c0", "stage": "a"}, {"id": "d1", "who": "c1", "stage": "a"})
    company.read()
    company.crm.put(Table.DEALS, "d1", {"id": "d1", "who": "c1", "stage": "b"})
    assert company.read()[Table.DEALS] == company.whole()[Table.DEALS]


def test_tables_without_a_record_id_are_read_whole_each_time(company: Company) -> None:
    company.read()
    company.crm.calls.clear()
    company.read()
    assert [after is None for table, after in company.crm.calls if table is Table.SIGNALS] == [True]
    assert [after is None for table, after in company.crm.calls if table is not Table.SIGNALS] == [False, False]


def test_records_are_told_apart_by_an_id_that_nobody_asked_for(company: Company) -> None:
    for _ in range(2):
        assert len(rows_of(company.door().pages(Table.CONTACTS, None, ["mail"]), Table.CONTACTS)) == 2
    assert [after is None for _, after in company.crm.calls] == [True, False]


def test_a_contact_older_than_its_link_makes_the_contacts_be_read_whole(company: Company) -> None:
    company.read()
    cursor = company.crm.now
    company.crm.put(Table.DEALS, "d1", {"id": "d1", "who": "c7", "stage": "open"})
    company.crm.rows[Table.CONTACTS]["c7"] = (cursor, [{"id": "c7", "mail": "old@example.com"}])  # not changed since
    assert company.read() == company.whole()
    company.crm.calls.clear()
    company.read()
    assert all(after is not None for table, after in company.crm.calls if table is not Table.SIGNALS)


def test_a_contact_that_is_nowhere_does_not_make_them_be_read_whole_for_ever(company: Company) -> None:
    company.crm.put(Table.DEALS, "d1", {"id": "d1", "who": "gone", "stage": "open"})
    company.read()
    company.crm.calls.clear()
    company.read()
    assert [after is not None for table, after in company.crm.calls if table is Table.CONTACTS] == [True]


def test_after_so_many_days_everything_is_read_again_and_what_was_deleted_is_gone(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.read()
    del company.crm.rows[Table.DEALS]["d1"]
    assert len(company.read()[Table.DEALS]) == 5, "no change tells of a deletion"
    later = datetime.now(UTC) + timedelta(days=7)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert company.read() == company.whole()


@pytest.mark.parametrize("hurt", ["removed", "torn", "no json", "another version", "a record file gone"])
def test_a_mirror_that_cannot_be_read_is_read_anew(company: Company, hurt: str) -> None:
    company.read()
    for folder in (company.folder / "mirror").iterdir():
        state = folder / "mirror.json"
        kept = json.loads(state.read_text())
        records = folder / kept["kept"]["records"]
        {
            "removed": lambda: shutil.rmtree(folder),  # noqa: B023  # called here and now
            "torn": lambda: records.write_bytes(records.read_bytes()[:40]),  # noqa: B023
            "no json": lambda: state.write_text("{"),  # noqa: B023
            "another version": lambda: state.write_text(json.dumps(kept | {"version": 0})),  # noqa: B023
            "a record file gone": records.unlink,
        }[hurt]()
    assert company.read() == company.whole()


def test_a_cursor_that_the_system_forgot_means_everything(company: Company) -> None:
    company.read()
    company.crm.forgets = True
    assert company.read() == company.whole()


def test_another_account_is_another_mirror(company: Company) -> None:
    company.read()
    other = Company(company.folder, Crm(), account="two")
    other.crm.put(Table.DEALS, "d1", {"id": "d1", "who": None, "stage": "theirs"})
    assert other.read() == other.whole()


def test_a_disk_without_room_costs_the_mirror_and_nothing_else(company: Company) -> None:
    (company.folder / "mirror").write_text("in the way")
    assert company.read() == company.whole() == company.read()


def test_a_line_cut_while_changes_are_read_leaves_the_mirror_as_it_was(company: Company) -> None:
    company.read()
    for n in range(5):
        company.crm.put(Table.DEALS, f"d{n}", {"id": f"d{n}", "who": "c1", "stage": "lost"})
    company.crm.breaks_after = 1
    with pytest.raises(RetryableError):
        company.read(Table.DEALS)
    company.crm.breaks_after = None
    assert company.read() == company.whole()


@pytest.mark.parametrize("point", ["mirror.keep", "mirror.kept"])
def test_a_process_that_dies_while_keeping_leaves_one_that_holds(
    company: Company, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.read()
    company.crm.put(Table.DEALS, "d1", {"id": "d1", "who": "c1", "stage": "lost"})

    class Died(BaseException):
        pass

    def die(name: str) -> None:
        if name == point:
            raise Died

    from recyclekit.connectors.mirror import files

    monkeypatch.setattr(files, "faultpoint", die)
    with pytest.raises(Died):
        company.read(Table.DEALS)
    monkeypatch.setattr(files, "faultpoint", faultpoint.faultpoint)
    assert company.read() == company.whole()


def test_records_that_were_set_aside_are_told_again_until_they_are_mended(company: Company) -> None:
    company.crm.now += 1
    company.crm.bad["d7"] = company.crm.now

    def aside() -> list[str]:
        pages = company.door().pages(Table.DEALS, None, COLUMNS[Table.DEALS])
        return [one for page in pages for one in page.set_aside["record_id"]]

    assert aside() == aside() == ["d7"]
    del company.crm.bad["d7"]
    company.crm.put(Table.DEALS, "d7", {"id": "d7", "who": "c1", "stage": "open"})
    assert aside() == []


def test_only_its_owner_looks_into_a_mirror(company: Company) -> None:
    company.read()
    assert {path.stat().st_mode & 0o077 for path in (company.folder / "mirror").iterdir()} == {0}


def test_files_do_not_pile_up(company: Company) -> None:
    for n in range(6):
        company.crm.put(Table.DEALS, "d1", {"id": "d1", "who": "c1", "stage": str(n)})
        company.read()
    for folder in (company.folder / "mirror").iterdir():
        assert len(list(folder.iterdir())) == 3, "records, what was set aside, and mirror.json"


Edit = tuple[str, int, int]
EDITS = st.lists(
    st.tuples(st.sampled_from(["deal", "contact", "read", "two deals"]), st.integers(0, 6), st.integers(0, 3)),
    max_size=25,
)


@settings(max_examples=30)  # each of them writes dozens of files
@given(edits=EDITS)
def test_whatever_happens_between_readings_the_next_one_gives_what_is_there(
    edits: list[Edit], tmp_path_factory: pytest.TempPathFactory
) -> None:
    company = Company(tmp_path_factory.mktemp("mirror"))
    does: dict[str, Callable[[int, int], object]] = {
        "deal": lambda a, b: company.crm.put(Table.DEALS, f"d{a}", {"id": f"d{a}", "who": f"c{b}", "stage": f"s{b}"}),
        "two deals": lambda a, b: company.crm.put(
            Table.DEALS, f"d{a}", *({"id": f"d{a}", "who": f"c{n}", "stage": None} for n in range(b + 1))
        ),
        "contact": lambda a, b: company.crm.put(Table.CONTACTS, f"c{b}", {"id": f"c{b}", "mail": f"{a}@example.com"}),
        "read": lambda _a, _b: check(),
    }

    def check() -> None:
        assert company.read() == company.whole()

    for kind, a, b in edits:
        does[kind](a, b)
    check()

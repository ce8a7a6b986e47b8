"""Stage 1: pages and scans become lazy frames; a source that turns in circles is stopped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from recyclekit.connectors.protocols import Page
from recyclekit.errors import ConnectorError, RecyclekitError, RemoteError
from recyclekit.events import Event, StageProgressed
from recyclekit.models.field_map import Mapped
from recyclekit.models.snapshot import LINE, dead_letters
from recyclekit.models.tables import Table
from recyclekit.stages import extract as stage
from recyclekit.stages.extract import extract

WANTED = {Table.DEALS: ["Deal ID", "Stage"]}


def page(start: int, count: int, cursor: str | None = None, line: int | None = None) -> Page:
    ids = range(start, start + count)
    first = start if line is None else line
    return Page(
        table=Table.DEALS,
        records=pl.DataFrame(
            {
                "Deal ID": [f"D{n}" for n in ids],
                "Stage": ["Won"] * count,
                "Other": ["x"] * count,
                LINE: range(first, first + count),
            },
            schema={"Deal ID": pl.String, "Stage": pl.String, "Other": pl.String, LINE: pl.UInt64},
        ),
        cursor=f"after {start + count}" if cursor is None else cursor,
    )


@dataclass
class Pages:
    """A source of given pages."""

    given: Iterable[Page]
    asked: list[tuple[Table, str | None, Collection[str]]] = field(default_factory=list)

    def tables(self) -> Collection[Table]:
        return [Table.DEALS]

    def mapped(self) -> Mapped:
        return Mapped()

    def columns(self, table: Table) -> Collection[str]:
        return ["Deal ID", "Stage", "Other"]

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        self.asked.append((table, after, columns))
        yield from self.given


@dataclass
class Scans(Pages):
    """A source that also hands over a whole table."""

    frame: pl.LazyFrame = field(default_factory=pl.LazyFrame)

    def scan(self, table: Table, columns: Collection[str]) -> tuple[pl.LazyFrame, pl.DataFrame]:
        return self.frame, dead_letters([{"stage": "extract", "table": "deals", "code": "ragged", "reason": "r"}])


def ids(frame: pl.LazyFrame) -> list[str]:
    return frame.collect()["Deal ID"].to_list()


def test_pages_from_the_first_on_become_one_frame_of_the_wanted_columns() -> None:
    heard: list[Event] = []
    source = Pages([page(1, 3), page(4, 2)])
    found = extract(source, tables=WANTED, listen=heard.append, run="r1")
    frame = found.records[Table.DEALS].collect()
    assert frame.columns == [LINE, "Deal ID", "Stage"]
    assert frame["Deal ID"].to_list() == ["D1", "D2", "D3", "D4", "D5"]
    assert source.asked == [(Table.DEALS, None, ["Deal ID", "Stage"])]
    assert heard == [StageProgressed(run="r1", stage="extract", done=n) for n in (3, 2)]


def test_a_source_that_scans_hands_over_its_lazy_frame_and_what_it_could_not_split() -> None:
    source = Scans(given=[], frame=page(1, 2).records.lazy())
    found = extract(source, tables=WANTED)
    assert ids(found.records[Table.DEALS]) == ["D1", "D2"]
    assert found.set_aside["code"].to_list() == ["ragged"]
    assert source.asked == []


def test_many_records_are_laid_down_in_files_and_come_back_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "IN_MEMORY", 30)
    found = extract(Pages([page(n, 4) for n in range(1, 41, 4)]), tables=WANTED, scratch=tmp_path / "new")
    assert len(list((tmp_path / "new").glob("deals-*.arrow"))) == 4
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0, "nobody else on the machine reads them"
    assert ids(found.records[Table.DEALS]) == [f"D{n}" for n in range(1, 41)]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "IN_MEMORY", 2)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(RecyclekitError, match="cannot be kept"):
        extract(Pages([page(1, 4)]), tables=WANTED, scratch=tmp_path / "file")


def test_lines_grow_over_pages_that_count_anew() -> None:
    found = extract(Pages([page(1, 3, line=1), page(4, 2, line=1)]), tables=WANTED)
    assert found.records[Table.DEALS].collect()[LINE].to_list() == [1, 2, 3, 4, 5]


def test_an_empty_last_page_with_the_same_cursor_is_an_end() -> None:
    found = extract(Pages([page(1, 3), page(4, 0, cursor="after 4")]), tables=WANTED)
    assert ids(found.records[Table.DEALS]) == ["D1", "D2", "D3"]


def test_a_source_without_any_page_gives_an_empty_frame() -> None:
    found = extract(Pages([]), tables=WANTED)
    assert found.records[Table.DEALS].collect().height == 0


@pytest.mark.parametrize(
    "given",
    [
        [page(1, 3), page(4, 3), page(7, 3, cursor="after 4")],
        [page(1, 3), page(4, 3, cursor="after 4")],
        [page(1, 3), page(1, 3, cursor="another")],
        [page(1, 3), page(4, 0, cursor="after 4"), page(4, 0, cursor="after 4")],
        [page(1, 1, cursor=str(n)) for n in range(5)],
    ],
    ids=["a cursor goes back", "a cursor repeats", "a page repeats", "idle for ever", "one record for ever"],
)
def test_a_source_that_turns_in_circles_is_stopped(given: list[Page]) -> None:
    with pytest.raises(RemoteError, match="does not come to an end"):
        extract(Pages(given), tables=WANTED)


@pytest.mark.parametrize("column", ["Stage", LINE])
def test_a_column_of_another_type_is_the_connectors_fault_and_named(column: str) -> None:
    records = page(1, 2).records.with_columns(pl.lit(7, pl.Int32).alias(column))
    with pytest.raises(ConnectorError, match=f"'{column}' is Int32"):
        extract(Pages([Page(table=Table.DEALS, records=records, cursor="1")]), tables=WANTED)
    with pytest.raises(ConnectorError, match=f"'{column}' is Int32"):
        extract(Scans(given=[], frame=records.lazy()), tables=WANTED)


def test_tables_and_columns_that_are_not_there_are_absent() -> None:
    found = extract(Pages([page(1, 1)]), tables={Table.DEALS: ["Deal ID", "Nowhere"], Table.CONTACTS: ["Id"]})
    assert set(found.records) == {Table.DEALS}
    assert found.records[Table.DEALS].collect_schema().names() == [LINE, "Deal ID"]


def test_pages_with_different_columns_lie_side_by_side() -> None:
    second = page(4, 2)
    thin = Page(table=Table.DEALS, records=second.records.drop("Stage"), cursor=second.cursor)
    found = extract(Pages([page(1, 3), thin]), tables=WANTED)
    assert found.records[Table.DEALS].collect()["Stage"].to_list() == ["Won"] * 3 + [None] * 2


def test_pages_without_records_under_ever_new_cursors_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "BARREN", 50)
    empty = [page(1, 0, cursor=f"c{n}") for n in range(60)]
    assert extract(Pages([*empty[:50], page(1, 2)]), tables=WANTED).records[Table.DEALS].collect().height == 2
    with pytest.raises(RemoteError, match="51 pages without a record"):
        extract(Pages(empty), tables=WANTED)

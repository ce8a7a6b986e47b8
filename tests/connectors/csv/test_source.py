"""The reading door: tables, columns, default map, scan and pages, and our own writes shown on the deals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from recyclekit.connectors import Opening, ScansColumns, Source
from recyclekit.connectors.csv import MANIFEST, source
from recyclekit.connectors.csv.settings import CsvSettings
from recyclekit.connectors.csv.source import CsvSource
from recyclekit.errors import ConnectorError, InputError
from recyclekit.models.tables import Table
from tests.connectors.csv.files import put


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    return Opening(folder=tmp_path, timezone=ZoneInfo("Asia/Tokyo"))


def test_the_manifest_opens_a_source_that_keeps_its_promises(tmp_path: Path, opening: Opening) -> None:
    put(tmp_path / "deals.csv", "Deal_ID,stage\n1,won\n")
    put(tmp_path / "calls.csv", "deal_id,at\n1,2026-01-01\n")
    assert MANIFEST.open_source is not None
    opened = MANIFEST.open_source(CsvSettings(deals=Path("deals.csv"), activities=Path("calls.csv")), opening)

    assert isinstance(opened, Source)
    assert isinstance(opened, ScansColumns)
    assert set(opened.tables()) == {Table.DEALS, Table.ACTIVITIES}
    assert list(opened.columns(Table.ACTIVITIES)) == ["deal_id", "at"]
    assert list(opened.columns(Table.DEALS))[:3] == ["Deal_ID", "stage", "recycle_track"]


def test_headings_that_are_our_names_are_mapped_in_any_case(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "Deal_ID,AMOUNT,Phase\n1,5,won\n")
    fields = CsvSource(CsvSettings(deals=Path("deals.csv")), tmp_path).mapped().fields[Table.DEALS]

    assert fields["deal_id"].column == "Deal_ID"
    assert fields["amount"].column == "AMOUNT"
    assert fields["recycle_track"].column == "recycle_track"
    assert "deal_stage" not in fields


def test_a_scan_gives_text_columns_and_lines(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "deal_id,x\n001,a\n002\n003,\n")
    frame, aside = CsvSource(CsvSettings(deals=Path("deals.csv")), tmp_path).scan(Table.DEALS, ["x", "deal_id"])

    assert frame.collect_schema() == {"_line": pl.UInt64, "x": pl.String, "deal_id": pl.String}
    assert frame.collect().rows() == [(2, "a", "001"), (4, None, "003")]
    assert aside.rows(named=True) == [
        {
            "stage": "extract",
            "table": "deals",
            "record_id": None,
            "line": 3,
            "column": "x",
            "code": "ragged",
            "reason": "The row has 1 cells, the heading 2.",
        }
    ]


def test_a_table_without_a_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "deal_id\n1\n")

    with pytest.raises(ConnectorError, match="No file is named for the table 'contacts'"):
        CsvSource(CsvSettings(deals=Path("deals.csv")), tmp_path).scan(Table.CONTACTS, ["x"])


@pytest.mark.parametrize("broken", [(), (2,), (9,), (3, 4, 5, 6), (2, 3, 8, 9)])
def test_pages_resume_behind_any_page_and_add_up_to_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: tuple[int, ...]
) -> None:
    monkeypatch.setattr(source, "PAGE", 2)
    rows = [f"{i}" if i in broken else f'{i},"x\n{i}"' for i in range(2, 10)]
    put(tmp_path / "deals.csv", "deal_id,x\n" + "\n".join(rows) + "\n")
    door = CsvSource(CsvSettings(deals=Path("deals.csv")), tmp_path)
    frame, aside = door.scan(Table.DEALS, ["deal_id"])
    pages = list(door.pages(Table.DEALS, None, ["deal_id"]))

    assert pl.concat([page.records for page in pages]).equals(frame.collect())
    assert pl.concat([page.set_aside for page in pages]).equals(aside)
    for i, page in enumerate(pages):
        rest = list(door.pages(Table.DEALS, page.cursor, ["deal_id"]))
        assert len(rest) == len(pages) - i - 1
        for resumed, first in zip(rest, pages[i + 1 :], strict=True):
            assert resumed.records.equals(first.records)
            assert resumed.set_aside.equals(first.set_aside)
            assert resumed.cursor == first.cursor


def test_a_foreign_cursor_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "deal_id\n1\n")

    with pytest.raises(ConnectorError, match="not a cursor"):
        list(CsvSource(CsvSettings(deals=Path("deals.csv")), tmp_path).pages(Table.DEALS, "after=5", ["deal_id"]))


def test_the_files_own_recycle_columns_count_until_we_write(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "deal_id,recycle_track\n1,old\n2,old\n")
    door = CsvSource(CsvSettings(deals=Path("deals.csv")), tmp_path)
    wanted = ["deal_id", "recycle_track", "recycle_rule"]
    before = door.scan(Table.DEALS, wanted)[0].collect()
    (tmp_path / "deals.recyclekit").mkdir()
    put(tmp_path / "deals.recyclekit" / "fields.csv", "deal_id,recycle_track,recycle_rule\n2,,new\n")

    # What nobody wrote holds nothing, and is left out.
    assert before.rows() == [(2, "1", "old"), (3, "2", "old")]
    assert door.scan(Table.DEALS, wanted)[0].collect().rows() == [(2, "1", "old", None), (3, "2", None, "new")]


def test_without_a_known_id_what_we_wrote_is_not_lost_silently(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "ID,x\n1,a\n")
    (tmp_path / "deals.recyclekit").mkdir()
    put(tmp_path / "deals.recyclekit" / "fields.csv", "deal_id,recycle_track\n1,t\n")

    with pytest.raises(InputError, match="No column of the deals file is known as the deal's id"):
        CsvSource(CsvSettings(deals=Path("deals.csv")), tmp_path).scan(Table.DEALS, ["recycle_track"])
    named = CsvSource(CsvSettings(deals=Path("deals.csv"), deal_id="ID"), tmp_path)
    assert named.scan(Table.DEALS, ["recycle_track"])[0].collect()["recycle_track"].to_list() == ["t"]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"deals": "d.csv", "encoding": "utf-9"}, "there is no encoding 'utf-9'"),
        ({"deals": "d.csv", "encoding": "base64"}, "does not encode text"),
        ({"deals": "d.csv", "separator": ",,"}, "one ASCII character"),
        ({"deals": "d.csv", "separator": ""}, "one ASCII character"),
        ({"deals": "d.csv", "seperator": ","}, "Extra inputs"),
        ({}, "Field required"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        CsvSettings.model_validate(settings)


def test_temporary_copies_are_gone_when_the_process_ends(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "deal_id\n予算\n", "cp932")
    code = (
        "import sys; from pathlib import Path; from recyclekit.connectors.csv.opened import open_file;"
        "file = open_file(Path(sys.argv[1])); assert file.readable.exists(); print(file.readable)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "deals.csv")], capture_output=True, check=True)

    assert not Path(done.stdout.decode().strip()).parent.exists()


def test_a_ragged_record_is_named_by_its_id_where_that_can_be_read(tmp_path: Path) -> None:
    text = "stage,id,name\nWon,D1,a\nWon,D2\nWon,D3,a,b\nWon\nLost,D4,b\n"
    put(tmp_path / "deals.csv", text)

    def ids(key: str) -> list[str | None]:
        source = CsvSource(CsvSettings(deals=Path("deals.csv"), deal_id=key), tmp_path)
        return source.scan(Table.DEALS, ["id"])[1]["record_id"].to_list()

    assert ids("id") == [None, None, None]  # the last cell of a row that breaks off may be cut
    assert ids("stage") == ["Won", "Won", None]

"""What is told of texts from a file's bytes must hold for every text in it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from recyclekit.connectors.csv.heading import read_heading
from recyclekit.connectors.csv.opened import open_file
from recyclekit.connectors.csv.settings import CsvSettings
from recyclekit.connectors.csv.source import CsvSource
from recyclekit.connectors.csv.structure import check_quickly
from recyclekit.connectors.doors import Provider, guarded_source
from recyclekit.models.parsing.text import untidy
from recyclekit.models.tables import Table
from recyclekit.stages.extract import extract
from tests.connectors.csv.files import as_csv, put, rows_of

ODD = "\t\r\n\x01\x1f\x7f\x85\x80\x9f\xa0\u1680\u2000\u200a\u2028\u202f\u205f\u3000\ufeff"
PLAIN = 'a0 ,"é—あ退①！\U0001f000'


def tidy(path: Path, separator: str = ",", quote: str = '"') -> bool | None:
    split = check_quickly(path, read_heading(path, path.name, separator, quote))
    return None if split is None else split.tidy


@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.text(PLAIN + ODD, max_size=4), min_size=2, max_size=2), min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n"]),
)
@example(rows=[["a", "退職"], ["x\u3000y", "①！"]], end="\n")
def test_no_text_of_a_tidy_file_needs_cleaning(tmp_path: Path, rows: list[list[str]], end: str) -> None:
    path = put(tmp_path / "d.csv", as_csv([["left", "right"], *rows], end=end))
    read = [cell for row in rows_of(open_file(path, separator=",")) for cell in row if cell]
    dirty = pl.Series("text", read, dtype=pl.String).to_frame().select(untidy("hook", pl.col("text")).any()).item()

    found = tidy(path)

    if found:
        assert not dirty
    if found is False and not any(odd in cell for row in rows for cell in row for odd in ODD + '",'):
        assert dirty, "plain texts are not suspected without need"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a,b c\n", True),
        ("a,b c\r\nd,e\r\n", True),
        ('"a, b",c\n', True),
        ("価格　高い,退職\n", True),
        ("a , b\n", False),
        (" a,b\n", False),
        ("a,b \r\n", False),
        ('"a ",b\n', False),
        ("a,\u3000b\n", False),
        ("a\u3000,b\n", False),
        ("a,b\u00a0\n", False),
        ("a,b\u2009\n", False),
        ("a,b\x07c\n", False),
        ('a,"b\nc"\n', False),
        ("a,b\ufeffc\n", False),
    ],
)
def test_blanks_at_an_edge_and_control_characters_are_seen(
    tmp_path: Path, body: str, expected: bool
) -> None:  # a table of cases
    assert tidy(put(tmp_path / "d.csv", "x,y\n" + body)) is expected


def test_a_tab_between_cells_is_no_control_character(tmp_path: Path) -> None:
    assert tidy(put(tmp_path / "d.tsv", "x\ty\na\tb\n"), separator="\t") is True
    assert tidy(put(tmp_path / "e.tsv", 'x\ty\n"a\ta"\tb\n'), separator="\t") is False


def test_what_spans_two_blocks_is_seen(tmp_path: Path) -> None:
    long = "".join(f"{n:07d},text\n" for n in range(200_000))

    assert tidy(put(tmp_path / "d.csv", "x,y\n" + long)) is True
    assert tidy(put(tmp_path / "e.csv", "x,y\n" + long + "z, text\n")) is False


def test_a_guarded_source_still_tells_which_columns_are_tidy(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "deal_id,deal_stage\n" + "D1,Won\n" * 400_000)
    source = guarded_source(
        CsvSource(CsvSettings(deals=Path("deals.csv")), tmp_path),
        Provider(connection="crm", connector="csv", package="x"),
    )

    extracted = extract(source, tables={Table.DEALS: ["deal_id", "deal_stage"]})

    assert {"deal_id", "deal_stage"} <= set(extracted.tidy[Table.DEALS])

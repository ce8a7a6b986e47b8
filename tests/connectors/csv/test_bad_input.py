"""Bad rows are set aside with line, column and reason; good rows survive; hopeless files are refused in words."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recyclekit.connectors.csv import opened
from recyclekit.connectors.csv.heading import read_heading
from recyclekit.connectors.csv.opened import open_file
from recyclekit.connectors.csv.structure import check_quickly
from recyclekit.errors import InputError
from tests.connectors.csv.files import as_csv, faults, lines_of, put, rows_of


@pytest.fixture(params=["careful", "quick"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test twice: as a small file, and as a large one whose fast check must send it to the careful reading."""
    monkeypatch.setattr(opened, "QUICK_FROM", 0 if request.param == "quick" else 1 << 40)
    opened._opened.clear()


pytestmark = pytest.mark.usefixtures("_way")


def test_ragged_rows_are_set_aside_with_the_first_missing_column(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", "a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n")

    assert faults(path) == [(3, "ragged", "c"), (4, "ragged", None)]
    assert rows_of(open_file(path)) == [("1", "2", "3"), ("10", "11", "12")]
    assert lines_of(open_file(path)) == [2, 5]


def test_a_row_too_short_and_one_too_long_do_not_cancel_out(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", "a,b,c\n1,2,3\n4,5\n6,7,8,9\n" * 3)

    assert [line for line, code, _ in faults(path) if code == "ragged"] == [3, 4, 7, 8, 11, 12]


def test_a_heading_repeated_inside_is_set_aside(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", "a,b\n1,2\na,b\n3,4\n\ufeffa,b\n5,6\n")

    assert faults(path) == [(3, "repeated_heading", None), (5, "repeated_heading", None)]
    assert rows_of(open_file(path)) == [("1", "2"), ("3", "4"), ("5", "6")]


def test_a_nul_byte_sets_its_row_aside(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", "a,b\n1,2\n3,x\0y\n5,6\n")

    assert faults(path) == [(3, "nul", "b")]
    assert rows_of(open_file(path)) == [("1", "2"), ("5", "6")]


@pytest.mark.parametrize(
    "after", ["3,x\n4,y\n", '3,"x"\n4,"y, z"\n', '"3","x"\n"4","y"\n', '3,""\n4,"a ""b"""\n', '3,"two\nlines"\n4,y\n']
)
def test_rows_after_an_unclosed_quote_are_not_swallowed(tmp_path: Path, after: str) -> None:
    path = put(tmp_path / "d.csv", 'a,b\n1,x\n2,"open\n' + after)

    assert faults(path) == [(3, "unclosed_quote", "b")]
    assert [row[0] for row in rows_of(open_file(path))] == ["1", "3", "4"]


def test_text_after_a_closing_quote_sets_the_row_aside(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", 'a,b\n1,"ABC" Corp\n2,y\n')

    assert faults(path) == [(2, "bad_quote", "b")]
    assert rows_of(open_file(path)) == [("2", "y")]


def test_a_quote_inside_an_unquoted_cell_is_text(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", 'a,b\n1,27" screen\n2,"x, y"\n3,say "hi"\n')

    assert rows_of(open_file(path)) == [("1", '27" screen'), ("2", "x, y"), ("3", 'say "hi"')]
    assert not faults(path)


def test_a_cell_of_ten_megabytes_is_set_aside_and_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = put(
        tmp_path / "d.csv", b"a,b\n1,2\n3," + b"x" * 10_000_000 + b'\n5,6\n7,"' + b"y\n" * 5_000_000 + b'"\n8,9\n'
    )
    tracemalloc.start()
    found = faults(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found == [(3, "cell_too_large", "b"), (5, "cell_too_large", "b")]
    assert rows_of(open_file(path)) == [("1", "2"), ("5", "6"), ("8", "9")]
    assert lines_of(open_file(path))[-1] == 5 + 5_000_000 + 1
    assert peak < 100_000_000


def test_blank_lines_are_no_records(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", "\r\n\r\na,b\r\n1,2\r\n\r\n   \r\n3,4\r\n\r\n")

    assert rows_of(open_file(path)) == [("1", "2"), ("3", "4")]
    assert lines_of(open_file(path)) == [4, 7]
    assert not faults(path)


def test_lines_are_right_behind_cells_with_line_feeds(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", 'a,"b\nc"\n1,2\n3,"x\ny\nz"\n4,5\n6,"p\r\nq"\n7,8\n')

    assert lines_of(open_file(path)) == [3, 4, 7, 8, 10]
    assert rows_of(open_file(path))[1] == ("3", "x\ny\nz")


def test_an_empty_file_is_refused_and_a_heading_alone_is_no_rows(tmp_path: Path) -> None:
    for name, content in (("nothing.csv", b""), ("blank.csv", b"\n\r\n \n"), ("mark.csv", b"\xef\xbb\xbf")):
        with pytest.raises(InputError, match="is empty"):
            open_file(put(tmp_path / name, content))
    for content in (b"a,b", b"a,b\n", b"\xef\xbb\xbfa,b\r\n"):
        assert rows_of(open_file(put(tmp_path / f"heading{len(content)}.csv", content))) == []


def test_duplicate_headings_are_refused_only_where_they_are_asked_for(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", "id,stage,stage\n1,won,lost\n")

    assert open_file(path).scan(["id"]).collect()["id"].to_list() == ["1"]
    with pytest.raises(InputError, match=r"'stage' of d.csv cannot be told apart. The heading has it 2 times"):
        open_file(path).scan(["id", "stage"])


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", "deal_id, deal_stage ,\n1,won,\n")

    assert open_file(path).scan(["deal_stage"]).collect()["deal_stage"].to_list() == ["won"]
    with pytest.raises(InputError, match=r"no column 'deal_stag'.*Did you mean 'deal_stage'"):
        open_file(path).scan(["deal_stag"])


def test_a_missing_file_is_named_with_its_neighbour(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "a\n1\n")

    with pytest.raises(InputError, match=r"no file .*deal\.csv.*Did you mean 'deals.csv'"):
        open_file(tmp_path / "deal.csv")
    with pytest.raises(InputError, match="cannot be read"):
        open_file(tmp_path)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    rows = [["id", "amount", "note"], ["1", "1,5", "a;b"], ["2", "2,5", "c|d"], ["3", "7,0", "e\tf"]]
    path = put(tmp_path / "d.csv", as_csv(rows, separator=separator))

    assert rows_of(open_file(path)) == [tuple(row) for row in rows[1:]]


def test_leading_zeros_and_blanks_inside_cells_are_kept_and_empty_cells_are_null(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", 'a,b,c\n007, x ,""\n,,"  "\n')

    assert rows_of(open_file(path)) == [("007", " x ", None), (None, None, "  ")]


def test_without_a_quote_character_quotes_are_text(tmp_path: Path) -> None:
    path = put(tmp_path / "d.csv", 'a,b\n1,"x\n2,y"\n')

    assert rows_of(open_file(path, quote="")) == [("1", '"x'), ("2", 'y"')]


def test_a_hundred_thousand_columns_are_read(tmp_path: Path) -> None:
    width = 100_000
    text = ",".join(f"c{i}" for i in range(width)) + "\n" + ",".join(["x"] * width) + "\n"
    file = open_file(put(tmp_path / "d.csv", text))

    assert file.scan(["c0", "c99999"]).collect().rows() == [(2, "x", "x")]


CELL = st.text('ab\n",é', max_size=4)
ROW = st.lists(CELL, min_size=3, max_size=3)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=40), end=st.sampled_from(["\n", "\r\n"]))
def test_both_readings_agree_on_every_right_file(tmp_path: Path, rows: list[list[str]], end: str) -> None:
    heading = ["left", "middle", "right"]
    path = put(tmp_path / "d.csv", as_csv([heading, *rows], end=end))
    file = open_file(path)

    assert not file.bad
    assert rows_of(file) == [tuple(cell or None for cell in row) for row in rows]
    text, line, lines = path.read_bytes().decode(), 2, []
    for row in rows:
        lines.append(line)
        line += as_csv([row], end=end).count("\n")
    assert lines_of(file) == lines, text


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text('a,"\n\r', max_size=120))
def test_the_fast_check_never_calls_a_file_clean_that_is_not(tmp_path: Path, body: str) -> None:
    path = put(tmp_path / "d.csv", "x,y\n" + body)
    quick = check_quickly(path, read_heading(path, "d.csv", ",", '"'))
    opened._opened.clear()
    careful = open_file(path, separator=",")

    if quick is not None:
        assert not careful.bad
        assert careful.split.copy is None
        assert (quick.rows, quick.breaks) == (careful.split.rows, careful.split.breaks)
    assert careful.scan(["x", "y"]).collect().height == careful.split.rows


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text('a1,"\n;é', max_size=200))
def test_no_line_of_text_is_lost_whatever_the_quotes_do(tmp_path: Path, body: str) -> None:
    """Each line that is not blank lies in a record that was read, or in one that was set aside."""
    path = put(tmp_path / "d.csv", "x,y\n" + body)
    file = open_file(path, separator=",")
    starts = sorted([*lines_of(file), *(bad.line for bad in file.bad)])

    assert len(set(starts)) == len(starts)
    filled = [i for i, line in enumerate(body.split("\n"), start=2) if line.strip()]
    assert not filled or (starts and starts[0] == filled[0])

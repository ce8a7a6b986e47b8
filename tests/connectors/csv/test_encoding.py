"""Encodings are found by strict trial decoding, declared ones are believed or refused; nothing turns into mojibake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from recyclekit.connectors.csv import opened
from recyclekit.connectors.csv.encoding import find_encoding
from recyclekit.connectors.csv.opened import open_file
from recyclekit.errors import InputError
from tests.connectors.csv.files import as_csv, faults, put, rows_of

SHARED = Path(__file__).parents[4] / "shared" / "data" / "tables"
HEADING = ["deal_id", "取引先名", "失注理由"]
ROWS = [
    ["001", "株式会社サンプル", "予算が取れず来期に見送り"],
    ["002", "Acme, Inc.", "価格は問題なかったが機能で負けた"],
]
JAPANESE = ("utf-8", "utf-8-sig", "cp932", "euc_jp", "iso2022_jp", "utf-16", "utf-16-le", "utf-16-be")

EVERYTHING_AT_ONCE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def text_in(encoding: str) -> st.SearchStrategy[str]:
    """Japanese and plain text that an encoding can hold and gives back unchanged."""

    def survives(text: str) -> bool:
        try:
            return text.encode(encoding).decode(encoding) == text
        except UnicodeError:
            return False

    letters = st.text("abcXYZ019 ,\"'\n;予算価格失注理由来期見送競合①②髙ｶﾅガハーパ、。ー（）～㈱漢字", max_size=12)
    return letters.filter(survives)


@pytest.mark.parametrize("encoding", JAPANESE)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_usual_encoding_and_line_end_reads_the_same(tmp_path: Path, encoding: str, end: str) -> None:
    path = put(tmp_path / "deals.csv", as_csv([HEADING, *ROWS], end=end), encoding)

    assert rows_of(open_file(path)) == [tuple(row) for row in ROWS]


@pytest.mark.parametrize("encoding", JAPANESE)
@EVERYTHING_AT_ONCE
@given(data=st.data())
def test_whatever_is_written_in_a_declared_encoding_is_read_back(
    tmp_path: Path, encoding: str, data: st.DataObject
) -> None:
    width = data.draw(st.integers(2, 4))
    rows = data.draw(st.lists(st.lists(text_in(encoding), min_size=width, max_size=width), max_size=6))
    rows = [["id", *row] for row in rows]
    heading = [f"c{i}" for i in range(width + 1)]
    path = put(tmp_path / "deals.csv", as_csv([heading, *rows]), encoding)

    file = open_file(path, encoding=encoding, separator=",")

    assert rows_of(file) == [tuple(cell or None for cell in row) for row in rows]
    assert not file.bad


@pytest.mark.parametrize("encoding", JAPANESE)
@EVERYTHING_AT_ONCE
@given(data=st.data())
def test_japanese_sentences_are_read_back_with_nothing_declared(
    tmp_path: Path, encoding: str, data: st.DataObject
) -> None:
    sentence = st.text(
        "予算価格失注理由来期見送競合他社決定連絡担当者のがをはにでとしたいますコンペ、。", min_size=4, max_size=20
    )
    rows = [["id", text] for text in data.draw(st.lists(sentence, min_size=3, max_size=8))]
    path = put(tmp_path / "deals.csv", as_csv([["deal_id", "理由"], *rows]), encoding)

    assert rows_of(open_file(path)) == [tuple(row) for row in rows]


@pytest.mark.parametrize("text", ["①", "髙", "ｶﾅ", "①髙ｶﾅ", "㈱髙島屋", "～Ⅱ"])
def test_what_windows_added_to_shift_jis_is_read(tmp_path: Path, text: str) -> None:
    rows = [["001", "来期に見送り", text], ["002", "予算なし", "x"]]
    path = put(tmp_path / "deals.csv", as_csv([HEADING, *rows]), "cp932")

    assert find_encoding(path, None).name == "cp932"
    assert rows_of(open_file(path)) == [tuple(row) for row in rows]
    assert rows_of(open_file(path, encoding="cp932")) == [tuple(row) for row in rows]


def test_half_width_kana_alone_are_told_from_euc(tmp_path: Path) -> None:
    names = ["ｶﾌﾞｼｷｶﾞｲｼﾔ ﾀﾅｶ", "ｽｽﾞｷｼﾖｳｼﾞ", "ﾔﾏﾀﾞｹﾝｾﾂ"]
    path = put(tmp_path / "deals.csv", as_csv([["deal_id", "name"], *[["1", name] for name in names]]), "cp932")

    assert [row[1] for row in rows_of(open_file(path))] == names


@pytest.mark.parametrize("heading", [HEADING, ["deal_id", "account", "reason"]])
@pytest.mark.parametrize("encoding", JAPANESE)
def test_the_fast_check_takes_no_other_encoding_for_utf8(
    tmp_path: Path, encoding: str, heading: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "QUICK_FROM", 0)
    path = put(tmp_path / "deals.csv", as_csv([heading, *ROWS * 50]), encoding)

    assert rows_of(open_file(path)) == [tuple(row) for row in ROWS * 50]


def test_a_wrongly_declared_encoding_is_refused_with_line_and_byte(tmp_path: Path) -> None:
    path = put(tmp_path / "deals.csv", as_csv([["a", "b"], ["1", "x"], ["2", "予算"]]), "cp932")

    with pytest.raises(InputError, match=r"not in utf-8.*line 3, at byte 0x97.*was declared"):
        open_file(path, encoding="utf-8")


def test_a_byte_order_mark_that_contradicts_the_declared_encoding_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "deals.csv", as_csv([["a", "b"], ["1", "予算"]]), "utf-8-sig")

    with pytest.raises(InputError, match="byte order mark of utf-8"):
        open_file(path, encoding="cp932")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_single_lines_in_another_encoding_are_set_aside(tmp_path: Path, encoding: str) -> None:
    good = [as_csv([row], end="\n").encode(encoding if encoding != "utf-8-sig" else "utf-8") for row in ROWS * 10]
    bad = b"003,\x81,\xff\xfe\n"
    heading = as_csv([HEADING], end="\n").encode(encoding)
    path = put(tmp_path / "deals.csv", b"".join([heading, *good[:4], bad, *good[4:]]))

    assert rows_of(open_file(path)) == [tuple(row) for row in ROWS * 10]
    assert faults(path) == [(6, "bad_encoding", None)]


def test_a_file_in_no_known_encoding_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "deals.csv", b"a,b\n" + b"\xff\x80\xff,\xa0\xfd\xff\n" * 20)

    with pytest.raises(InputError, match="in no encoding that is known"):
        open_file(path)


def test_stray_nul_bytes_do_not_make_a_file_utf16(tmp_path: Path) -> None:
    path = put(tmp_path / "deals.csv", b"a,b\n1,x\0y\0\n2,z\0\n3,w\n")

    assert find_encoding(path, None).name == "utf-8"
    assert faults(path) == [(2, "nul", "b"), (3, "nul", "b")]
    assert rows_of(open_file(path)) == [("3", "w")]


@EVERYTHING_AT_ONCE
@given(content=st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b"\x1b$B")
@example(b"*")
@example(b'""')
@example(b'"a"\n"1"\n')
def test_any_bytes_are_read_or_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path / "deals.csv", content)
    try:
        file = open_file(path)
    except InputError:
        return
    if not file.heading.duplicates and not file.heading.reserved:
        rows_of(file)


def test_all_reasons_of_the_japanese_export_are_read() -> None:
    path = SHARED / "jp_export" / "deals_utf8_bom.csv"
    if not path.exists():
        pytest.skip("the shared sample tables are not here")
    file = open_file(path)
    reasons = file.scan(["失注理由"]).drop_nulls().collect()["失注理由"].to_list()

    assert len(reasons) == 80
    assert all(re.search(r"[ぁ-んァ-ヶ一-龠]", reason) and "\ufffd" not in reason for reason in reasons)


@pytest.mark.parametrize("encoding", JAPANESE)
def test_the_japanese_export_reads_the_same_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    original = SHARED / "jp_export" / "deals_utf8_bom.csv"
    if not original.exists():
        pytest.skip("the shared sample tables are not here")
    copy = put(tmp_path / "deals.csv", original.read_bytes().decode("utf-8-sig"), encoding)

    assert rows_of(open_file(copy)) == rows_of(open_file(original))

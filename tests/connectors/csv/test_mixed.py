"""Check and careful reading in turns find what the careful reading finds alone, wherever they change over."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recyclekit.connectors.csv import careful, mixed, structure
from recyclekit.connectors.csv.careful import Split, split_carefully
from recyclekit.connectors.csv.heading import read_heading
from recyclekit.connectors.csv.mixed import split_by_turns

HEADING = "id,note,stage\n"
GOOD = [
    "D1,plain,lost", 'D2,"a, b",won', 'D3,"two\nlines",open', "D4,失注 理由,lost", "D5,,", 'D6,"""q""",x\r',
]  # fmt: skip
ODD = [
    "short", "one,two,three,four", "", "  ", "id,note,stage", "D7,nul\0,lost", 'D8,"never closed,lost',
    'D9,a "loose" q,x', 'D10,"text" behind,x', "\x1b(B,a,b", 'D11,"three\n\nlines', "x" * 120, f"D12,{'y' * 90},z",
    "\ufeffid,note,stage",
]  # fmt: skip
LINES = st.lists(st.one_of(st.sampled_from(GOOD), st.sampled_from(GOOD), st.sampled_from(GOOD), st.sampled_from(ODD)))


def found(folder: Path, split: Split) -> object:
    kept = split.copy.read_bytes() if split.copy else None
    return split.rows, split.breaks, split.bad, kept


def both(text: str) -> tuple[object, object, Split]:
    with TemporaryDirectory() as place:
        folder = Path(place)
        path = folder / "deals.csv"
        path.write_bytes(text.encode())
        heading = read_heading(path, path.name, ",", '"')
        alone = split_carefully(path, heading, lambda: folder / "alone.csv")
        turns = split_by_turns(path, heading, lambda: folder / "turns.csv")
        return found(folder, alone), found(folder, turns), turns


@pytest.fixture
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed, "BLOCK", 256)
    monkeypatch.setattr(mixed, "CLOSE", 64)
    for room in (careful, structure):
        monkeypatch.setattr(room, "LARGEST_CELL", 100)


@pytest.mark.usefixtures("short_stretches")
@settings(max_examples=600, deadline=None)
@given(lines=LINES, ends=st.booleans())
def test_turns_find_what_the_careful_reading_finds(lines: list[str], ends: bool) -> None:
    alone, turns, _ = both(HEADING + "\n".join(lines) + ("\n" if ends else ""))
    assert turns == alone


@pytest.mark.parametrize("odd", [*ODD, None])
@pytest.mark.parametrize("at", [0, 20_000, 39_999])
def test_one_odd_row_among_many_is_found_where_it_is(odd: str | None, at: int) -> None:
    lines = [f'D{n},"a\n{n}",lost' if n % 7 == 0 else f"D{n},plain {n},lost" for n in range(40_000)]
    if odd is not None:
        lines.insert(at, odd)
    alone, turns, split = both(HEADING + "\n".join(lines) + "\n")
    assert turns == alone
    assert split.rows >= 39_990

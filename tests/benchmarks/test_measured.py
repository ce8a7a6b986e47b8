"""What a case is said to have cost is its own, whoever measures it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.measured import cost


def test_the_memory_of_a_large_parent_is_not_its_childs(tmp_path: Path) -> None:
    (tmp_path / "said.json").write_text('{"records": 3}', encoding="utf-8")
    ballast = b"\1" * 300_000_000
    took = cost("json.tool", str(tmp_path / "said.json"))
    assert len(ballast) == 300_000_000
    assert took.answer == {"records": 3}
    assert 3 < took.peak < 100
    assert took.cpu > 0
    assert took.wall > 0


def test_the_memory_of_a_large_case_is_seen() -> None:
    took = cost("timeit", "-n1", "-r1", "-s", "held = b'1' * 200_000_000; import sys; sys.stdout = sys.stderr", "0")
    assert took.peak > 200


def test_a_case_that_fails_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"json\.tool nowhere ended with"):
        cost("json.tool", "nowhere")

"""How texts are made comparable and cut."""

from __future__ import annotations

import polars as pl
import pytest

from recyclekit.policy.reasons.clauses import CONCEDED, cut


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("price was fine, but it is slow", [("price was fine", CONCEDED), ("it is slow", 1.0)]),
        ("it is slow although price was fine", [("it is slow", 1.0), ("price was fine", CONCEDED)]),
        ("価格はよかったが機能がない", [("価格はよかったが", CONCEDED), ("機能がない", 1.0)]),
        ("予算がない", [("予算がない", 1.0)]),
        ("好評だったものの、中止。連絡なし", [("好評だったものの", CONCEDED), ("中止", 1.0), ("連絡なし", 1.0)]),
        ("ﾃｽﾄ ＡＢ", [("テスト ab", 1.0)]),
        ("they don't need 1,000 seats", [("they do not need 0 seats", 1.0)]),
    ],
)
def test_clauses_before_a_contrast_count_less(text: str, clauses: list[tuple[str, float]]) -> None:
    found = cut(pl.Series([text])).filter(pl.col("clause") != "")
    assert [(c, pytest.approx(w)) for c, w in zip(found["clause"], found["weight"], strict=True)] == clauses


def test_every_text_keeps_its_number_and_at_least_one_clause() -> None:
    found = cut(pl.Series(["a. b", "", "、、", "c"]))
    assert found["text"].unique(maintain_order=True).to_list() == [0, 1, 2, 3]

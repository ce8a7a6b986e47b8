"""Hashed spellings: the same clause has the same features wherever it stands, and no n-gram crosses a border."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.policy.reasons.ngrams import NOTHING, hash_clauses

CLAUSE = st.text(alphabet="ab 高い価'-", max_size=12)


@given(st.lists(CLAUSE, min_size=1, max_size=5))
def test_a_clause_has_the_same_features_alone_and_among_others(clauses: list[str]) -> None:
    for row, clause in enumerate(clauses):
        assert _of(clauses, row) == _of([clause], 0)


def test_the_order_of_letters_counts_in_a_word() -> None:
    assert _of(["on"], 0) != _of(["no"], 0)


def _of(clauses: list[str], row: int) -> list[int]:
    buckets = np.concatenate([part.bucket[part.row == row].ravel() for part in hash_clauses(clauses)])
    return sorted(int(b) for b in buckets if b != NOTHING)

"""Clauses to features: hashed spellings, then the lexicon's concepts, then pairs of concepts met in one clause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from recyclekit.policy.reasons import lexicon, ngrams
from recyclekit.policy.reasons.ngrams import Spelling

_NEAR: Final = 5  # a concept is paired with this many that follow it in order of their numbers


FEW: Final = (4.0, 2.0)  # added to the number of spellings and of meanings, so that one word alone persuades less


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of `rows` clauses. Each of the two kinds is scaled to length one; `words`: the lexicon's."""

    rows: int
    spelling: tuple[Spelling, ...]
    meaning: tuple[Spelling, ...]
    words: pl.DataFrame


def width() -> int:
    """Number of columns over both kinds."""
    count = lexicon.count()
    return ngrams.BUCKETS + count + count * count


def extract(clauses: pl.Series) -> Features:
    """Features of each clause, numbered as in `clauses`."""
    words = lexicon.find(clauses)
    return Features(len(clauses), ngrams.hash_clauses(clauses.to_list()), (_meaning(words),), words)


def _meaning(words: pl.DataFrame) -> Spelling:
    """Concepts of each clause, each once, and which of them stand together."""
    distinct = words.select("row", "concept_id").unique().sort("row", "concept_id")
    row, concept, count = distinct["row"].to_numpy(), distinct["concept_id"].to_numpy(), lexicon.count()
    columns = np.full((len(row), _NEAR + 1), ngrams.NOTHING, dtype=np.int32)
    columns[:, 0] = ngrams.BUCKETS + concept
    for step in range(1, min(_NEAR, len(row) - 1) + 1):
        together = row[step:] == row[:-step]
        pair = ngrams.BUCKETS + count + concept[:-step] * count + concept[step:]
        columns[:-step, step] = np.where(together, pair, ngrams.NOTHING)
    return Spelling(row, columns)

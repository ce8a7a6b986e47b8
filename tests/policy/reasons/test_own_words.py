"""The corpus is written in our own words: of the labelled phrases it is measured with, it holds none but bare words."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from recyclekit.policy.reasons import corpus

SHARED = Path(__file__).parents[4] / "shared/data/phrases"
WORDS, CHARACTERS = 3, 6  # "lost to competitor", 予算がない: so short that everybody writes them


def test_no_labelled_phrase_is_in_the_corpus_but_those_that_everybody_writes() -> None:
    files = [path for path in SHARED.glob("phrases*.csv") if "origin" not in path.name]
    if not files:
        pytest.skip(f"there are no labelled phrases in {SHARED.name}/ beside the repository")
    labelled = pl.concat([pl.read_csv(path).select("text") for path in files]).select(corpus.key(pl.col("text")))
    known = corpus.phrases().select(text=corpus.key(pl.col("phrase"))).join(labelled, on="text", how="semi")
    assert [text for text in known["text"] if not _everybody_writes(text)] == []


def _everybody_writes(text: str) -> bool:
    return len(text.split()) <= WORDS if text.isascii() else len(text) <= CHARACTERS

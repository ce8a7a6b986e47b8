"""Find the words of the lexicon in clauses: synonyms of both languages under one concept each."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Final

import polars as pl

NAME: Final = "lexicon.txt"
_BORDERS: Final = r"[\s/()&,:;\"\[\]+]+"  # between words; a hyphen or an apostrophe is part of one


@functools.cache
def entries() -> pl.DataFrame:
    """One row per literal: `literal` as matched, `concept` and its number `concept_id`."""
    text = resources.files(__package__).joinpath(NAME).read_text(encoding="utf-8")
    lines = [line.split(": ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    rows = [(word, name, i) for i, (name, words) in enumerate(lines) for word in words.split("|")]
    table = pl.DataFrame(rows, schema=["literal", "concept", "concept_id"], orient="row")
    return table.with_columns(_apart(pl.col("literal").str.replace_all("_", " ")))


def _apart(text: pl.Expr) -> pl.Expr:
    """A space where Japanese meets Latin script or a number, so that `ng` is found in 法務NG and not in 'meeting'."""
    after = text.str.replace_all(r"([a-z0-9])([ぁ-ヿ一-龠])", "${1} ${2}")
    return after.str.replace_all(r"([ぁ-ヿ一-龠])([a-z0-9])", "${1} ${2}")


def count() -> int:
    """Number of concepts."""
    return int(entries()["concept_id"].n_unique())


def find(clauses: pl.Series) -> pl.DataFrame:
    """Columns `row` (number of the clause), `literal`, `concept_id`; one row per word found, in order of the clause."""
    padded = pl.concat_str(pl.lit(" "), _apart(pl.col("clause").str.replace_all(_BORDERS, " ")), pl.lit(" "))
    literals = entries()["literal"].unique(maintain_order=True)
    return (
        pl.LazyFrame({"clause": clauses})
        .select(
            row=pl.int_range(pl.len()).cast(pl.Int64),
            literal=padded.str.extract_many(literals.to_list(), overlapping=True),
        )
        .filter(pl.col("literal").list.len() > 0)
        .explode("literal")
        .join(entries().lazy().select("literal", "concept_id"), on="literal", how="left", maintain_order="left")
        .collect()
    )

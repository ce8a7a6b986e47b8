"""The phrases the classifier learns from: a file per reason, one of ambiguous phrases, one of what is no reason."""

from __future__ import annotations

import csv
import functools
import hashlib
from importlib import resources
from typing import Final

import polars as pl

from recyclekit.policy.reasons.clauses import normalise
from recyclekit.policy.reasons.lexicon import NAME as LEXICON
from recyclekit.policy.reasons.taxonomy import TAXONOMY

NONE: Final = "none"  # the class of 'price was fine' and 'sent the quote': clauses that give no reason
CLASSES: Final = (*TAXONOMY, NONE)
_SEVERAL: Final = "several.csv"


@functools.cache
def phrases() -> pl.DataFrame:
    """Columns `phrase` and `labels` (one class, or the readings an ambiguous phrase may have)."""
    folder = resources.files(__package__).joinpath("corpus")
    rows: list[tuple[str, list[str]]] = []
    for code in CLASSES:
        lines = folder.joinpath(f"{code}.txt").read_text(encoding="utf-8").splitlines()
        rows += [(line, [code]) for line in lines if line.strip()]
    with folder.joinpath(_SEVERAL).open(encoding="utf-8") as file:
        rows += [(text, labels.split("|")) for labels, text in list(csv.reader(file))[1:]]
    return pl.DataFrame(rows, schema={"phrase": pl.String, "labels": pl.List(pl.String)}, orient="row")


@functools.cache
def settled() -> pl.DataFrame:
    """Phrases that need no model: `key` (normalised) and `labels`; a phrase listed under two reasons has both."""
    known = phrases().filter(pl.col("labels") != [NONE]).select(key=key(pl.col("phrase")), labels="labels")
    return known.group_by("key", maintain_order=True).agg(pl.col("labels").explode().unique(maintain_order=True))


def key(text: pl.Expr) -> pl.Expr:
    """What two spellings of one picklist value have in common."""
    return normalise(text).str.replace_all(r"[\s\-/・:。.、,!]+", " ").str.strip_chars()


def digest() -> str:
    """Fingerprint of everything the weights were learned from."""
    root = resources.files(__package__)
    names = [*(f"corpus/{code}.txt" for code in CLASSES), f"corpus/{_SEVERAL}", LEXICON]
    sums = [hashlib.sha256(root.joinpath(name).read_bytes()).hexdigest() for name in names]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()

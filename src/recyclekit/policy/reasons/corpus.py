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
SETTLED: Final = "settled.arrow"
_SEVERAL: Final = "several.csv"
_AROUND: Final = "around.csv"  # what is put before, after and between phrases
_FRAMES: Final = "frames.csv"  # phrases with a place for a name


@functools.cache
def phrases() -> pl.DataFrame:
    """Columns `phrase` and `labels` (one class, or the readings an ambiguous phrase may have)."""
    folder = resources.files(__package__).joinpath("corpus")
    texts: list[str] = []
    labels: list[str] = []
    for code in CLASSES:
        lines = folder.joinpath(f"{code}.txt").read_text(encoding="utf-8").splitlines()
        texts += filter(str.strip, lines)
        labels += [code] * (len(texts) - len(labels))
    for text, several in _labelled(_SEVERAL):
        texts.append(text)
        labels.append("|".join(several))
    return pl.DataFrame({"phrase": texts, "labels": labels}).with_columns(pl.col("labels").str.split("|"))


def frames() -> list[tuple[str, list[str]]]:
    """Phrases that say the same of any name put in place of `{name}`, and their labels."""
    return _labelled(_FRAMES)


def around() -> list[tuple[str, list[str]]]:
    """Text, and the place it is put in; see `stories`."""
    return _labelled(_AROUND)


def _labelled(name: str) -> list[tuple[str, list[str]]]:
    with resources.files(__package__).joinpath("corpus").joinpath(name).open(encoding="utf-8") as file:
        return [(text, labels.split("|")) for labels, text in list(csv.reader(file))[1:]]


@functools.cache
def settled() -> pl.DataFrame:
    """Phrases that need no model, as `train` wrote them down: making twenty thousand keys takes longer."""
    with resources.files(__package__).joinpath(SETTLED).open("rb") as file:
        return pl.read_ipc(file)


def keyed() -> pl.DataFrame:
    """Make `key` (normalised) and `labels` of each phrase that gives a reason; one listed under two has both."""
    known = phrases().filter(pl.col("labels") != [NONE]).select(key=key(pl.col("phrase")), labels="labels")
    return known.group_by("key", maintain_order=True).agg(pl.col("labels").explode().unique(maintain_order=True))


def key(text: pl.Expr) -> pl.Expr:
    """What two spellings of one picklist value have in common."""
    return normalise(text).str.replace_all(r"[\s\-/・:。.、,!]+", " ").str.strip_chars()


def digest() -> str:
    """Fingerprint of every file that the weights were learned from."""
    root = resources.files(__package__)
    files = (*(f"{code}.txt" for code in CLASSES), _SEVERAL, _FRAMES, _AROUND)
    names = [*(f"corpus/{name}" for name in files), LEXICON]
    sums = [hashlib.sha256(root.joinpath(name).read_bytes()).hexdigest() for name in names]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()

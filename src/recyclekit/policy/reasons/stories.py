"""Made-up texts to learn from: phrases of the corpus with a contrast, a wrapping or a name around them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import polars as pl

from recyclekit.policy.reasons import corpus

SEED: Final = 20260401
CONTRASTS: Final = 2_000
WRAPPED: Final = 6_000
NARRATED: Final = 4_000
DENIED: Final = 1_200
NAMES: Final = 12  # times that each frame is filled in

_JAPANESE: Final = pl.col("phrase").str.contains(r"[ぁ-んァ-ヶ一-龠]")
_FIRM: Final = ("社", "商事", "システム", "システムズ", "サービス", "", "", "ワークス", "クラウド")


def stories(examples: pl.DataFrame) -> pl.DataFrame:
    """Rows like `examples` (phrase, labels). The same examples always give the same stories."""
    rng = np.random.default_rng(SEED)
    rows = [*_contrasted(examples, rng), *_wrapped(examples, rng), *_narrated(examples, rng), *_named(rng)]
    rows += ((text, [corpus.NONE]) for latin in (False, True) for text in _denied(rng, latin=latin))
    return pl.DataFrame(rows, schema=examples.schema, orient="row")


def _contrasted(examples: pl.DataFrame, rng: np.random.Generator) -> Iterator[tuple[str, list[str]]]:
    """Something that gives no reason, a contrast, and a phrase that does."""
    for mask, latin in ((_JAPANESE, False), (~_JAPANESE, True)):
        contrasts = _around("contrast", latin=latin)
        idle = examples.filter(mask & (pl.col("labels").list.first() == corpus.NONE))["phrase"].to_list()
        real = examples.filter(mask & (pl.col("labels").list.first() != corpus.NONE)).rows()
        for _ in range(CONTRASTS // 2):
            phrase, labels = real[rng.integers(len(real))]
            contrast, set_aside = contrasts[rng.integers(len(contrasts))], _one(idle, rng)
            parts = (phrase, set_aside) if contrast == " although " else (set_aside, phrase)
            yield contrast.join(parts), labels


def _wrapped(examples: pl.DataFrame, rng: np.random.Generator) -> Iterator[tuple[str, list[str]]]:
    """A phrase with what people write before and after one: the label must not hang on either."""
    for mask, latin in ((_JAPANESE, False), (~_JAPANESE, True)):
        heads, tails = _around("before", latin=latin), _around("after", latin=latin)
        real = examples.filter(mask & (pl.col("labels").list.first() != corpus.NONE)).rows()
        for _ in range(WRAPPED // 2):
            phrase, labels = real[rng.integers(len(real))]
            kind = rng.integers(3)
            yield (_one(heads, rng) if kind != 1 else "") + phrase + (_one(tails, rng) if kind != 0 else ""), labels


def _narrated(examples: pl.DataFrame, rng: np.random.Generator) -> Iterator[tuple[str, list[str]]]:
    """A phrase at the end of what happened before it, or in front: months and meetings of the past give no reason."""
    kinds = ((_JAPANESE, "。", ("、", "、その後")), (~_JAPANESE, ". ", (" after ", " although ", ", ")))
    for mask, stop, links in kinds:
        idle = examples.filter(mask & (pl.col("labels").list.first() == corpus.NONE))["phrase"].to_list()
        idle += _denied(rng, latin=stop != "。")
        turns, ends = _around("turn", latin=stop != "。"), _around("closing", latin=stop != "。")
        real = examples.filter(mask & (pl.col("labels").list.first() != corpus.NONE)).rows()
        for _ in range(NARRATED // 2):
            phrase, labels = real[rng.integers(len(real))]
            told = [_one(idle, rng) for _ in range(rng.integers(1, 6))]
            whole = phrase if stop == "。" or rng.random() < 0.7 else phrase + _one(links, rng) + told.pop()
            joined = stop if rng.random() < 0.7 else _one(links, rng) if stop == "。" else stop
            if rng.random() < 0.4:
                joined, whole = stop, _one(turns, rng) + whole
            after = [_one(ends, rng)] if rng.random() < 0.3 else []
            yield joined.join([*told, whole, *after]), labels


def _denied(rng: np.random.Generator, *, latin: bool) -> list[str]:
    """Clauses that name a topic only to say that it was no obstacle."""
    topics, denials = _around("topic", latin=latin), _around("denial", latin=latin)
    return [_one(topics, rng) + _one(denials, rng) for _ in range(DENIED // 2)]


def _named(rng: np.random.Generator) -> Iterator[tuple[str, list[str]]]:
    """Frames filled in with names that nobody bears, so that a name nobody has seen decides nothing."""
    for frame, labels in corpus.frames():
        for _ in range(NAMES):
            yield frame.replace("{name}", _name(rng, japanese=not frame.isascii())), labels


def _name(rng: np.random.Generator, *, japanese: bool) -> str:
    latin = "".join(_one(_around("syllable", latin=True), rng) for _ in range(rng.integers(1, 4)))
    latin = latin.upper() if rng.random() < 0.25 else latin.capitalize()
    if not japanese or rng.random() < 0.4:
        return latin
    kana = "".join(_one(_around("syllable", latin=False), rng) for _ in range(rng.integers(1, 3)))
    return (kana if rng.random() < 0.6 else _one(_around("firm", latin=False), rng)) + _one(_FIRM, rng)


def _one(among: Sequence[str], rng: np.random.Generator) -> str:
    return among[int(rng.integers(len(among)))]


@functools.cache
def _around(place: str, *, latin: bool) -> list[str]:
    """What stands around a phrase, in Latin script or not; `place`: contrast, before, turn, closing and so on."""
    return [text for text, places in corpus.around() if places == [place] and text.isascii() == latin]

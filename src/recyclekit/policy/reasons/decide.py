"""From probabilities to an answer: one reason, or none where a person must read, and the words it rests on."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from recyclekit.policy.reasons import corpus, ngrams
from recyclekit.policy.reasons.features import Features
from recyclekit.policy.reasons.model import Floats, Model, Told
from recyclekit.policy.reasons.ngrams import Ints
from recyclekit.policy.reasons.taxonomy import TAXONOMY

CODES: Final = tuple(TAXONOMY)
_PRICE: Final = CODES.index("price")
_OTHER: Final = CODES.index("other")

SURE: Final = 0.50  # what a reason needs to be claimed
AHEAD: Final = 0.15  # by how much it must lead the next
SURE_OTHER: Final = 0.65  # whoever says nothing usable says it in words that are known; the rest was not understood
SURE_PRICE: Final = 0.55  # a deal taken for a price loss is never contacted again
MAYBE_PRICE: Final = 0.20  # and one not taken for it is, so a person reads both kinds of doubt
_CANDIDATE: Final = 0.12
_CANDIDATES: Final = 4
_WORDS: Final = 3
_EXCERPT: Final = 60
_WHOLE: Final = 0.6  # share of the text read as one; the rest is its clauses read one by one


def blend(alone: Floats, whole: Floats, told: Told) -> tuple[Floats, Floats]:
    """Per text: probabilities of the fifteen codes, and how much of it gives a reason at all (0..1)."""
    said = told.said(alone[:, : len(CODES)])
    best = told.most(1 - alone[:, -1])
    share = said / said.sum(axis=1, keepdims=True)
    joined = whole[:, : len(CODES)] / whole[:, : len(CODES)].sum(axis=1, keepdims=True)
    return _WHOLE * joined + (1 - _WHOLE) * share, np.maximum(best, 1 - whole[:, -1])


def choose(chance: Floats, telling: Floats, *, why: bool = True) -> pl.DataFrame:
    """Columns `reason`, `confidence`, `candidates` (null unless `why` is wanted); one row per text, in order."""
    best, (second, first) = np.argmax(chance, axis=1), np.partition(chance, (-2, -1), axis=1)[:, -2:].T
    confidence = first * telling
    sure = (confidence >= SURE) & (first - second >= AHEAD)
    sure &= (best != _OTHER) | (confidence >= SURE_OTHER)
    sure &= np.where(best == _PRICE, confidence >= SURE_PRICE, chance[:, _PRICE] < MAYBE_PRICE)
    reason = pl.Series(CODES).gather(best)
    return pl.select(
        reason=pl.when(pl.Series(sure)).then(reason),
        confidence=pl.Series(confidence.astype(np.float32)),
        candidates=_candidates(chance) if why else pl.lit(None, pl.List(pl.String)),
    )


def _candidates(chance: Floats) -> pl.Series:
    """Return the plausible codes of each text, best first; the best one is among them however little it is."""
    order = np.argsort(-chance, axis=1, kind="stable")[:, :_CANDIDATES]
    top = np.take_along_axis(chance, order, axis=1)
    names = pl.DataFrame(
        {f"c{n}": _named(order[:, n], (top[:, n] >= _CANDIDATE) | (n == 0)) for n in range(_CANDIDATES)}
    )
    return names.select(pl.concat_list(names.columns).list.drop_nulls()).to_series()


def _named(index: Ints, keep: npt.NDArray[np.bool_]) -> pl.Series:
    codes = pl.Series(CODES)
    return codes.gather(index).set(pl.Series(~keep), None)


def explain(model: Model, features: Features, clauses: pl.Series, told: Told, said: tuple[Floats, Ints]) -> pl.Series:
    """Per text, the words of the lexicon that spoke for its code; where there are none, the clause that did.

    `said`: probabilities of the distinct `clauses`, and the code of each text.
    """
    text, which, weight = told.clauses()
    best = said[1][text]
    columns = {"text": text, "which": which, "weight": weight, "best": best}
    heard = pl.DataFrame({**columns, "said": said[0][which, best] * weight})
    found = heard.join(features.words.rename({"row": "which"}), on="which", how="inner", maintain_order="left_right")
    gain = model.weight[ngrams.BUCKETS + found["concept_id"].to_numpy(), found["best"].to_numpy()]
    words = (
        found.lazy()
        .select("text", word=pl.col("literal").str.strip_chars(), gain=pl.Series(gain) * pl.col("weight"))
        .filter(pl.col("gain") > 0)
        .sort("text", "gain", "word", descending=[False, True, False])
        .unique(["text", "word"], keep="first", maintain_order=True)
        .group_by("text", maintain_order=True)
        .agg(pl.col("word").head(_WORDS).str.join(" + "))
    )
    excerpts = (
        heard.lazy()
        .sort("text", "said", descending=[False, True])
        .unique("text", keep="first", maintain_order=True)
        .select("text", excerpt=pl.lit(clauses.str.slice(0, _EXCERPT)).gather(pl.col("which")))
    )
    joined = excerpts.join(words, on="text", how="left", maintain_order="left")
    return joined.select(pl.coalesce("word", "excerpt")).collect().to_series()


def settle(plain: pl.DataFrame) -> pl.DataFrame:
    """Answers for texts (column `text`) whose whole wording is in the corpus; the others get no row."""
    known = plain.lazy().with_columns(key=corpus.key(pl.col("text"))).join(corpus.settled().lazy(), on="key")
    one = pl.col("labels").list.len() == 1
    return known.select(
        "text",
        reason=pl.when(one).then(pl.col("labels").list.first()),
        confidence=(1 / pl.col("labels").list.len()).cast(pl.Float32),
        candidates="labels",
        evidence="key",
    ).collect()

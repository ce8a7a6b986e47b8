"""Learn the packaged weights from the corpus: `python -m recyclekit.policy.reasons.train` (needs scikit-learn)."""

from __future__ import annotations

from importlib import import_module, resources
from typing import Any, Final

import numpy as np
import polars as pl

from recyclekit.policy.reasons import corpus, features, model
from recyclekit.policy.reasons.clauses import cut
from recyclekit.policy.reasons.ngrams import NOTHING, Spelling

SEED: Final = 20260401
_STRENGTH: Final = 20.0  # inverse of the regularisation
_STORIES: Final = 1_600
_CONTRASTS_JA: Final = ("が、", "ものの、", "のに、", "けれども、", "が")
_CONTRASTS_EN: Final = (", but ", ", however ", ", yet ", " but ", ". However, ", " although ")


def fit(examples: pl.DataFrame) -> model.Model:
    """A multinomial logistic regression; an ambiguous phrase counts as an equal part of each of its readings."""
    told = pl.concat([examples, stories(examples)])
    linear: Any = import_module("sklearn.linear_model")
    matrix = matrix_of(told["phrase"])
    shares = told.with_row_index().with_columns(share=1 / pl.col("labels").list.len()).explode("labels")
    rows, share = shares["index"].to_numpy(), shares["share"].to_numpy()
    y = np.array([corpus.CLASSES.index(c) for c in shares["labels"]])
    learned = linear.LogisticRegression(C=_STRENGTH, max_iter=400).fit(matrix[rows], y, sample_weight=share)
    weight = np.vstack([learned.coef_.T, np.zeros((1, len(corpus.CLASSES)))]).astype(np.float32)
    return model.Model(weight, learned.intercept_.astype(np.float32), corpus.digest())


def stories(examples: pl.DataFrame) -> pl.DataFrame:
    """Made-up narratives: something that gives no reason, a contrast, and a phrase that does."""
    rng = np.random.default_rng(SEED)
    ja = pl.col("phrase").str.contains(r"[ぁ-んァ-ヶ一-龠]")
    rows = []
    for mask, contrasts in ((ja, _CONTRASTS_JA), (~ja, _CONTRASTS_EN)):
        idle = examples.filter(mask & (pl.col("labels").list.first() == corpus.NONE))["phrase"].to_list()
        real = examples.filter(mask & (pl.col("labels").list.first() != corpus.NONE)).rows()
        for _ in range(_STORIES // 2):
            phrase, labels = real[rng.integers(len(real))]
            contrast, set_aside = contrasts[rng.integers(len(contrasts))], idle[rng.integers(len(idle))]
            parts = (phrase, set_aside) if contrast == " although " else (set_aside, phrase)
            rows.append((contrast.join(parts), labels))
    return pl.DataFrame(rows, schema=examples.schema, orient="row")


def matrix_of(texts: pl.Series) -> Any:
    """Sparse features (texts x columns), each kind scaled as `model.score` scales it."""
    clauses = cut(texts)
    found = features.extract(clauses["clause"])
    text, weight = clauses["text"].to_numpy(), clauses["weight"].to_numpy()
    kinds = zip((found.spelling, found.meaning), features.FEW, strict=True)
    return sum(_scaled(kind, few, text, weight, len(texts)) for kind, few in kinds)


def _scaled(kind: tuple[Spelling, ...], few: float, text: Any, weight: Any, texts: int) -> Any:
    sparse: Any = import_module("scipy.sparse")
    row = np.concatenate([np.repeat(text[part.row], part.bucket.shape[1]) for part in kind])
    value = np.concatenate([np.repeat(weight[part.row], part.bucket.shape[1]) for part in kind])
    column = np.concatenate([part.bucket.ravel() for part in kind])
    row, value, column = (of[column != NOTHING] for of in (row, value, column))
    length = np.sqrt(np.bincount(row, value**2, minlength=texts) + few)
    return sparse.csr_matrix((value / length[row], (row, column)), shape=(texts, features.width()))


if __name__ == "__main__":
    model.save(str(resources.files(__package__).joinpath(model.NAME)), fit(corpus.phrases()))

"""Learn the packaged weights from the corpus: `python -m recyclekit.policy.reasons.train` (needs scikit-learn).

What needs no learning, the phrases that are looked up as a whole, is written down on the way.
"""

from __future__ import annotations

import hashlib
from importlib import import_module, resources
from typing import Any, Final

import numpy as np
import polars as pl

from recyclekit.policy.reasons import corpus, features, model
from recyclekit.policy.reasons.clauses import cut
from recyclekit.policy.reasons.ngrams import NOTHING, Spelling
from recyclekit.policy.reasons.read import pieces
from recyclekit.policy.reasons.stories import stories

_SAMPLE: Final = 20  # one phrase in so many tells whether the features are still the same
_STRENGTH: Final = 20.0  # inverse of the regularisation


def fit(examples: pl.DataFrame) -> model.Model:
    """A multinomial logistic regression; an ambiguous phrase counts as an equal part of each of its readings.

    A class with fewer phrases counts for more: how many were written says nothing of how often they are met.
    """
    told = pl.concat([examples, stories(examples)])
    linear: Any = import_module("sklearn.linear_model")
    matrix = matrix_of(told["phrase"])
    shares = told.with_row_index().with_columns(share=1 / pl.col("labels").list.len()).explode("labels")
    rows, share = shares["index"].to_numpy(), shares["share"].to_numpy()
    y = np.array([corpus.CLASSES.index(c) for c in shares["labels"]])
    size = np.bincount(y, weights=share)
    share = share * np.sqrt(size.mean() / size[y])
    learned = linear.LogisticRegression(C=_STRENGTH, max_iter=600, tol=3e-4).fit(matrix[rows], y, sample_weight=share)
    weight = np.vstack([learned.coef_.T, np.zeros((1, len(corpus.CLASSES)))]).astype(np.float32)
    return model.Model(weight, learned.intercept_.astype(np.float32), digest())


def digest() -> str:
    """Fingerprint of the files learned from and of what the code makes of them: a changed feature changes it."""
    sample = corpus.phrases()["phrase"].gather_every(_SAMPLE)
    clauses = cut(sample)
    found = features.extract(clauses["clause"])
    parts = [clauses["text"].to_numpy(), clauses["weight"].to_numpy()]
    parts += [value for part in (*found.spelling, *found.meaning) for value in (part.row, part.bucket)]
    made = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))
    return f"{corpus.digest()}-{made.hexdigest()}"


def matrix_of(texts: pl.Series) -> Any:
    """Sparse features (texts x columns), each kind scaled as `model.score` scales it."""
    told, clauses = pieces(texts)
    text, which, weight = told.clauses()
    found = features.extract(clauses.gather(which))
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
    folder = resources.files(__package__)
    corpus.keyed().write_ipc(str(folder.joinpath(corpus.SETTLED)), compression="zstd")
    model.save(str(folder.joinpath(model.NAME)), fit(corpus.phrases()))

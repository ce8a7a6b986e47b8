"""The linear model: packaged weights, and the probability of every class for each clause and each text."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from recyclekit.policy.reasons.features import FEW, Features
from recyclekit.policy.reasons.ngrams import NOTHING, Ints, Spelling

NAME: Final = "weights.npz"
_AT_ONCE: Final = 1 << 14  # places summed together, so that what is gathered stays in the processor's cache
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Model:
    """`weight` (features and a last row of zeros x classes), `bias` (classes), fingerprint of what they come from."""

    weight: Floats
    bias: Floats
    digest: str


@dataclass(frozen=True, slots=True)
class Told:
    """What texts are made of: text `text[i]` has the sentence `sentence[i]`, sentence `part[i]` the clause `which[i]`.

    A sentence counts for `stress[i]` in its text, a clause for `weight[i]` in its sentence. Texts repeat sentences, so
    what a sentence says is summed once.
    """

    text: Ints
    sentence: Ints
    stress: Floats
    part: Ints
    which: Ints
    weight: Floats

    def said(self, of_clauses: Floats, power: int = 1) -> Floats:
        """Return the sum over each text's clauses of what each says, times how much it counts, raised to `power`."""
        of_sentences = _summed(of_clauses, self.which, self.weight**power, _starts(self.part))
        return _summed(of_sentences, self.sentence, self.stress**power, _starts(self.text))

    def most(self, of_clauses: Floats) -> Floats:
        """Return the largest over each text's clauses, however much they count."""
        of_sentences = np.maximum.reduceat(of_clauses[self.which], _starts(self.part))
        result: Floats = np.maximum.reduceat(of_sentences[self.sentence], _starts(self.text))
        return result

    def clauses(self) -> tuple[Ints, Ints, Floats]:
        """Return text, clause and weight of every clause of every text."""
        lengths = np.bincount(self.part)[self.sentence]
        begins = _starts(self.part)[self.sentence] - (np.cumsum(lengths) - lengths)
        at = np.repeat(begins, lengths) + np.arange(lengths.sum())
        return np.repeat(self.text, lengths), self.which[at], self.weight[at] * np.repeat(self.stress, lengths)


def _summed(rows: Floats, which: Ints, by: Floats, starts: Ints) -> Floats:
    """Return, for each group, the sum of the rows that its members name, times what each member counts.

    The first members of all groups are added together, then the second ones, and so on: groups are many and short, and
    adding them up one by one (`reduceat`) takes four times as long.

    Args:
        rows: what is summed.
        which: each member's row.
        by: what each member counts.
        starts: at which member each group begins.
    """
    lengths, even = np.diff(starts, append=len(which)), by.min(initial=1) == 1
    total = np.zeros((len(starts), *rows.shape[1:]), rows.dtype)
    for nth in range(int(lengths.max(initial=0))):
        groups = np.flatnonzero(lengths > nth)
        members = starts[groups] + nth
        told = rows[which[members]]
        if not even:
            told *= by[members].reshape(-1, *(1,) * (rows.ndim - 1))
        if len(groups) == len(starts):
            total += told
        else:
            total[groups] += told
    return total


def _starts(rising: Ints) -> Ints:
    return np.flatnonzero(np.diff(rising, prepend=-1))


@functools.cache
def packaged() -> Model:
    """The model that ships with the package, stored in eight bits a weight."""
    with resources.files(__package__).joinpath(NAME).open("rb") as file, np.load(file) as stored:
        weight = stored["weight"].astype(np.float32) * stored["scale"]
        return Model(weight, stored["bias"], str(stored["digest"]))


def save(path: str, model: Model) -> None:
    """Write a model in eight bits a weight; a class keeps its own scale."""
    scale = (np.abs(model.weight).max(axis=0) / 127).astype(np.float32)
    small = np.round(model.weight / scale).astype(np.int8)
    np.savez_compressed(path, weight=small, scale=scale, bias=model.bias, digest=np.array(model.digest))


def score(model: Model, features: Features, told: Told) -> tuple[Floats, Floats]:
    """Probabilities per distinct clause (a row of `features`) and per text."""
    alone, whole = np.tile(model.bias, (features.rows, 1)), np.tile(model.bias, (int(told.text[-1]) + 1, 1))
    for kind, few in zip((features.spelling, features.meaning), FEW, strict=True):
        total, size = _sums(model.weight, kind, features.rows)
        alone += total / np.sqrt(size + few)[:, None]
        joined, length = told.said(total), told.said(size, power=2)
        whole += joined / np.sqrt(length + few)[:, None]
    return softmax(alone), softmax(whole)


def softmax(logits: Floats) -> Floats:
    """Rows that sum to one."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Floats = raised / raised.sum(axis=1, keepdims=True)
    return result


def _sums(weight: Floats, kind: tuple[Spelling, ...], rows: int) -> tuple[Floats, Floats]:
    """Sum of the weights of each clause's features, and how many features those were."""
    total, size = np.zeros((rows, weight.shape[1]), np.float32), np.zeros(rows, np.float32)
    for part in kind:
        size += np.bincount(part.row, (part.bucket != NOTHING).sum(axis=1), minlength=rows).astype(np.float32)
        bounds = _bounds(part.row)
        for start, end in pairwise(bounds):
            _add(total, weight, part.row[start:end], part.bucket[start:end])
    return total, size


def _bounds(row: Ints) -> list[int]:
    """Return where to cut: never within a clause, or its sum would depend on the clauses it happens to stand among."""
    starts = _starts(row)
    cuts = np.searchsorted(starts, np.arange(_AT_ONCE, len(row), _AT_ONCE), side="right") - 1
    return [*dict.fromkeys([0, *starts[cuts].tolist(), len(row)])]


def _add(total: Floats, weight: Floats, row: Ints, bucket: npt.NDArray[np.int32]) -> None:
    here = weight[bucket[:, 0]]
    for n in range(1, bucket.shape[1]):
        here += weight[bucket[:, n]]
    starts = _starts(row)
    total[row[starts]] += np.add.reduceat(here, starts, axis=0)

"""Hash how clauses are spelt, whole columns at a time: character n-grams in any script, words in Latin script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

BITS: Final = 16
BUCKETS: Final = 1 << BITS
NOTHING: Final = -1  # the bucket of a place where no n-gram starts; a weight table ends in a row of zeros for it
LONGEST: Final = 5
_END: Final = 10  # the line feed that stands before and after every clause
_SPACE: Final = 32
_LATIN_LAST: Final = 0x024F
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
_STEP: Final = np.uint64(0x100000001B3)

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Spelling:
    """Features by place: clause `row[i]` has the buckets `bucket[i]` (one column per length); rows rise."""

    row: Ints
    bucket: npt.NDArray[np.int32]


def hash_clauses(clauses: list[str]) -> tuple[Spelling, Spelling]:
    """n-grams of 1 to 5 characters of each clause; then its Latin words alone and with the word that follows."""
    codes = np.frombuffer(("\n" + "\n".join(clauses) + "\n").encode("utf-32-le"), dtype=np.uint32)
    row = np.cumsum(codes == _END) - 1
    return Spelling(np.minimum(row, len(clauses) - 1), _characters(codes)), _words(codes, row)


def _characters(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
    """An n-gram may begin or end at the border of a clause; none may reach across it."""
    inner, value = codes != _END, codes.astype(np.uint64)
    clear, wide = np.ones(len(codes), dtype=np.bool_), value
    found = np.full((len(codes), LONGEST), NOTHING, dtype=np.int32)
    _fill(found, inner & (codes > _LATIN_LAST), value, 1)
    for n in range(2, LONGEST + 1):
        value = value[:-1] * _STEP + wide[n - 1 :]
        clear = inner[:-1] | inner[1:] if n == 2 else clear[:-1] & inner[n - 2 : -1]
        _fill(found, clear, value, n)
    return found


def _fill(found: npt.NDArray[np.int32], mask: Mask, value: Hashes, n: int) -> None:
    found[: len(value), n - 1] = np.where(mask, _bucket(value ^ np.uint64(n << 40)), NOTHING)


def _bucket(value: Hashes) -> npt.NDArray[np.int32]:
    return ((value * _PRIME) >> np.uint64(64 - BITS)).astype(np.int32)


def _words(codes: npt.NDArray[np.uint32], row: Ints) -> Spelling:
    """Words are runs between spaces; only those that begin with a Latin letter, digit or sign count."""
    gap = (codes == _SPACE) | (codes == _END)
    first, last = np.flatnonzero(gap[:-1] & ~gap[1:]) + 1, np.flatnonzero(~gap[:-1] & gap[1:]) + 1
    latin = codes[first] <= _LATIN_LAST
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mixed(codes, gap, first), dtype=np.uint64)])
    value = sums[last] - sums[first]
    bucket = np.full((len(first), 2), NOTHING, dtype=np.int32)
    bucket[:, 0] = np.where(latin, _bucket(value), NOTHING)
    pair = latin[:-1] & latin[1:] & (row[first[:-1]] == row[first[1:]])
    both = (value[:-1] * _STEP + value[1:]) ^ np.uint64(1 << 50)
    bucket[:-1, 1] = np.where(pair, _bucket(both), NOTHING)
    return Spelling(row[first][latin], bucket[latin])


def _mixed(codes: npt.NDArray[np.uint32], gap: Mask, first: Ints) -> Hashes:
    """Each character mixed with its place in its word, so that a plain sum tells 'on' from 'no'."""
    begins = np.zeros(len(codes), dtype=np.int64)
    begins[first] = first
    place = (np.arange(len(codes)) - np.maximum.accumulate(begins)).astype(np.uint64)
    mixed = (codes.astype(np.uint64) + (place << np.uint64(32))) * _PRIME
    return np.where(gap, np.uint64(0), mixed ^ (mixed >> np.uint64(29)))

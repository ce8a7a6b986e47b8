"""A block of a file as bits, one for each byte: sixty-four bytes are compared, shifted and counted as one number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
ONE = np.uint64(1)
TOP = np.uint64(63)


def ahead(bits: Words) -> Words:
    """Return the bits of the bytes before these."""
    moved = bits >> ONE
    moved[:-1] |= bits[1:] << TOP
    return moved


def behind(bits: Words) -> Words:
    """Return the bits of the bytes after these."""
    moved = bits << ONE
    moved[1:] |= bits[:-1] >> TOP
    return moved


def places(bits: Words) -> Places:
    """Return the places of the set bits."""
    words = np.flatnonzero(bits)
    some = bits[words]
    if (some & (some - ONE)).any():  # short rows: more than one in a word
        return np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little").view(np.bool_))
    lowest = np.bitwise_count((some & (np.uint64(0) - some)) - ONE)
    return words * 64 + lowest

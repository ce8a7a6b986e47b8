"""Read why a deal was lost from free text, Japanese or English: one of fifteen reasons, or a person must look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recyclekit.policy.reasons.taxonomy import TAXONOMY, ReasonInfo

if TYPE_CHECKING:
    import polars as pl

    from recyclekit.policy.reasons.known import Known

__all__ = ["TAXONOMY", "ReasonInfo", "read_reasons"]


def read_reasons(texts: pl.Series, *, why: bool = True, known: Known | None = None) -> pl.DataFrame:
    """One row per distinct text that is not null, in order of appearance.

    Columns: `text` as given, `reason` (a code; null: a person must read it), `confidence` (Float32, 0..1),
    `candidates` (plausible codes, best first), `evidence` (the words that decided); the last two are null unless `why`
    is wanted. Only the first 2,000 characters of a text are read. The same text always gets the same answer, whatever
    stands beside it. `known`, for texts that come in parts, remembers what was read; it is for use without `why`.
    """
    from recyclekit.policy.reasons.read import read  # the names of the reasons must not cost a model

    return read(texts, why=why, known=known)

"""Wordings that were read before: the slices of a large table repeat one another's, and each is read once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

KEPT: Final = 200_000
"""So many answers are remembered, the newest."""
LENGTH: Final = 500
"""Bytes up to which a wording is remembered: longer ones hardly ever are the same, and memory has a bound."""


@dataclass(slots=True)
class Known:
    """Answers by wording (column `text`), shared by all parts of one table; empty at first."""

    answers: pl.DataFrame | None = None

    def answers_to(self, wordings: pl.Series, read: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
        """Return answers to these wordings, and perhaps to others; only what is not known yet is given to `read`."""
        before = self.answers
        if before is None:
            found = read(wordings)
        else:
            asked = wordings.alias("text").to_frame()
            fresh = asked.join(before, on="text", how="anti", maintain_order="left")["text"]
            found = pl.concat([before, read(fresh)])
        self.answers = found.filter(pl.col("text").str.len_bytes() <= LENGTH).tail(KEPT)
        return found

"""Read distinct texts: wordings of the corpus are looked up, the rest goes through the model, a part at a time."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from recyclekit.policy.reasons import decide, features, model
from recyclekit.policy.reasons.clauses import cut

SCHEMA: Final = pl.Schema(
    {
        "text": pl.String(),
        "reason": pl.String(),
        "confidence": pl.Float32(),
        "candidates": pl.List(pl.String()),
        "evidence": pl.String(),
    }
)
_AT_ONCE: Final = 20_000  # texts in memory together, which bounds what a million of them need


def read(texts: pl.Series) -> pl.DataFrame:
    """Answers in the order in which each text first appears; see `read_reasons`."""
    distinct = texts.cast(pl.String).drop_nulls().unique(maintain_order=True).alias("text").to_frame()
    looked_up = decide.settle(distinct)
    rest = distinct.join(looked_up, on="text", how="anti", maintain_order="left")["text"]
    parts = [infer(model.packaged(), rest.slice(at, _AT_ONCE)) for at in range(0, len(rest), _AT_ONCE)]
    answers = pl.concat([SCHEMA.to_frame(), looked_up.cast(SCHEMA), *parts])
    return distinct.join(answers, on="text", how="left", maintain_order="left").select(SCHEMA.names())


def infer(with_model: model.Model, texts: pl.Series) -> pl.DataFrame:
    """Answers of the model alone, one row per text."""
    clauses = cut(texts)
    text, weight = clauses["text"].to_numpy(), clauses["weight"].to_numpy()
    found = features.extract(clauses["clause"])
    alone, whole = model.score(with_model, found, text, weight, len(texts))
    chance, telling = decide.blend(alone, whole, text, weight)
    best = np.argmax(chance, axis=1)
    evidence = decide.explain(with_model, found, clauses, alone, best)
    return (
        decide.choose(chance, telling)
        .select(pl.Series("text", texts, pl.String), "reason", "confidence", "candidates", evidence.alias("evidence"))
        .cast(SCHEMA)
    )

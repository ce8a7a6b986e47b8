"""Read distinct texts: wordings of the corpus are looked up, the rest goes through the model, a part at a time."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import polars as pl

from recyclekit.models.distinct import surely_distinct
from recyclekit.policy.reasons import decide, features, model
from recyclekit.policy.reasons.clauses import CONCEDED, READ, TURN, cut
from recyclekit.policy.reasons.known import Known
from recyclekit.policy.reasons.ngrams import Ints

SCHEMA: Final = pl.Schema(
    {
        "text": pl.String(),
        "reason": pl.String(),
        "confidence": pl.Float32(),
        "candidates": pl.List(pl.String()),
        "evidence": pl.String(),
    }
)
_AT_ONCE: Final = 200_000  # texts in memory together, which bounds what a million of them need
_WORDING: Final = 40  # characters up to which a text is looked up as a whole: longer ones never are the same
_ENDS: Final = ("。", "!", "?", "！", "？", ". ", "\n")  # of a sentence, well enough to cut a note into pieces
_DIGITS: Final = r"[1-9]"


def read(texts: pl.Series, *, why: bool = True, known: Known | None = None) -> pl.DataFrame:
    """Answers in the order in which each text first appears; see `read_reasons`."""
    told = texts.cast(pl.String).drop_nulls()
    distinct = (told if surely_distinct(told) else told.unique(maintain_order=True)).alias("text")
    # To the reader every number is the same, so notes that differ in a month or a count alone are read once.
    spoken = plain(distinct)
    wordings, answer = spoken.unique(maintain_order=True), partial(_wordings, why=why)
    answers = answer(wordings) if known is None or why else known.answers_to(wordings, answer)
    beside = pl.DataFrame([distinct, spoken.alias("wording")])
    found = beside.join(answers.rename({"text": "wording"}), on="wording", how="left", maintain_order="left")
    return found.select(SCHEMA.names())


def plain(texts: pl.Series) -> pl.Series:
    """Return wordings, in which every digit is 0."""
    return texts.to_frame("text").select(pl.col("text").str.replace_all(_DIGITS, "0")).to_series()


def _wordings(texts: pl.Series, *, why: bool) -> pl.DataFrame:
    """Answers for texts in which every digit is 0, in any order."""
    distinct = texts.alias("text").to_frame()
    looked_up = decide.settle(distinct.filter(pl.col("text").str.len_chars() <= _WORDING))
    rest = distinct.join(looked_up, on="text", how="anti", maintain_order="left")["text"]
    parts = [infer(model.packaged(), rest.slice(at, _AT_ONCE), why=why) for at in range(0, len(rest), _AT_ONCE)]
    return pl.concat([SCHEMA.to_frame(), looked_up.cast(SCHEMA), *parts])


def infer(with_model: model.Model, texts: pl.Series, *, why: bool = True) -> pl.DataFrame:
    """Answers of the model alone, one row per text."""
    told, clauses = pieces(texts)
    found = features.extract(clauses)
    alone, whole = model.score(with_model, found, told)
    chance, telling = decide.blend(alone, whole, told)
    words = pl.Series("evidence", [None], dtype=pl.String).new_from_index(0, len(texts))
    if why:
        words = decide.explain(with_model, found, clauses, told, (alone, np.argmax(chance, axis=1)))
    return (
        decide.choose(chance, telling, why=why)
        .select(pl.Series("text", texts, pl.String), "reason", "confidence", "candidates", words.alias("evidence"))
        .cast(SCHEMA)
    )


def pieces(texts: pl.Series) -> tuple[model.Told, pl.Series]:
    """Cut texts into clauses, looking at each sentence and each clause once: notes repeat one another's phrases.

    Returns what the texts are made of, and the distinct clauses.
    """
    spoken = _sentences(texts)
    sentence, sentences = _numbered(spoken["sentence"])
    cuts = cut(sentences)
    which, clauses = _numbered(cuts["clause"])
    part, weight = cuts["text"].to_numpy(), cuts["weight"].to_numpy()
    text, number = spoken["text"].to_numpy(), sentence.to_numpy()
    stress = _stress(text, number, sentences)
    return model.Told(text, number, stress, part, which.to_numpy(), weight), clauses


def _stress(text: Ints, sentence: Ints, sentences: pl.Series) -> model.Floats:
    """How much each sentence counts: less in front of one that turns the story ('However, ...'), where there is one."""
    goes_on = np.diff(text, prepend=-1) == 0
    turns = sentences.str.contains(TURN).to_numpy()[sentence] & goes_on
    so_far = np.cumsum(turns)
    behind = so_far[np.searchsorted(text, text, side="right") - 1] - so_far
    return np.where(behind > 0, CONCEDED, 1).astype(np.float32)


def _numbered(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the number of each text among the distinct ones, and these in the order in which they appear."""
    distinct = texts.unique(maintain_order=True)
    numbers = pl.int_range(len(distinct), dtype=pl.Int64, eager=True)
    return texts.replace_strict(distinct, numbers, return_dtype=pl.Int64), distinct


def _sentences(texts: pl.Series) -> pl.DataFrame:
    """One row per sentence: `text` (row number), `sentence`; a text without any keeps one that is empty."""
    split = (
        pl.LazyFrame({"sentence": texts})
        .select(
            text=pl.int_range(pl.len()).cast(pl.Int64),
            sentence=pl.col("sentence")
            .str.slice(0, READ)
            .str.replace_many(list(_ENDS), ["\x1f"] * len(_ENDS))
            .str.split("\x1f"),
        )
        .explode("sentence")
        .with_columns(pl.col("sentence").str.strip_chars())
        .filter(pl.col("sentence") != "")
        .collect()
    )
    told = np.zeros(len(texts), dtype=np.bool_)
    told[split["text"].to_numpy()] = True
    silent = pl.DataFrame({"text": np.flatnonzero(~told), "sentence": ""}, schema=split.schema)
    return pl.concat([split, silent]).sort("text", maintain_order=True) if len(silent) else split

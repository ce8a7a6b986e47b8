"""The packaged weights belong to the corpus beside them, are small, and have learned it."""

from __future__ import annotations

from importlib import resources

import polars as pl
import pytest

from recyclekit.policy.reasons import TAXONOMY, clauses, corpus, features, lexicon, model, train
from recyclekit.policy.reasons.read import infer

PACKAGE = resources.files("recyclekit.policy.reasons")


def test_the_weights_were_learned_from_the_corpus_the_lexicon_and_the_features_as_they_are() -> None:
    hint = "run: python -m recyclekit.policy.reasons.train"
    assert model.packaged().digest == train.digest(), hint


def test_the_phrases_that_are_looked_up_are_those_of_the_corpus() -> None:
    hint = "run: python -m recyclekit.policy.reasons.train"
    assert corpus.settled().equals(corpus.keyed()), hint


def test_a_change_of_the_features_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_NEAR", 4)
    assert train.digest() != model.packaged().digest


def test_a_change_of_how_texts_are_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "cut", lambda texts: clauses.cut(texts.str.to_uppercase().str.replace(" ", "-")))
    assert train.digest() != model.packaged().digest


def test_the_weights_are_a_small_file() -> None:
    assert len(PACKAGE.joinpath(model.NAME).read_bytes()) < 2_000_000


def test_the_model_knows_its_own_lessons_without_looking_them_up() -> None:
    lessons = corpus.phrases().filter(
        (pl.col("labels").list.len() == 1) & (pl.col("labels").list.first() != corpus.NONE)
    )
    answers = infer(model.packaged(), lessons["phrase"])
    right = answers["candidates"].list.first() == lessons["labels"].list.first()
    assert right.mean() >= 0.97  # the features at reading are those of learning, or this falls


def test_every_reason_has_at_least_a_hundred_phrases_in_each_language() -> None:
    lessons = corpus.phrases().explode("labels").with_columns(ja=pl.col("phrase").str.contains("[ぁ-んァ-ヶ一-龠]"))
    counts = lessons.filter(pl.col("labels") != corpus.NONE).group_by("labels", "ja").len()
    assert len(counts) == 2 * len(TAXONOMY)
    assert counts["len"].min() >= 100


def test_no_phrase_is_listed_under_two_reasons_unless_as_ambiguous() -> None:
    one = corpus.phrases().filter(pl.col("labels").list.len() == 1).select(corpus.key(pl.col("phrase")), "labels")
    clashes = one.group_by("phrase").agg(pl.col("labels").list.first().unique()).filter(pl.col("labels").list.len() > 1)
    assert clashes.is_empty(), clashes.to_dicts()


def test_ambiguous_phrases_name_two_known_reasons_or_more() -> None:
    several = corpus.phrases().filter(pl.col("labels").list.len() > 1)
    assert len(several) > 100
    assert set(several["labels"].explode()) <= set(TAXONOMY)


def test_every_entry_of_the_lexicon_can_be_found() -> None:
    words = lexicon.entries()["literal"].unique(maintain_order=True)
    found = lexicon.find(words.str.strip_chars().alias("clause"))
    missed = [word for row, word in enumerate(words) if word not in found.filter(row=row)["literal"].to_list()]
    assert not missed

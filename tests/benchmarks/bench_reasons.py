"""The reason classifier: right, wrong, left to a person on labelled phrases; texts a second (needs scikit-learn).

Labelled phrases are looked for in `RECYCLEKIT_PHRASES`, or else in `../shared/data/phrases`; without them only the
cross-validation on the package's own corpus is measured. The honest figures are those where nothing near was learned.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from recyclekit.policy.reasons import TAXONOMY, corpus, read_reasons, train
from recyclekit.policy.reasons.read import infer
from tests.benchmarks.figure import Figure

FOLDER: Final = Path(os.environ.get("RECYCLEKIT_PHRASES", Path(__file__).parents[3] / "shared/data/phrases"))
FOLDS: Final = 3
SEED: Final = 7
TWIN: Final = (
    0.6  # cosine of character pairs and triples from which a corpus phrase counts as the same as a test phrase
)
FAMILY: Final = 0.75  # and from which two phrases of the corpus may not stand in different folds


def measure() -> Iterable[Figure]:
    for path in sorted(FOLDER.rglob("*.csv")):
        told = _labelled(pl.read_csv(path, infer_schema_length=0))
        if told is not None:
            clear = bool((told["labels"].list.len() == 1).all())
            yield from _figures(path.stem, _answered(told, read_reasons(told["phrase"])), clear=clear, bars=clear)
            yield from _figures(f"{path.stem}, no near twin learned", _without_twins(told), clear=clear)
    yield from _cross_validated()
    yield from _speeds()


def _labelled(table: pl.DataFrame) -> pl.DataFrame | None:
    """Columns `phrase` and `labels`, whatever the file calls them; None if it is no such file."""
    label = next((name for name in ("label", "labels", "labels_accepted") if name in table.columns), None)
    if label is None or "text" not in table.columns:
        return None
    return table.select(phrase="text", labels=pl.col(label).str.split("|"))


def _answered(told: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    joined = told.join(answers, left_on="phrase", right_on="text", how="left", maintain_order="left")
    return joined.with_columns(right=pl.col("labels").list.contains(pl.col("reason")) & pl.col("reason").is_not_null())


def _figures(name: str, answers: pl.DataFrame, *, clear: bool, bars: bool = False) -> Iterator[Figure]:
    of, note = len(answers), f"{len(answers)} phrases"
    right, review = float(answers["right"].sum()) / of, answers["reason"].null_count() / of
    wrong = max(0.0, 1 - right - review)
    yield Figure(name=f"{name}: right", value=right, unit="", bar=0.92 if bars else None, better="higher", note=note)
    yield Figure(name=f"{name}: wrong", value=wrong, unit="", bar=0.03 if bars else None)
    yield Figure(name=f"{name}: left to a person", value=review, unit="")
    if clear:
        yield from _price(name, answers)
        print(f"\n{name}: what it is (down), what was answered (across)\n{_confusion(answers)}")
        print(f"\n{name}: share answered, the surest first, and share of these that is wrong\n{_risk(answers)}")


def _price(name: str, answers: pl.DataFrame) -> Iterator[Figure]:
    claimed, real = answers.filter(reason="price"), answers.filter(pl.col("labels").list.contains("price"))
    missed = real.filter(~pl.col("right") & pl.col("reason").is_not_null())
    yield Figure(
        name=f"{name}: price precision",
        value=float(claimed["right"].sum()) / max(len(claimed), 1),
        unit="",
        better="higher",
        note=f"{len(claimed)} claimed",
    )
    yield Figure(
        name=f"{name}: price recall",
        value=float(real["right"].sum()) / max(len(real), 1),
        unit="",
        better="higher",
        note=f"{len(real)} real, {len(missed)} taken for another reason, the others left to a person",
    )


def _risk(answers: pl.DataFrame) -> str:
    """The risk-coverage curve of the first candidate, claimed or not: what another threshold would do."""
    first = pl.col("candidates").list.first().is_in(pl.col("labels")).fill_null(value=False)
    surest = answers.sort("confidence", descending=True, nulls_last=True).select(wrong=~first)["wrong"]
    shares = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
    return "  ".join(f"{share:.0%}: {surest.head(round(len(surest) * share)).mean():.1%}" for share in shares)


def _confusion(answers: pl.DataFrame) -> str:
    """A table as text; codes are cut to eight letters, `-` is a person."""
    counts = answers.select(pl.col("labels").list.first(), pl.col("reason").fill_null("-")).group_by(pl.all()).len()
    cells = {(label, reason): n for label, reason, n in counts.rows()}
    across = [*TAXONOMY, "-"]
    lines = ["".ljust(22) + " ".join(code[:8].rjust(8) for code in across)]
    for label in TAXONOMY:
        row = " ".join(str(cells.get((label, code), ".")).rjust(8) for code in across)
        lines.append(label.ljust(22) + row)
    return "\n".join(lines)


def _cross_validated() -> Iterator[Figure]:
    """Each third of the corpus read by a model that learned the other two; near twins are in the same third."""
    every = corpus.phrases()
    fold = np.random.default_rng(SEED).integers(FOLDS, size=len(every))[_families(every["phrase"])]
    parts = []
    for n in range(FOLDS):
        learned = train.fit(every.filter(pl.Series(fold != n)))
        held = every.filter(pl.Series(fold == n) & (pl.col("labels").list.first() != corpus.NONE))
        parts.append(_answered(held, infer(learned, held["phrase"]).unique("text")))
    told = pl.concat(parts)
    several = pl.col("labels").list.len() > 1
    yield from _figures("own corpus, unseen families", told.filter(~several), clear=True)
    yield from _figures("own corpus, ambiguous", told.filter(several), clear=False)


def _without_twins(told: pl.DataFrame) -> pl.DataFrame:
    """Answers of a model that learned nothing near these phrases, and looks nothing up."""
    every = corpus.phrases()
    vectors = _vectors(pl.concat([every["phrase"], told["phrase"]]))
    nearest = (vectors[: len(every)] @ vectors[len(every) :].T).max(axis=1).toarray().ravel()
    learned = train.fit(every.filter(pl.Series(nearest < TWIN)))
    return _answered(told, infer(learned, told["phrase"]).unique("text"))


def _families(phrases: pl.Series) -> Any:
    """The number of the family of each phrase: phrases linked by a chain of near twins."""
    vectors = _vectors(phrases)
    near = (vectors @ vectors.T).tocsr()
    near.data[near.data < FAMILY] = 0
    near.eliminate_zeros()
    return import_module("scipy.sparse.csgraph").connected_components(near, directed=False)[1]


def _vectors(phrases: pl.Series) -> Any:
    text: Any = import_module("sklearn.feature_extraction.text")
    grams = text.TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), use_idf=False)
    return grams.fit_transform(phrases.to_list())


def _speeds() -> Iterator[Figure]:
    """Distinct texts: wordings of the corpus in other spacing, then the same with something unseen behind them."""
    phrases = corpus.phrases()["phrase"]
    known = pl.concat([phrases.str.replace(r"$", " " * n) for n in range(1, 12)])
    unseen = pl.concat([pl.Series([f"{phrase} q{n}x" for phrase in phrases]) for n in range(8)])
    for name, texts, bar in (("looked up", known, 150_000), ("all", unseen, 30_000)):
        read_reasons(texts.head(10))
        started = time.process_time()
        read_reasons(texts)
        rate = len(texts) / (time.process_time() - started)
        yield Figure(
            name=f"texts, {name}", value=rate, unit="/s", bar=bar, better="higher", note="per second of processor"
        )

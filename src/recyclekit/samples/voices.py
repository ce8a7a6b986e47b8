"""What the invented sales people write: reasons, notes and hooks, in their language, never twice quite the same."""

from __future__ import annotations

from random import Random
from types import ModuleType
from typing import Any

from recyclekit.samples import phrases_en, phrases_ja

WEIGHTS = {
    "competitor": 17,
    "unresponsive": 16,
    "price": 13,
    "no_budget": 12,
    "timing": 10,
    "priority_pending": 9,
    "info_gathering": 6,
    "needs_mismatch": 5,
    "status_quo": 4,
    "internal_approval": 3,
    "bant_unconfirmed": 2,
    "relationship_proposal": 1,
    "project_cancelled": 1,
    "disqualified": 1,
}
"""How often a canonical reason is the true one behind a lost deal, in parts of a hundred."""


def module(language: str) -> ModuleType:
    """Return the words of a language, `ja` or `en`."""
    return phrases_ja if language == "ja" else phrases_en


def reason(rng: Random, language: str, code: str, year: int) -> str:
    """Return a free text that means the canonical reason: mostly a line, sometimes a long story around it."""
    words = module(language)
    core = rng.choice(words.REASONS[code])
    if rng.random() < 0.12:
        text = rng.choice(words.NARRATIVE).replace("{core}", core)
    else:
        text = rng.choice(words.OPENINGS) + core + rng.choice(words.CLOSINGS)
    return _halfwidth_slip(rng, fill(rng, text, words, year))


def ambiguous(rng: Random, language: str) -> str:
    """Return a text from which nobody can tell the reason."""
    return str(rng.choice(module(language).AMBIGUOUS))


def hook(rng: Random, language: str, year: int) -> str:
    """Return what to come back with; about a third are too vague to be of use."""
    words = module(language)
    lines = words.VAGUE_HOOKS if rng.random() < 0.33 else words.HOOKS
    return fill(rng, rng.choice(lines), words, year)


def fill(rng: Random, text: str, words: Any, year: int) -> str:
    """Return the text with its slots filled."""
    return text.format(
        month=rng.choice(words.MONTHS),
        year=year + rng.choice((0, 1)),
        rival=rng.choice(words.RIVALS),
        product=rng.choice(words.PRODUCTS),
        dept=rng.choice(words.DEPARTMENTS),
        n=rng.randint(2, 6),
    )


def _halfwidth_slip(rng: Random, text: str) -> str:
    """Type digits in full width now and then, as people do."""
    return text.translate(str.maketrans("0123456789", "０１２３４５６７８９")) if rng.random() < 0.05 else text

"""What is left of an erased person: keyed digests of ids, which tell that an id is one of theirs and not whose."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import polars as pl

from recyclekit.models.tables import Table


class Erasable(StrEnum):
    """What an id stands for; the same text may be the id of a deal and of a contact."""

    DEAL = "deal"
    CONTACT = "contact"


RECORD = {str(Table.DEALS): Erasable.DEAL, str(Table.CONTACTS): Erasable.CONTACT}
"""Table of a dead letter → what its record's id stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstones:
    """Digests of erased ids, under the salt of their pipeline. Without any, nothing is asked and nothing is covered."""

    salt: str = ""
    digests: frozenset[str] = frozenset()

    def digest(self, kind: Erasable, one: str) -> str:
        """Return the digest of an id. Mail addresses count the same however they are written."""
        text = unicodedata.normalize("NFKC", one).strip()
        text = text.casefold() if "@" in text else text
        return hmac.digest(self.salt.encode(), f"{kind.value}\x1f{text}".encode(), "sha256").hex()[:32]

    def covered(self, kind: Erasable, ids: Iterable[str | None]) -> frozenset[str]:
        """Return those of these ids that are erased."""
        if not self.digests:
            return frozenset()
        return frozenset(one for one in ids if one is not None and self.digest(kind, one) in self.digests)

    def covers(self, kind: Erasable, ids: pl.Series) -> pl.Series:
        """Return for each id whether it is erased; null is not."""
        found: Collection[str] = self.covered(kind, ids.unique()) if self.digests else ()
        return ids.is_in(list(found)).fill_null(value=False)


_GONE = "<erased>"
_TOKEN = re.compile(r"[0-9A-Za-z](?:[\w.@+-]*[0-9A-Za-z])?", re.ASCII)


def cleaning(stones: Tombstones, words: Collection[str] = ()) -> Callable[[str], str]:
    """Return what puts `<erased>` in the place of erased ids, and of these words in any case, in a text of any kind."""
    told = [re.escape(word) for word in sorted(words, key=len, reverse=True) if word]
    literal = re.compile("|".join(rf"(?<![0-9A-Za-z]){word}(?![0-9A-Za-z])" for word in told), re.IGNORECASE)

    @lru_cache(maxsize=100_000)
    def theirs(token: str) -> bool:
        return any(stones.covered(kind, [token]) for kind in Erasable)

    def clean(text: str) -> str:
        kept = literal.sub(_GONE, text) if told else text
        return _TOKEN.sub(lambda match: _GONE if theirs(match[0]) else match[0], kept)

    return clean

"""Which of an export's headings is meant by which of our columns: to suggest or draft a field map, never to read by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from recyclekit.models.heading_words import CLOSING, FILE_NAMES, SIGNS, USUAL
from recyclekit.models.tables import Table

_ALIKE = 0.7
_BRACKETS = re.compile(r"[(\[{<（［【「][^)\]}>）］】」]*[)\]}>）］】」]")
_PREFIXES = {
    Table.DEALS: ("deal", "opportunity", "opp", "property", "商談の", "案件の", "取引の", "商談", "案件", "取引"),
    Table.ACTIVITIES: ("activity", "engagement", "task", "property", "活動の", "活動"),
    Table.CONTACTS: ("contact", "person", "property"),
    Table.ACCOUNTS: ("account", "company", "organization", "property"),
}
_SUFFIXES = ("usd", "eur", "gbp", "jpy", "円", "税抜", "税込", "千円", "万円")


def likely(table: Table, name: str, wanted: str, offered: Collection[str]) -> list[str]:
    """Return the headings among those offered that are probably meant, at most two, the best first.

    Args:
        table: ours.
        name: our column.
        wanted: the heading that the field map names, and that is not there.
        offered: headings that are there.
    """
    folded = {fold(one): one for one in offered if fold(one)}
    close = get_close_matches(fold(wanted), list(folded), n=2, cutoff=_ALIKE)
    usual = [one for one in usual_headings(table, name) if one in folded]
    return [folded[one] for one in close or usual[:1]]


def fold(heading: str) -> str:
    """Return what is compared: full-width letters, case, blanks and punctuation make no difference."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", heading)).casefold()


def usual_headings(table: Table, name: str) -> Sequence[str]:
    """Return what exports call a column of ours, folded, the most usual first."""
    words = USUAL.get(table, {}).get(name, "")
    return words.split("|") if words else ()


def ranked(table: Table, name: str, offered: Sequence[str]) -> dict[str, bool]:
    """Return the headings that usually mean a column of ours, the best first.

    The value tells whether that is so only without what stands around the word: brackets, a table's name, a unit.
    """
    usual = {word: place for place, word in enumerate(usual_headings(table, name))}
    exact = {one: usual[fold(one)] for one in offered if fold(one) in usual}
    bare = {one: usual.keys() & _bare(table, one) for one in offered if one not in exact}
    inside = sorted((one for one in bare if bare[one]), key=lambda one: min(usual[word] for word in bare[one]))
    return dict.fromkeys(sorted(exact, key=lambda one: exact[one]), False) | dict.fromkeys(inside, True)


def signs(table: Table, offered: Collection[str]) -> int:
    """Return how many headings say that a file lists what this table holds, though none of our columns does."""
    known = set(SIGNS[table].split("|"))
    return sum(fold(one) in known for one in offered)


def table_in_name(stem: str) -> Table | None:
    """Return the table that a file's name speaks of, without its ending."""
    plain = unicodedata.normalize("NFKC", stem).casefold()
    return next((table for table, words in FILE_NAMES.items() if any(w in plain for w in words.split("|"))), None)


def closing(meaning: str, offered: Collection[str]) -> str | None:
    """Return the heading under which a system says yes or no to a deal being `won`, `lost` or `closed`."""
    known = CLOSING[meaning].split("|")
    return next((one for one in offered if fold(one) in known), None)


def _bare(table: Table, heading: str) -> set[str]:
    """Return what is left of a heading without brackets, a custom field's ending, a table's name or a unit."""
    plain = unicodedata.normalize("NFKC", heading).strip()
    plain = re.sub(r"__?c$", "", _BRACKETS.sub("", plain), flags=re.IGNORECASE)
    words = {fold(plain)}
    words |= {
        word.removeprefix(prefix) for word in words for prefix in _PREFIXES.get(table, ()) if word.startswith(prefix)
    }
    words |= {word.removesuffix(suffix) for word in words for suffix in _SUFFIXES if word.endswith(suffix)}
    return {word for word in words if word}

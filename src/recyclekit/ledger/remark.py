"""What the other side said, fit to be kept: cut short, with mail addresses and telephone numbers taken out."""

from __future__ import annotations

import re

from recyclekit.observing.redaction import without_people

LONGEST = 200
_ADDRESS = re.compile(r"[^\s@<>\"(),;:]+@[^\s@<>\"'(),;:]+")
_TELEPHONE = re.compile(r"(?<![\w-])\+?\(?\d[\d()]*(?:[-. ]\(?\d+\)?){2,}(?![\w-])")
_GROUPS = re.compile(r"[\d()][-. ]\(?\d")
_RARE = re.compile(r"[+＋(（０-９＠]|%40|0[5789]0\d{8}")
"""What stands in ways of writing them that few remarks hold, and that cost more to look for."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def remark(said: str | None) -> str | None:
    """Return a remark that names nobody's address or number, at most 200 characters; empty is null."""
    if not said:
        return None
    kept = without_people(said) if _RARE.search(said) else said
    kept = _ADDRESS.sub("<address>", kept) if "@" in kept else kept
    if _GROUPS.search(kept):  # most have none, and looking for whole numbers costs much more
        kept = _TELEPHONE.sub(lambda m: m[0] if _DATE.fullmatch(m[0]) else "<number>", kept)
    return kept if len(kept) <= LONGEST else f"{kept[: LONGEST - 1]}…"

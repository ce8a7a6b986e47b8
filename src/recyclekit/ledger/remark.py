"""What the other side said, fit to be kept: cut short, with mail addresses and telephone numbers taken out."""

from __future__ import annotations

import re

LONGEST = 200
_ADDRESS = re.compile(r"[^\s@<>\"(),;:]+@[^\s@<>\"'(),;:]+")
_TELEPHONE = re.compile(r"(?<![\w-])\+?\(?\d[\d()]*(?:[-. ]\(?\d+\)?){2,}(?![\w-])")
_GROUPS = re.compile(r"[\d()][-. ]\(?\d")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def remark(said: str | None) -> str | None:
    """Return a remark that names nobody's address or number, at most 200 characters; empty is null."""
    if not said:
        return None
    kept = _ADDRESS.sub("<address>", said) if "@" in said else said
    if _GROUPS.search(kept):  # most have none, and looking for whole numbers costs much more
        kept = _TELEPHONE.sub(lambda m: m[0] if _DATE.fullmatch(m[0]) else "<number>", kept)
    return kept if len(kept) <= LONGEST else f"{kept[: LONGEST - 1]}…"

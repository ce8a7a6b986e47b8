"""Text as people and exports leave it: outer blanks, control characters, empty cells."""

from __future__ import annotations

import polars as pl

UNTIDY = r"[\x00-\x1f\x7f-\x9f\x{feff}]|^\s|\s$|^$"
"""Matches a text that is not yet as `cleaned` leaves it."""
_BREAKS = r"[\t\n\v\f\r\x{85}]+"
_CONTROLS = r"[\x00-\x1f\x7f-\x9f\x{feff}]"


FREE = frozenset({"name", "product", "lost_reason", "lost_note", "approach_person", "hook", "competitor", "value"})
"""Columns that people type into. All other text is the system's own, and comes back to it letter for letter."""


def cleaned(text: pl.Expr) -> pl.Expr:
    """Return texts without control characters and outer blanks; line breaks become a blank, empty becomes null."""
    return bare(text.str.replace_all(_BREAKS, " ").str.replace_all(_CONTROLS, ""))


def bare(text: pl.Expr) -> pl.Expr:
    """Return texts without outer blanks, empty ones as null, and nothing else changed: for ids."""
    inner = text.str.strip_chars()
    return pl.when(inner != "").then(inner)


def folded(text: pl.Expr) -> pl.Expr:
    """Return cleaned texts with full-width letters and digits made half-width (NFKC): for what is parsed, never ids."""
    return cleaned(text.str.normalize("NFKC"))


def tidied(name: str, text: pl.Expr) -> pl.Expr:
    """Return texts of a column as they are kept: free text cleaned, ids bare."""
    return cleaned(text) if name in FREE else bare(text)


def untidy(name: str, text: pl.Expr) -> pl.Expr:
    """Return where `tidied` would change a text. A third of the cost of changing it, and cheaper still for ids."""
    return text.str.contains(UNTIDY) if name in FREE else (text.str.strip_chars() != text) | (text == "")
